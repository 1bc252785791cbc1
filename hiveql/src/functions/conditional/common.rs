//! The type that values of two types have in common.

use crate::types::{DECIMAL_PRECISION_MAX, HiveType, StructField};

/// The narrowest type that holds both; `None` where there is none.
pub(crate) fn common_type(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    use HiveType as T;
    Some(match (left, right) {
        (left, right) if left == right => left.clone(),
        (T::Void, other) | (other, T::Void) => other.clone(),
        (T::Varchar(a), T::Varchar(b)) => T::Varchar(*a.max(b)),
        (T::Char(a), T::Char(b)) => T::Char(*a.max(b)),
        (left, right) if left.is_text() && right.is_text() => T::String,
        (left, right) if left.is_numeric() && right.is_numeric() => common_number(left, right),
        (left, right) if left.is_datetime() && right.is_datetime() => T::clone(later(left, right)),
        // Whatever is primitive can be written as text.
        (text, other) | (other, text)
            if text.is_text() && other.is_primitive() && !matches!(other, T::Binary | T::Boolean) =>
        {
            T::String
        }
        (T::Array(a), T::Array(b)) => T::array(common_type(a, b)?),
        (T::Map(a, b), T::Map(c, d)) => T::map(common_type(a, c)?, common_type(b, d)?),
        (T::Struct(a), T::Struct(b)) if a.len() == b.len() => T::Struct(
            a.iter()
                .zip(b)
                .map(|(a, b)| Some(StructField { name: a.name.clone(), ty: common_type(&a.ty, &b.ty)? }))
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}

/// The common type of all, void of none.
pub(crate) fn common_type_of<'a>(types: impl IntoIterator<Item = &'a HiveType>) -> Option<HiveType> {
    types.into_iter().try_fold(HiveType::Void, |common, ty| common_type(&common, ty))
}

/// For comparisons numbers win over text, and dates over text.
pub(crate) fn common_type_for_comparison(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    match (left, right) {
        (text, other) | (other, text) if text.is_text() && other.is_numeric() => Some(HiveType::Double),
        (text, other) | (other, text) if text.is_text() && (other.is_datetime() || other.is_interval()) => {
            Some(other.clone())
        }
        _ => common_type(left, right),
    }
}

/// A date is earlier in the order of conversion than a timestamp, and that than one with a zone.
fn later<'a>(left: &'a HiveType, right: &'a HiveType) -> &'a HiveType {
    let rank = |ty: &HiveType| match ty {
        HiveType::Date => 0,
        HiveType::Timestamp => 1,
        _ => 2,
    };
    if rank(left) >= rank(right) { left } else { right }
}

fn common_number(left: &HiveType, right: &HiveType) -> HiveType {
    let is_decimal = |ty: &HiveType| matches!(ty, HiveType::Decimal { .. });
    let is_approximate = |ty: &HiveType| matches!(ty, HiveType::Float | HiveType::Double);
    if is_decimal(left) || is_decimal(right) {
        return match is_approximate(left) || is_approximate(right) {
            true => HiveType::Double,
            false => common_decimal(left, right),
        };
    }
    let wider = if rank(left) >= rank(right) { left } else { right };
    wider.clone()
}

fn rank(ty: &HiveType) -> u8 {
    match ty {
        HiveType::TinyInt => 0,
        HiveType::SmallInt => 1,
        HiveType::Int => 2,
        HiveType::BigInt => 3,
        HiveType::Float => 4,
        _ => 5,
    }
}

fn common_decimal(left: &HiveType, right: &HiveType) -> HiveType {
    let ((left_whole, left_scale), (right_whole, right_scale)) = (digits(left), digits(right));
    let whole = left_whole.max(right_whole);
    let scale = left_scale.max(right_scale);
    let precision = whole.saturating_add(scale).min(DECIMAL_PRECISION_MAX);
    HiveType::decimal(precision, scale.min(precision.saturating_sub(whole)))
}

/// Digits before and after the point.
fn digits(ty: &HiveType) -> (u8, u8) {
    match ty {
        HiveType::Decimal { precision, scale } => (precision.saturating_sub(*scale), *scale),
        HiveType::TinyInt => (3, 0),
        HiveType::SmallInt => (5, 0),
        HiveType::Int => (10, 0),
        _ => (19, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_types_meet_in_the_narrowest_that_holds_both() {
        for (left, right, common) in [
            (HiveType::Int, HiveType::Void, Some(HiveType::Int)),
            (HiveType::Int, HiveType::decimal(2, 1), Some(HiveType::decimal(11, 1))),
            (HiveType::Int, HiveType::String, Some(HiveType::String)),
            (HiveType::BigInt, HiveType::Float, Some(HiveType::Float)),
            (HiveType::Date, HiveType::Timestamp, Some(HiveType::Timestamp)),
            (HiveType::Int, HiveType::Date, None),
            (
                HiveType::array(HiveType::Int),
                HiveType::array(HiveType::Void),
                Some(HiveType::array(HiveType::Int)),
            ),
        ] {
            assert_eq!(common_type(&left, &right), common);
            assert_eq!(common_type(&right, &left), common);
        }
    }
}
