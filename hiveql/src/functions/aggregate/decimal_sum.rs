//! The sum of decimals and how many there were. What grows past 38 digits stays lost.

use super::tally::Tally;
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Decimal128Array, Int64Array},
        datatypes::{DataType, Decimal128Type, Int64Type, i256},
    },
    common::Result,
};
use std::sync::Arc;

/// One more than the largest decimal, whatever its scale.
const LIMIT: i128 = 10i128.pow(38);
/// Partial sums travel without their scale, which both sides know.
const STATE_TYPE: DataType = DataType::Decimal128(38, 0);

#[derive(Debug, Clone, Default)]
pub(super) struct DecimalSum {
    pub(super) count: i64,
    sum: i128,
    lost: bool,
}

impl DecimalSum {
    /// The unscaled sum; `None` of no rows and of too large a sum.
    pub(super) fn sum(&self) -> Option<i128> {
        (self.count > 0 && !self.lost).then_some(self.sum)
    }

    fn add_value(&mut self, value: i128) {
        match self.sum.checked_add(value) {
            Some(sum) if sum.unsigned_abs() < LIMIT.unsigned_abs() => self.sum = sum,
            _ => self.lost = true,
        }
    }
}

impl Tally for DecimalSum {
    type Input = Decimal128Array;
    const REMOVES: bool = true;

    fn read(columns: &[ArrayRef]) -> Result<Decimal128Array> {
        Ok(columns[0].as_primitive::<Decimal128Type>().clone())
    }

    fn add(&mut self, input: &Decimal128Array, row: usize) {
        self.count += 1;
        self.add_value(input.value(row));
    }

    fn remove(&mut self, input: &Decimal128Array, row: usize) {
        self.count -= 1;
        self.add_value(-input.value(row));
    }

    fn merge(&mut self, other: &DecimalSum) {
        self.count += other.count;
        self.lost |= other.lost;
        self.add_value(other.sum);
    }

    fn state() -> Vec<(&'static str, DataType)> {
        vec![("count", DataType::Int64), ("sum", STATE_TYPE)]
    }

    fn write(tallies: &[DecimalSum]) -> Vec<ArrayRef> {
        let sums = tallies.iter().map(|tally| (!tally.lost).then_some(tally.sum));
        vec![
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| tally.count))),
            Arc::new(sums.collect::<Decimal128Array>().with_data_type(STATE_TYPE)),
        ]
    }

    fn load(columns: &[ArrayRef]) -> Result<Vec<DecimalSum>> {
        let counts = columns[0].as_primitive::<Int64Type>().values();
        let sums = columns[1].as_primitive::<Decimal128Type>();
        let tallies = counts.iter().zip(sums).map(|(&count, sum)| DecimalSum {
            count,
            sum: sum.unwrap_or_default(),
            lost: sum.is_none(),
        });
        Ok(tallies.collect())
    }
}

/// `value`, if it has no more than `precision` digits.
pub(super) fn within(value: i128, precision: u8) -> Option<i128> {
    (value.unsigned_abs() < 10u128.pow(u32::from(precision))).then_some(value)
}

/// `sum` of the scale `scale` divided by `count`, rounded half up first to the scale of the division and then to
/// that of the result, as Hive computes an average. `None` where that has more than 38 digits.
pub(super) fn average(sum: i128, count: i64, scale: u8, division: u8, result: u8) -> Option<i128> {
    let raised = i256::from_i128(sum).checked_mul(power(division.checked_sub(scale)?)?)?;
    let quotient = divide_half_up(raised, i256::from_i128(i128::from(count)))?;
    let rounded = if division > result {
        divide_half_up(quotient, power(division - result)?)?
    } else {
        quotient.checked_mul(power(result - division)?)?
    };
    rounded.to_i128()
}

fn power(exponent: u8) -> Option<i256> {
    i256::from_i128(10).checked_pow(u32::from(exponent))
}

/// Away from zero when halfway.
fn divide_half_up(value: i256, by: i256) -> Option<i256> {
    let quotient = value.checked_div(by)?;
    let rest = value.checked_rem(by)?;
    let twice = rest.checked_mul(i256::from_i128(2))?;
    if twice.checked_abs()? < by {
        return Some(quotient);
    }
    let step = if value.is_negative() { i256::MINUS_ONE } else { i256::ONE };
    quotient.checked_add(step)
}
