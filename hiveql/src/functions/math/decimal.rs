//! Arithmetic on decimals, with 256 bits between where 128 do not hold it.
//!
//! Each result is first rounded half up to 38 digits, as Hive's decimals are, and then to the scale of its type. What
//! has more digits before the point than its type has is NULL.

use super::operand::Operator;
use crate::functions::{Columns, resolve::primitive};
use datafusion::{
    arrow::{
        array::{ArrayRef, Decimal128Array},
        compute::binary,
        datatypes::{Decimal128Type, i256},
    },
    common::Result,
};
use std::sync::Arc;

const DIGITS: u32 = 38;
/// One more than the largest decimal, whatever its scale.
const LIMIT: u128 = 10u128.pow(DIGITS);

/// An operator with the precision and scale of its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecimalCall {
    op: Operator,
    precision: u8,
    scale: u8,
}

/// The scales of both operands.
#[derive(Debug, Clone, Copy)]
struct Scales {
    left: u32,
    right: u32,
}

impl DecimalCall {
    pub(super) fn new(op: Operator, precision: u8, scale: u8) -> DecimalCall {
        DecimalCall { op, precision, scale }
    }

    pub(super) fn run(self, columns: Columns<'_>) -> Result<ArrayRef> {
        let (left, right) =
            (primitive::<Decimal128Type>(columns, 0)?, primitive::<Decimal128Type>(columns, 1)?);
        let scale = |array: &Decimal128Array| u32::try_from(array.scale()).unwrap_or(0);
        let scales = Scales { left: scale(left), right: scale(right) };
        let values = match self.direct(left, right, scales)? {
            Some(values) => values,
            None => {
                let pairs = left.iter().zip(right);
                pairs.map(|(left, right)| self.value(left?, right?, scales)).collect()
            }
        };
        Ok(Arc::new(values.with_precision_and_scale(self.precision, self.scale as i8)?))
    }

    /// Where the types say that nothing can overflow or be rounded.
    fn direct(
        self,
        left: &Decimal128Array,
        right: &Decimal128Array,
        scales: Scales,
    ) -> Result<Option<Decimal128Array>> {
        let whole = |array: &Decimal128Array, scale: u32| u32::from(array.precision()).saturating_sub(scale);
        let scale = scales.left.max(scales.right);
        let sum_digits = whole(left, scales.left).max(whole(right, scales.right)) + scale + 1;
        let product_digits = u32::from(left.precision()) + u32::from(right.precision()) + 1;
        let (left_unit, right_unit) =
            (10i128.wrapping_pow(scale - scales.left), 10i128.wrapping_pow(scale - scales.right));
        Ok(Some(match self.op {
            Operator::Add if sum_digits <= DIGITS => binary(left, right, |left: i128, right: i128| {
                left.wrapping_mul(left_unit).wrapping_add(right.wrapping_mul(right_unit))
            })?,
            Operator::Subtract if sum_digits <= DIGITS => binary(left, right, |left: i128, right: i128| {
                left.wrapping_mul(left_unit).wrapping_sub(right.wrapping_mul(right_unit))
            })?,
            Operator::Multiply if product_digits <= DIGITS => binary(left, right, i128::wrapping_mul)?,
            _ => return Ok(None),
        }))
    }

    fn value(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        match self.op {
            Operator::Multiply => self.product(left, right, scales.left + scales.right),
            Operator::Divide => self.quotient(left, right, scales),
            _ => match self.narrow(left, right, scales) {
                Some(value) => within(value, self.precision),
                None => self.wide(left, right, scales),
            },
        }
    }

    /// What is done on operands of one scale, where 128 bits hold it all and nothing is rounded.
    fn narrow(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        let scale = scales.left.max(scales.right);
        let left = left.checked_mul(10i128.checked_pow(scale - scales.left)?)?;
        let right = right.checked_mul(10i128.checked_pow(scale - scales.right)?)?;
        let value = match self.op {
            Operator::Subtract => left.checked_sub(right)?,
            Operator::Modulo => left.checked_rem(right)?,
            Operator::PositiveModulo => left.checked_rem(right)?.checked_add(right)?.checked_rem(right)?,
            _ => left.checked_add(right)?,
        };
        (scale == u32::from(self.scale) && value.unsigned_abs() < LIMIT).then_some(value)
    }

