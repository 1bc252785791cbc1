//! The type in which values of two types meet: Hive's `FunctionRegistry`, with its order of types.
//!
//! There are three answers, as Hive has them: for functions and CASE, for comparisons, and for UNION ALL.

use crate::types::{DECIMAL_PRECISION_MAX, HiveType, StructField};

/// What CASE, IF, coalesce, array() and their like return; text wins over numbers and dates.
pub fn common_type(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (HiveType::Void, other) | (other, HiveType::Void) => Some(other.clone()),
        (left, right) if left.is_primitive() && right.is_primitive() => match (group(left), group(right)) {
            (Group::Text, Group::Text) => Some(common_text(left, right)),
            (Group::Number, Group::Number) => Some(common_number(left, right)),
            (Group::Datetime, Group::Datetime) => Some(later(left, right).clone()),
            // Of what is no text, nobody can tell the length.
            (Group::Text, Group::Datetime | Group::Number) => Some(HiveType::String),
            (Group::Datetime | Group::Number, Group::Text) => Some(HiveType::String),
            _ => None,
        },
        _ => common_nested(left, right, common_type),
    }
}

/// The common type of all, void of none.
pub fn common_type_of<'a>(types: impl IntoIterator<Item = &'a HiveType>) -> Option<HiveType> {
    types.into_iter().try_fold(HiveType::Void, |common, ty| common_type(&common, ty))
}

/// What both sides of a comparison are cast to. Numbers and dates win over text; what has nothing in common is
/// compared as doubles, where it can be.
pub fn common_type_for_comparison(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (HiveType::Void, other) | (other, HiveType::Void) => Some(other.clone()),
        (left, right) if left.is_primitive() && right.is_primitive() => compared(left, right),
        _ => common_nested(left, right, common_type_for_comparison),
    }
}

fn compared(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    Some(match (group(left), group(right)) {
        (Group::Text, Group::Text) => common_text(left, right),
        (Group::Number, Group::Number) => common_number(left, right),
        (Group::Datetime, Group::Datetime) => later(left, right).clone(),
        (Group::Text, Group::Datetime | Group::Interval) => right.clone(),
        (Group::Datetime | Group::Interval, Group::Text) => left.clone(),
        (Group::Datetime, Group::Number) | (Group::Number, Group::Datetime) => {
            let is_date = [left, right].contains(&&HiveType::Date);
            // A date has no number; both can be written, though.
            if is_date { HiveType::String } else { HiveType::Double }
        }
        (Group::Text | Group::Boolean, Group::Number | Group::Boolean)
        | (Group::Number | Group::Boolean, Group::Text | Group::Boolean) => HiveType::Double,
        (Group::Boolean, Group::Datetime) if *right != HiveType::Date => HiveType::Double,
        (Group::Datetime, Group::Boolean) if *left != HiveType::Date => HiveType::Double,
        _ => return None,
    })
}

/// The type of a column of a UNION ALL. Only types of one group meet, and of two numbers of different kinds the later
/// one's type counts as it is.
pub fn common_type_for_union(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (HiveType::Void, other) | (other, HiveType::Void) => Some(other.clone()),
        (left, right) if left.is_primitive() && right.is_primitive() => match (group(left), group(right)) {
            (Group::Text, Group::Text) => Some(common_text(left, right)),
            (Group::Number, Group::Number) => Some(match (left, right) {
                (HiveType::Decimal { .. }, HiveType::Decimal { .. }) => common_decimal(left, right),
                _ if rank(left) < rank(right) => right.clone(),
                _ => left.clone(),
            }),
            (Group::Datetime, Group::Datetime) => Some(HiveType::Timestamp),
            _ => None,
        },
        _ => common_nested(left, right, common_type_for_union),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Boolean,
    Number,
    Text,
    Datetime,
    Interval,
    Other,
}

fn group(ty: &HiveType) -> Group {
    match ty {
        HiveType::Boolean => Group::Boolean,
        ty if ty.is_numeric() => Group::Number,
        ty if ty.is_text() => Group::Text,
        ty if ty.is_datetime() => Group::Datetime,
        ty if ty.is_interval() => Group::Interval,
        _ => Group::Other,
    }
}

