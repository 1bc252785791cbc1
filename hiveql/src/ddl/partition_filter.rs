//! Predicates over partition keys: those of DROP PARTITION and of SHOW PARTITIONS ... WHERE. Values compare by their key's type.

use super::{DdlError, Problem, partition_spec};
use crate::{
    catalog::{DEFAULT_PARTITION, Table},
    syntax::ast::{BinaryOp, Expr, ExprKind, PartitionPredicate, UnaryOp},
    types::HiveType,
};
use std::cmp::Ordering;

pub fn matches_all(
    table: &Table,
    values: &[String],
    predicates: &[PartitionPredicate],
) -> Result<bool, DdlError> {
    for predicate in predicates {
        let index = key_index(table, &predicate.column.folded())?;
        let key = &table.partition_keys[index];
        let wanted = partition_spec::key_value(key, &predicate.value)?;
        if !holds(&key.ty, &values[index], predicate.op, &wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Of an expression of comparisons, AND, OR, NOT, IN, BETWEEN and IS NULL over keys and constants.
pub fn matches(table: &Table, values: &[String], filter: &Expr) -> Result<bool, DdlError> {
    match &filter.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            Ok(matches(table, values, left)? && matches(table, values, right)?)
        }
        ExprKind::Binary(BinaryOp::Or, left, right) => {
            Ok(matches(table, values, left)? || matches(table, values, right)?)
        }
        ExprKind::Unary(UnaryOp::Not, inner) => Ok(!matches(table, values, inner)?),
        ExprKind::Binary(op, left, right) => match (&left.kind, &right.kind) {
            (ExprKind::Name(_), _) => compare(table, values, left, *op, right),
            (_, ExprKind::Name(_)) => compare(table, values, right, mirrored(*op), left),
            _ => Err(refused()),
        },
        ExprKind::In { expr, list, negated } => {
            for value in list {
                if compare(table, values, expr, BinaryOp::Equal, value)? {
                    return Ok(!negated);
                }
            }
            Ok(*negated)
        }
        ExprKind::Between { expr, low, high, negated } => {
            let within = compare(table, values, expr, BinaryOp::GreaterEqual, low)?
                && compare(table, values, expr, BinaryOp::LessEqual, high)?;
            Ok(within != *negated)
        }
        ExprKind::IsNull { expr, negated } => {
            let ExprKind::Name(name) = &expr.kind else { return Err(refused()) };
            let index = key_index(table, &name.folded())?;
            Ok((values[index] == DEFAULT_PARTITION) != *negated)
        }
        _ => Err(refused()),
    }
}

fn compare(
    table: &Table,
    values: &[String],
    key: &Expr,
    op: BinaryOp,
    value: &Expr,
) -> Result<bool, DdlError> {
    let ExprKind::Name(name) = &key.kind else { return Err(refused()) };
    let index = key_index(table, &name.folded())?;
    let key = &table.partition_keys[index];
    Ok(holds(&key.ty, &values[index], op, &partition_spec::key_value(key, value)?))
}

pub fn key_index(table: &Table, name: &str) -> Result<usize, DdlError> {
    let found = table.partition_keys.iter().position(|key| key.name == name);
    found.ok_or_else(|| Problem::NoColumn(name.to_owned()).into())
}

/// The default partition equals only itself, and is neither less nor greater than anything.
fn holds(ty: &HiveType, value: &str, op: BinaryOp, wanted: &str) -> bool {
    let is_default = value == DEFAULT_PARTITION || wanted == DEFAULT_PARTITION;
    let order = order(ty, value, wanted);
    match op {
        BinaryOp::Equal | BinaryOp::NullSafeEqual => order == Ordering::Equal,
        BinaryOp::NotEqual => value != DEFAULT_PARTITION && order != Ordering::Equal,
        _ if is_default => false,
        BinaryOp::Less => order == Ordering::Less,
        BinaryOp::LessEqual => order != Ordering::Greater,
        BinaryOp::Greater => order == Ordering::Greater,
        BinaryOp::GreaterEqual => order != Ordering::Less,
        _ => false,
    }
}

/// By the key's type; the default partition comes last.
pub fn order(ty: &HiveType, left: &str, right: &str) -> Ordering {
    let defaults = (left == DEFAULT_PARTITION).cmp(&(right == DEFAULT_PARTITION));
    if defaults != Ordering::Equal || left == right {
        return defaults;
    }
    if ty.is_integer()
        && let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>())
    {
        return left.cmp(&right);
    }
    if ty.is_numeric()
        && let (Ok(left), Ok(right)) = (left.parse::<f64>(), right.parse::<f64>())
    {
        return left.total_cmp(&right);
    }
    left.cmp(right)
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        other => other,
    }
}

fn refused() -> DdlError {
    DdlError::Refused("a filter of partitions compares partition columns with constants".to_owned())
}