    fn wide(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        let scale = scales.left.max(scales.right);
        let left = i256::from_i128(left).checked_mul(power(scale - scales.left)?)?;
        let right = i256::from_i128(right).checked_mul(power(scale - scales.right)?)?;
        let value = match self.op {
            Operator::Subtract => left.checked_sub(right)?,
            Operator::Modulo => left.checked_rem(right)?,
            Operator::PositiveModulo => left.checked_rem(right)?.checked_add(right)?.checked_rem(right)?,
            _ => left.checked_add(right)?,
        };
        self.finish(value, scale)
    }

    fn product(self, left: i128, right: i128, scale: u32) -> Option<i128> {
        let own = u32::from(self.scale);
        match left.checked_mul(right) {
            Some(product) if product.unsigned_abs() < LIMIT && scale <= DIGITS && own <= scale => {
                within(half_up(product, 10i128.checked_pow(scale - own)?)?, self.precision)
            }
            _ => self.finish(i256::from_i128(left).checked_mul(i256::from_i128(right))?, scale),
        }
    }

    fn quotient(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        if right == 0 {
            return None;
        }
        match self.short_quotient(left, right, scales) {
            Some(quotient) => within(quotient, self.precision),
            None => self.long_quotient(left, right, scales),
        }
    }

    /// The quotient with all 38 places, in two steps so that no product is wider than 256 bits.
    fn long_quotient(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        let (divisor, places) = (i256::from_i128(right), (DIGITS + scales.right).checked_sub(scales.left)?);
        let mut quotient = i256::from_i128(left.checked_div(right)?);
        let mut rest = i256::from_i128(left.checked_rem(right)?);
        for step in [places.min(DIGITS), places.saturating_sub(DIGITS)] {
            let raised = rest.checked_mul(power(step)?)?;
            quotient = quotient.checked_mul(power(step)?)?.checked_add(raised.checked_div(divisor)?)?;
            rest = raised.checked_rem(divisor)?;
        }
        if rest.checked_mul(i256::from_i128(2))?.checked_abs()? >= divisor.checked_abs()? {
            let step = if (left < 0) == (right < 0) { i256::ONE } else { i256::MINUS_ONE };
            quotient = quotient.checked_add(step)?;
        }
        self.finish(quotient, DIGITS)
    }

    /// The quotient rounded once; `None` where it does not fit, or where rounding to 38 digits before that could
    /// make a difference: a divisor of b digits comes no closer to a half than 1 / (2 * 10^b).
    fn short_quotient(self, left: i128, right: i128, scales: Scales) -> Option<i128> {
        let own = u32::from(self.scale);
        let places = (own + scales.right).checked_sub(scales.left)?;
        let quotient = half_up(left.checked_mul(10i128.checked_pow(places)?)?, right)?;
        let magnitude = quotient.unsigned_abs().max(10u128.checked_pow(own)?).checked_mul(10)?;
        (magnitude.checked_mul(right.unsigned_abs())? < LIMIT).then_some(quotient)
    }

    /// A number of the scale `scale` as one of the result's type.
    fn finish(self, value: i256, scale: u32) -> Option<i128> {
        let (value, scale) = to_38_digits(value, scale)?;
        let own = u32::from(self.scale);
        let value = match scale.checked_sub(own) {
            Some(surplus) => half_up_wide(value, power(surplus)?)?,
            None => value.checked_mul(power(own - scale)?)?,
        };
        within(value.to_i128()?, self.precision)
    }
}

/// Rounded to no more than 38 digits and 38 places.
fn to_38_digits(value: i256, scale: u32) -> Option<(i256, u32)> {
    let digits = value.checked_abs()?.checked_ilog10().map_or(0, |log| log + 1);
    let surplus = digits.saturating_sub(DIGITS).max(scale.saturating_sub(DIGITS));
    if surplus == 0 {
        return Some((value, scale));
    }
    Some((half_up_wide(value, power(surplus)?)?, scale.checked_sub(surplus)?))
}

