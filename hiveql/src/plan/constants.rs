//! A constant that is compared with a column: Hive takes it for a value of the column's type, where there is such a value.

use super::{
    Typed,
    literal::{decimal, scalar},
};
use crate::{cast::numbers, types::HiveType};
use datafusion::{common::ScalarValue, logical_expr::Expr};

/// Both sides of a comparison, with a constant beside a column in the column's type.
pub(super) fn comparable(left: Typed, right: Typed) -> (Typed, Typed) {
    match (is_column(&left), is_column(&right)) {
        (true, false) => {
            let right = beside(&left, right);
            (left, right)
        }
        (false, true) => {
            let left = beside(&right, left);
            (left, right)
        }
        _ => (left, right),
    }
}

fn is_column(value: &Typed) -> bool {
    matches!(value.expr, Expr::Column(_) | Expr::OuterReferenceColumn(..))
}

/// The constant in the column's type, or as it is where it has no value there.
pub(super) fn beside(column: &Typed, constant: Typed) -> Typed {
    let Expr::Literal(value, _) = &constant.expr else { return constant };
    if !is_column(column) || column.ty == constant.ty {
        return constant;
    }
    interpreted(&column.ty, value).unwrap_or(constant)
}

fn interpreted(ty: &HiveType, value: &ScalarValue) -> Option<Typed> {
    let text = written(value)?;
    let is_text = matches!(value, ScalarValue::Utf8(_));
    match ty {
        ty if ty.is_integer() => integer(ty, &text),
        HiveType::Float => {
            Some(scalar(ScalarValue::Float32(numbers::float(text.as_bytes())), HiveType::Float))
                .filter(|value| !is_null(value))
        }
        HiveType::Double => {
            Some(scalar(ScalarValue::Float64(numbers::double(text.as_bytes())), HiveType::Double))
                .filter(|value| !is_null(value))
        }
        HiveType::Decimal { .. } => signed_decimal(&text),
        // What is longer than the column is compared as text.
        HiveType::Char(length) if is_text => {
            let stripped = text.trim_end_matches(' ');
            let fits = stripped.chars().count() <= *length as usize;
            fits.then(|| scalar(ScalarValue::Utf8(Some(stripped.to_owned())), ty.clone()))
        }
        HiveType::Varchar(length) if is_text => {
            let fits = text.chars().count() <= *length as usize;
            fits.then(|| scalar(ScalarValue::Utf8(Some(text)), ty.clone()))
        }
        _ => None,
    }
}

/// A whole number beside a decimal counts as the decimal with just its digits.
pub(super) fn exact(value: Typed, beside: &HiveType) -> Typed {
    let Expr::Literal(number, _) = &value.expr else { return value };
    if !value.ty.is_integer() || !matches!(beside, HiveType::Decimal { .. }) {
        return value;
    }
    written(number).and_then(|text| signed_decimal(&text)).unwrap_or(value)
}

/// Whether it is the constant NULL.
pub(super) fn is_null(value: &Typed) -> bool {
    matches!(&value.expr, Expr::Literal(value, _) if value.is_null())
}

/// The digits of a number, or the text itself.
fn written(value: &ScalarValue) -> Option<String> {
    Some(match value {
        ScalarValue::Int8(Some(value)) => value.to_string(),
        ScalarValue::Int16(Some(value)) => value.to_string(),
        ScalarValue::Int32(Some(value)) => value.to_string(),
        ScalarValue::Int64(Some(value)) => value.to_string(),
        ScalarValue::Float32(Some(value)) => value.to_string(),
        ScalarValue::Float64(Some(value)) => value.to_string(),
        ScalarValue::Decimal128(Some(value), _, scale) => format!("{value}e-{scale}"),
        ScalarValue::Utf8(Some(text)) => text.clone(),
        _ => return None,
    })
}

