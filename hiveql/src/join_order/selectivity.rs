//! Which share of the rows a condition lets through, more or less.

use super::estimate::{ColumnEstimate, Estimate, number};
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{BinaryExpr, Expr, Like, Operator, utils::split_conjunction},
};
use std::collections::HashMap;

const EQUAL: f64 = 0.1;
const RANGE: f64 = 1.0 / 3.0;
const LIKE: f64 = 0.1;
const LIKE_START: f64 = 0.05;
const NULL: f64 = 0.05;
const UNKNOWN: f64 = 0.3;
/// No condition is believed to leave nothing.
const LEAST: f64 = 1e-9;

pub(super) fn selectivity(filter: &Expr, of: &Estimate) -> f64 {
    let mut share = 1.0;
    // Both ends of a range belong together: a tenth between them is not a half of a half.
    let mut ranges: HashMap<&Column, (f64, f64)> = HashMap::new();
    for condition in split_conjunction(filter) {
        match bound(condition, of) {
            Some((column, known, low, high)) => {
                let range = ranges.entry(column).or_insert(known);
                *range = (range.0.max(low), range.1.min(high));
            }
            None => share *= single(condition, of),
        }
    }
    for (column, (low, high)) in ranges {
        let Some(ColumnEstimate { range: Some(all), .. }) = of.columns.get(column) else { continue };
        share *= ((high - low + 1.0) / (all.1 - all.0 + 1.0)).clamp(0.0, 1.0);
    }
    share.clamp(LEAST, 1.0)
}

type Bound<'a> = (&'a Column, (f64, f64), f64, f64);

/// A condition that leaves a range of a column whose range is known.
fn bound<'a>(condition: &'a Expr, of: &Estimate) -> Option<Bound<'a>> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
    let (column, op, value) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), value) => (column, *op, number(value)?),
        (value, Expr::Column(column)) => (column, op.swap()?, number(value)?),
        _ => return None,
    };
    let known = of.columns.get(column)?.range?;
    let (low, high) = match op {
        Operator::Lt => (known.0, value - 1.0),
        Operator::LtEq => (known.0, value),
        Operator::Gt => (value + 1.0, known.1),
        Operator::GtEq => (value, known.1),
        _ => return None,
    };
    Some((column, known, low, high))
}

fn single(condition: &Expr, of: &Estimate) -> f64 {
    match condition {
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => 1.0,
        Expr::Literal(..) => LEAST,
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => comparison(left, *op, right, of),
        Expr::Not(inner) => 1.0 - selectivity(inner, of),
        Expr::IsNull(_) => NULL,
        Expr::IsNotNull(_) => 1.0 - NULL,
        Expr::InList(list) => {
            let one = of.distinct(&list.expr).map_or(EQUAL, |distinct| 1.0 / distinct);
            negated(list.negated, (one * list.list.len() as f64).min(0.9))
        }
        Expr::Like(like) => negated(like.negated, like_share(like)),
        Expr::Between(between) => negated(between.negated, RANGE),
        _ => UNKNOWN,
    }
}

fn negated(negated: bool, share: f64) -> f64 {
    if negated { 1.0 - share } else { share }
}

fn like_share(like: &Like) -> f64 {
    match like.pattern.as_ref() {
        Expr::Literal(ScalarValue::Utf8(Some(pattern)), _) if !pattern.starts_with('%') => LIKE_START,
        _ => LIKE,
    }
}

fn comparison(left: &Expr, op: Operator, right: &Expr, of: &Estimate) -> f64 {
    match op {
        Operator::And => selectivity(left, of) * selectivity(right, of),
        Operator::Or => 1.0 - (1.0 - selectivity(left, of)) * (1.0 - selectivity(right, of)),
        Operator::Eq | Operator::IsNotDistinctFrom => equal(left, right, of),
        Operator::NotEq | Operator::IsDistinctFrom => 1.0 - equal(left, right, of),
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => RANGE,
        _ => UNKNOWN,
    }
}

/// One of the values that the side with more of them has.
fn equal(left: &Expr, right: &Expr, of: &Estimate) -> f64 {
    match (of.distinct(left), of.distinct(right)) {
        (Some(left), Some(right)) => 1.0 / left.max(right).max(1.0),
        _ => EQUAL,
    }
}