/// Hive itself knows of structs only; arrays and maps meet where what they hold does, so that `array()` and `array(1)`
/// do.
fn common_nested(
    left: &HiveType,
    right: &HiveType,
    common: fn(&HiveType, &HiveType) -> Option<HiveType>,
) -> Option<HiveType> {
    Some(match (left, right) {
        (HiveType::Array(a), HiveType::Array(b)) => HiveType::array(common(a, b)?),
        (HiveType::Map(a, b), HiveType::Map(c, d)) => HiveType::map(common(a, c)?, common(b, d)?),
        (HiveType::Struct(a), HiveType::Struct(b)) if a.len() == b.len() => {
            let field = |(a, b): (&StructField, &StructField)| {
                let same = a.name.eq_ignore_ascii_case(&b.name);
                same.then(|| Some(StructField { name: a.name.clone(), ty: common(&a.ty, &b.ty)? }))?
            };
            HiveType::Struct(a.iter().zip(b).map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn common_text(left: &HiveType, right: &HiveType) -> HiveType {
    match (left, right) {
        (HiveType::Varchar(a), HiveType::Varchar(b)) => HiveType::Varchar(*a.max(b)),
        (HiveType::Char(a), HiveType::Char(b)) => HiveType::Char(*a.max(b)),
        _ => HiveType::String,
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
    let wider = if rank(left) >= rank(right) { left } else { right };
    match wider {
        HiveType::Decimal { .. } => common_decimal(left, right),
        wider => wider.clone(),
    }
}

/// The order in which one number becomes another.
fn rank(ty: &HiveType) -> u8 {
    match ty {
        HiveType::TinyInt => 1,
        HiveType::SmallInt => 2,
        HiveType::Int => 3,
        HiveType::BigInt => 4,
        HiveType::Decimal { .. } => 5,
        HiveType::Float => 6,
        _ => 7,
    }
}

/// Holds all digits of both before the point, and after it as many as still fit.
fn common_decimal(left: &HiveType, right: &HiveType) -> HiveType {
    let ((left_whole, left_scale), (right_whole, right_scale)) = (digits(left), digits(right));
    let whole = left_whole.max(right_whole);
    let scale = left_scale.max(right_scale);
    let precision = whole.saturating_add(scale).min(DECIMAL_PRECISION_MAX);
    HiveType::decimal(precision, scale.min(DECIMAL_PRECISION_MAX.saturating_sub(whole)))
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
    use HiveType as T;

    #[test]
    fn two_types_meet_in_the_narrowest_that_holds_both() {
        for (left, right, common) in [
            (T::Int, T::Void, Some(T::Int)),
            (T::Int, T::decimal(2, 1), Some(T::decimal(11, 1))),
            (T::decimal(38, 10), T::decimal(30, 20), Some(T::decimal(38, 10))),
            (T::decimal(4, 2), T::Float, Some(T::Float)),
            (T::Int, T::String, Some(T::String)),
            (T::Int, T::Varchar(5), Some(T::String)),
            (T::Char(3), T::Varchar(5), Some(T::String)),
            (T::Char(3), T::Char(5), Some(T::Char(5))),
            (T::BigInt, T::Float, Some(T::Float)),
            (T::Date, T::Timestamp, Some(T::Timestamp)),
            (T::Date, T::String, Some(T::String)),
            (T::Boolean, T::String, None),
            (T::Int, T::Date, None),
            (T::array(T::Int), T::array(T::Void), Some(T::array(T::Int))),
            (
                T::structure([("a", T::Int)]),
                T::structure([("A", T::Double)]),
                Some(T::structure([("a", T::Double)])),
            ),
            (T::structure([("a", T::Int)]), T::structure([("b", T::Int)]), None),
        ] {
            assert_eq!(common_type(&left, &right).map(lower), common, "{left} {right}");
            assert_eq!(common_type(&right, &left).map(lower), common, "{right} {left}");
        }
    }

    /// The first struct's names count.
    fn lower(ty: HiveType) -> HiveType {
        match ty {
            T::Struct(fields) => {
                T::structure(fields.into_iter().map(|field| (field.name.to_lowercase(), field.ty)))
            }
            other => other,
        }
    }

    #[test]
    fn numbers_and_dates_win_over_text_in_comparisons() {
        for (left, right, common) in [
            (T::String, T::Int, Some(T::Double)),
            (T::Varchar(3), T::decimal(4, 2), Some(T::Double)),
            (T::String, T::Date, Some(T::Date)),
            (T::Char(20), T::Timestamp, Some(T::Timestamp)),
            (T::Timestamp, T::BigInt, Some(T::Double)),
            (T::Date, T::Int, Some(T::String)),
            (T::Boolean, T::String, Some(T::Double)),
            (T::Boolean, T::Int, Some(T::Double)),
            (T::String, T::IntervalDayTime, Some(T::IntervalDayTime)),
            (T::Char(3), T::String, Some(T::String)),
            (T::Int, T::Float, Some(T::Float)),
            (T::Binary, T::Int, None),
            (T::Boolean, T::Date, None),
        ] {
            assert_eq!(common_type_for_comparison(&left, &right), common, "{left} {right}");
            assert_eq!(common_type_for_comparison(&right, &left), common, "{right} {left}");
        }
    }

    #[test]
    fn unions_join_within_a_group_only() {
        for (left, right, common) in [
            (T::Int, T::BigInt, Some(T::BigInt)),
            (T::Int, T::decimal(4, 2), Some(T::decimal(4, 2))),
            (T::decimal(4, 2), T::decimal(6, 1), Some(T::decimal(7, 2))),
            (T::Int, T::String, None),
            (T::Date, T::String, None),
            (T::Date, T::Timestamp, Some(T::Timestamp)),
            (T::Void, T::array(T::Int), Some(T::array(T::Int))),
            (T::Varchar(3), T::String, Some(T::String)),
        ] {
            assert_eq!(common_type_for_union(&left, &right), common, "{left} {right}");
            assert_eq!(common_type_for_union(&right, &left), common, "{right} {left}");
        }
    }
}