fn power(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// `value`, if it has no more than `precision` digits.
pub(super) fn within(value: i128, precision: u8) -> Option<i128> {
    (value.unsigned_abs() < 10u128.checked_pow(u32::from(precision))?).then_some(value)
}

/// Divided, and rounded away from zero when halfway.
pub(super) fn half_up(value: i128, by: i128) -> Option<i128> {
    let (quotient, rest) = (value.checked_div(by)?, value.checked_rem(by)?);
    let away = if (value < 0) == (by < 0) { 1 } else { -1 };
    // Twice the rest might not fit.
    let is_half = rest.unsigned_abs() >= by.unsigned_abs() - rest.unsigned_abs();
    Some(if is_half { quotient + away } else { quotient })
}

/// As [`half_up`], by a positive number.
fn half_up_wide(value: i256, by: i256) -> Option<i256> {
    let (quotient, rest) = (value.checked_div(by)?, value.checked_rem(by)?.checked_abs()?);
    if rest < by.checked_sub(rest)? {
        return Some(quotient);
    }
    quotient.checked_add(if value.is_negative() { i256::MINUS_ONE } else { i256::ONE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal() -> impl Strategy<Value = (i128, u8, u8)> {
        (1..=38u8).prop_flat_map(|precision| {
            let limit = 10i128.pow(precision.into()) - 1;
            (-limit..=limit, Just(precision), 0..=precision)
        })
    }

    fn column((value, precision, scale): (i128, u8, u8)) -> ArrayRef {
        Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale as i8).unwrap())
    }

    fn result(op: Operator, left: (i128, u8, u8), right: (i128, u8, u8)) -> DecimalCall {
        let ty = |(_, precision, scale)| crate::types::HiveType::decimal(precision, scale);
        match super::super::operand::numeric(op, &ty(left), &ty(right)).unwrap().returns {
            crate::types::HiveType::Decimal { precision, scale } => DecimalCall::new(op, precision, scale),
            other => panic!("{other}"),
        }
    }

    fn scales(left: (i128, u8, u8), right: (i128, u8, u8)) -> Scales {
        Scales { left: left.2.into(), right: right.2.into() }
    }

    proptest! {
        #[test]
        fn a_short_quotient_is_the_long_one(left in decimal(), right in decimal()) {
            prop_assume!(right.0 != 0);
            let call = result(Operator::Divide, left, right);
            if let Some(short) = call.short_quotient(left.0, right.0, scales(left, right)) {
                let long = call.long_quotient(left.0, right.0, scales(left, right));
                prop_assert_eq!(within(short, call.precision), long);
            }
        }

        #[test]
        fn a_narrow_product_is_the_wide_one(left in decimal(), right in decimal()) {
            let call = result(Operator::Multiply, left, right);
            let product = i256::from_i128(left.0).wrapping_mul(i256::from_i128(right.0));
            let wide = call.finish(product, u32::from(left.2) + u32::from(right.2));
            prop_assert_eq!(call.value(left.0, right.0, scales(left, right)), wide);
        }

        #[test]
        fn what_fits_into_128_bits_is_the_same_in_256(
            left in decimal(),
            right in decimal(),
            op in prop::sample::select(vec![
                Operator::Add,
                Operator::Subtract,
                Operator::Modulo,
                Operator::PositiveModulo,
            ]),
        ) {
            let call = result(op, left, right);
            if let Some(narrow) = call.narrow(left.0, right.0, scales(left, right)) {
                let wide = call.wide(left.0, right.0, scales(left, right));
                prop_assert_eq!(within(narrow, call.precision), wide);
            }
        }

        #[test]
        fn what_is_computed_at_once_is_what_each_row_gives(
            left in decimal(),
            right in decimal(),
            op in prop::sample::select(vec![Operator::Add, Operator::Subtract, Operator::Multiply]),
        ) {
            let call = result(op, left, right);
            let (left_column, right_column) = (column(left), column(right));
            let columns = [left_column, right_column];
            let direct = call
                .direct(
                    primitive::<Decimal128Type>(&columns, 0).unwrap(),
                    primitive::<Decimal128Type>(&columns, 1).unwrap(),
                    scales(left, right),
                )
                .unwrap();
            if let Some(direct) = direct {
                let wide = match op {
                    Operator::Multiply => call.value(left.0, right.0, scales(left, right)),
                    _ => call.wide(left.0, right.0, scales(left, right)),
                };
                prop_assert_eq!(Some(direct.value(0)), wide);
            }
        }
    }
}
