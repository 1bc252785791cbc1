//! Literals, and the folding of constants.

use super::{Planner, Problem, Result, Typed};
use crate::{
    functions::datetime::parse::{parse_date, parse_day_time, parse_timestamp, parse_year_month},
    syntax::ast::{self, ExprKind, IntervalUnit, Literal, NumberSuffix, Span},
    types::{DECIMAL_PRECISION_MAX, HiveType},
};
use datafusion::{
    arrow::datatypes::i256,
    common::{DFSchema, ScalarValue},
    logical_expr::{ColumnarValue, Expr, Volatility},
    physical_expr::{create_physical_expr, execution_props::ExecutionProps},
};

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Planner<'_> {
    pub(super) fn literal(&self, literal: &Literal, span: Span) -> Result<Typed> {
        let bad = |value: &str, ty| Problem::Literal { value: value.to_owned(), ty }.at(span);
        Ok(match literal {
            Literal::Null => Typed::new(Expr::Literal(ScalarValue::Null, None), HiveType::Void),
            Literal::Boolean(value) => scalar(ScalarValue::Boolean(Some(*value)), HiveType::Boolean),
            Literal::Number(text) => number(text).ok_or_else(|| Problem::BadNumber(text.clone()).at(span))?,
            Literal::Typed(text, suffix) => {
                suffixed(text, *suffix).ok_or_else(|| Problem::BadNumber(text.clone()).at(span))?
            }
            Literal::String(text) => scalar(ScalarValue::Utf8(Some(text.clone())), HiveType::String),
            Literal::Date(text) => {
                let days = parse_date(text).ok_or_else(|| bad(text, "date"))?;
                scalar(ScalarValue::Date32(Some(days)), HiveType::Date)
            }
            Literal::Timestamp(text) => {
                let micros = parse_timestamp(text).filter(|_| !has_zone(text));
                let micros = micros.ok_or_else(|| bad(text, "timestamp"))?;
                scalar(ScalarValue::TimestampMicrosecond(Some(micros), None), HiveType::Timestamp)
            }
            Literal::TimestampLocalTz(text) => {
                let text = scalar(ScalarValue::Utf8(Some(text.clone())), HiveType::String);
                self.cast(text, &HiveType::TimestampLocalTz)?
            }
        })
    }

    /// `INTERVAL value unit`.
    pub(super) fn interval(
        &self,
        value: &ast::Expr,
        unit: IntervalUnit,
        scope: &super::expr::Place<'_>,
    ) -> Result<Typed> {
        let text = match &value.kind {
            ExprKind::Literal(Literal::String(text) | Literal::Number(text)) => Some(text.as_str()),
            _ => None,
        };
        let invalid = |text: &str| Problem::Literal { value: text.to_owned(), ty: "interval" }.at(value.span);
        match (unit, text) {
            (IntervalUnit::YearToMonth, Some(text)) => {
                let months = parse_year_month(text).ok_or_else(|| invalid(text))?;
                Ok(scalar(ScalarValue::IntervalYearMonth(Some(months)), HiveType::IntervalYearMonth))
            }
            (IntervalUnit::DayToSecond, Some(text)) => {
                let micros = parse_day_time(text).ok_or_else(|| invalid(text))?;
                Ok(scalar(ScalarValue::DurationMicrosecond(Some(micros)), HiveType::IntervalDayTime))
            }
            (_, Some(text)) => single_unit(text, unit).ok_or_else(|| invalid(text)),
            (IntervalUnit::YearToMonth | IntervalUnit::DayToSecond, None) => {
                let ty = match unit {
                    IntervalUnit::YearToMonth => HiveType::IntervalYearMonth,
                    _ => HiveType::IntervalDayTime,
                };
                self.cast(self.cast(self.expr(value, scope)?, &HiveType::String)?, &ty)
            }
            _ => {
                let code = unit_code(unit).ok_or(Problem::Unsupported("this unit of a computed interval"))?;
                let value = self.expr(value, scope)?;
                let code = scalar(ScalarValue::Int32(Some(code)), HiveType::Int);
                self.scalar_call("internal_interval", vec![code, value], Span::default())
            }
        }
    }

    /// The value itself where `expr` names no column and answers the same each time.
    pub(super) fn fold(&self, expr: Expr) -> Expr {
        let foldable = match &expr {
            Expr::ScalarFunction(call) => {
                call.func.signature().volatility == Volatility::Immutable
                    && !call.args.is_empty()
                    && call.args.iter().all(is_literal)
            }
            Expr::Cast(cast) => is_literal(&cast.expr),
            Expr::Negative(inner) => is_literal(inner),
            Expr::BinaryExpr(binary) => is_literal(&binary.left) && is_literal(&binary.right),
            _ => false,
        };
        if !foldable {
            return expr;
        }
        evaluate(&expr).map_or(expr, |value| Expr::Literal(value, None))
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}

/// The value of an expression without columns; `None` where computing it fails, which is then told when it runs.
fn evaluate(expr: &Expr) -> Option<ScalarValue> {
    let (schema, props) = (DFSchema::empty(), ExecutionProps::new());
    let physical = create_physical_expr(expr, &schema, &props, &Default::default()).ok()?;
    let row = datafusion::arrow::record_batch::RecordBatch::try_new_with_options(
        std::sync::Arc::clone(schema.inner()),
        vec![],
        &datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(1)),
    );
    match physical.evaluate(&row.ok()?).ok()? {
        ColumnarValue::Scalar(value) => Some(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0).ok(),
    }
}