fn integer(ty: &HiveType, text: &str) -> Option<Typed> {
    let Typed { expr: Expr::Literal(ScalarValue::Decimal128(Some(value), _, 0), _), .. } =
        signed_decimal(text.trim_end_matches(['d', 'D', 'f', 'F', 'l', 'L']))?
    else {
        return None;
    };
    let value = match ty {
        HiveType::TinyInt => ScalarValue::Int8(Some(value.try_into().ok()?)),
        HiveType::SmallInt => ScalarValue::Int16(Some(value.try_into().ok()?)),
        HiveType::Int => ScalarValue::Int32(Some(value.try_into().ok()?)),
        _ => ScalarValue::Int64(Some(value.try_into().ok()?)),
    };
    Some(scalar(value, ty.clone()))
}

/// `None` where it is no number, or has too many digits for a decimal.
fn signed_decimal(text: &str) -> Option<Typed> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let number = decimal(digits)?;
    match number.expr {
        Expr::Literal(ScalarValue::Decimal128(Some(value), precision, scale), _) => {
            let value = if is_negative { -value } else { value };
            Some(scalar(ScalarValue::Decimal128(Some(value), precision, scale), number.ty))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::common::Column;

    fn beside_column(ty: HiveType, value: ScalarValue) -> (HiveType, ScalarValue) {
        let column = Typed::new(Expr::Column(Column::new_unqualified("c")), ty);
        let constant_ty = HiveType::of_arrow(&value.data_type()).unwrap();
        let found = beside(&column, scalar(value, constant_ty));
        match found.expr {
            Expr::Literal(value, _) => (found.ty, value),
            other => panic!("{other}"),
        }
    }

    fn text(text: &str) -> ScalarValue {
        ScalarValue::Utf8(Some(text.to_owned()))
    }

    #[test]
    fn a_text_beside_a_char_is_a_char_if_it_is_short_enough() {
        assert_eq!(beside_column(HiveType::Char(5), text("abc  ")), (HiveType::Char(5), text("abc")));
        assert_eq!(beside_column(HiveType::Char(2), text("ab   ")), (HiveType::Char(2), text("ab")));
        assert_eq!(beside_column(HiveType::Char(2), text("abc")), (HiveType::String, text("abc")));
        assert_eq!(beside_column(HiveType::Varchar(3), text("abc")), (HiveType::Varchar(3), text("abc")));
    }

    #[test]
    fn a_text_beside_a_number_is_that_number_and_exact() {
        let largest = ScalarValue::Int64(Some(i64::MAX));
        assert_eq!(beside_column(HiveType::BigInt, text("9223372036854775807")), (HiveType::BigInt, largest));
        let one = ScalarValue::Int32(Some(-1));
        assert_eq!(beside_column(HiveType::Int, text("-1.0")), (HiveType::Int, one));
        assert_eq!(beside_column(HiveType::Int, text("1.5")), (HiveType::String, text("1.5")));
        assert_eq!(beside_column(HiveType::TinyInt, text("300")), (HiveType::String, text("300")));
        assert_eq!(beside_column(HiveType::Int, text("x")), (HiveType::String, text("x")));
        let cents = ScalarValue::Decimal128(Some(125), 3, 2);
        assert_eq!(beside_column(HiveType::decimal(10, 2), text("1.25")), (HiveType::decimal(3, 2), cents));
    }

    #[test]
    fn a_whole_number_beside_a_decimal_has_the_precision_of_its_digits() {
        let number = |value| scalar(ScalarValue::Int32(Some(value)), HiveType::Int);
        assert_eq!(exact(number(-300), &HiveType::decimal(5, 2)).ty, HiveType::decimal(3, 0));
        assert_eq!(exact(number(7), &HiveType::Double).ty, HiveType::Int);
    }

    #[test]
    fn a_fraction_beside_a_float_is_a_float() {
        let tenth = ScalarValue::Float32(Some(0.1));
        assert_eq!(beside_column(HiveType::Float, ScalarValue::Float64(Some(0.1))), (HiveType::Float, tenth));
    }
}