/// Whether something stands behind the time: an offset, or a place.
fn has_zone(text: &str) -> bool {
    let time = text.trim().split_once([' ', 'T']).map_or("", |(_, time)| time);
    time.contains(|one: char| !one.is_ascii_digit() && !":.".contains(one))
}

pub(super) fn scalar(value: ScalarValue, ty: HiveType) -> Typed {
    Typed::new(Expr::Literal(value, None), ty)
}

/// Without a suffix: an int if it fits, else a bigint, else a decimal; with a point a decimal; with an exponent a double.
fn number(text: &str) -> Option<Typed> {
    if text.contains(['e', 'E']) {
        return Some(scalar(ScalarValue::Float64(Some(text.parse().ok()?)), HiveType::Double));
    }
    if text.contains('.') {
        return decimal(text);
    }
    if let Ok(value) = text.parse() {
        return Some(scalar(ScalarValue::Int32(Some(value)), HiveType::Int));
    }
    match text.parse() {
        Ok(value) => Some(scalar(ScalarValue::Int64(Some(value)), HiveType::BigInt)),
        Err(_) => decimal(text),
    }
}

fn suffixed(text: &str, suffix: NumberSuffix) -> Option<Typed> {
    Some(match suffix {
        NumberSuffix::TinyInt => scalar(ScalarValue::Int8(Some(text.parse().ok()?)), HiveType::TinyInt),
        NumberSuffix::SmallInt => scalar(ScalarValue::Int16(Some(text.parse().ok()?)), HiveType::SmallInt),
        NumberSuffix::BigInt => scalar(ScalarValue::Int64(Some(text.parse().ok()?)), HiveType::BigInt),
        // With more digits than there can be it is none; with a large exponent it is NULL.
        NumberSuffix::Decimal => match decimal(text)? {
            number if number.ty == HiveType::Double && !text.contains(['e', 'E']) => return None,
            number if number.ty == HiveType::Double => {
                let ty = HiveType::decimal(DECIMAL_PRECISION_MAX, 0);
                scalar(ScalarValue::Decimal128(None, DECIMAL_PRECISION_MAX, 0), ty)
            }
            number => number,
        },
        NumberSuffix::Double => scalar(ScalarValue::Float64(Some(text.parse().ok()?)), HiveType::Double),
        NumberSuffix::Float => scalar(ScalarValue::Float32(Some(text.parse().ok()?)), HiveType::Float),
    })
}

/// With as many digits as it was written with; trailing zeros of the fraction do not count.
pub(super) fn decimal(text: &str) -> Option<Typed> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let mut scale = i32::try_from(fraction.len()).ok()? - exponent;
    while scale > 0 && digits.ends_with('0') {
        digits.pop();
        scale -= 1;
    }
    if scale < 0 {
        digits.extend(std::iter::repeat_n('0', usize::try_from(-scale).ok()?));
        scale = 0;
    }
    let significant = digits.trim_start_matches('0');
    let scale = u8::try_from(scale).ok()?;
    let precision = u8::try_from(significant.len()).ok()?.max(scale).max(1);
    if precision > DECIMAL_PRECISION_MAX {
        return Some(scalar(ScalarValue::Float64(Some(text.parse().ok()?)), HiveType::Double));
    }
    let value = i256::from_string(if significant.is_empty() { "0" } else { significant })?.to_i128()?;
    let value = ScalarValue::Decimal128(Some(value), precision, i8::try_from(scale).ok()?);
    Some(scalar(value, HiveType::decimal(precision, scale)))
}

fn single_unit(text: &str, unit: IntervalUnit) -> Option<Typed> {
    let months =
        |count: i32| scalar(ScalarValue::IntervalYearMonth(Some(count)), HiveType::IntervalYearMonth);
    let micros =
        |count: i64| scalar(ScalarValue::DurationMicrosecond(Some(count)), HiveType::IntervalDayTime);
    let text = text.trim();
    let whole = || text.parse::<i64>().ok();
    Some(match unit {
        IntervalUnit::Year => months(i32::try_from(whole()?).ok()?.checked_mul(12)?),
        IntervalUnit::Month => months(i32::try_from(whole()?).ok()?),
        IntervalUnit::Week => micros(whole()?.checked_mul(7 * 86_400 * MICROS_PER_SECOND)?),
        IntervalUnit::Day => micros(whole()?.checked_mul(86_400 * MICROS_PER_SECOND)?),
        IntervalUnit::Hour => micros(whole()?.checked_mul(3_600 * MICROS_PER_SECOND)?),
        IntervalUnit::Minute => micros(whole()?.checked_mul(60 * MICROS_PER_SECOND)?),
        IntervalUnit::Second => {
            // Seconds may have a fraction, with a sign that counts for both parts.
            let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
            micros(sign * whole.checked_mul(MICROS_PER_SECOND)?.checked_add(fraction)?)
        }
        IntervalUnit::YearToMonth | IntervalUnit::DayToSecond => return None,
    })
}

/// What Hive's internal_interval calls the unit: its number in the parser's table.
fn unit_code(unit: IntervalUnit) -> Option<i32> {
    Some(match unit {
        IntervalUnit::Year => 1,
        IntervalUnit::Month => 2,
        IntervalUnit::Day => 3,
        IntervalUnit::Hour => 4,
        IntervalUnit::Minute => 5,
        IntervalUnit::Second => 6,
        _ => return None,
    })
}
