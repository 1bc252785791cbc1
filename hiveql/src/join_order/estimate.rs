//! How many rows a plan yields, more or less, and how many different values its columns have.

use super::selectivity::selectivity;
use crate::scan::HiveTable;
use datafusion::{
    common::{Column, ColumnStatistics, ScalarValue, stats::Precision},
    datasource::source_as_provider,
    logical_expr::{Expr, Join, JoinType, LogicalPlan, TableScan},
};
use std::{collections::HashMap, sync::Arc};

/// Of a table of which nothing is known.
const ROWS_UNKNOWN: f64 = 1_000_000.0;
/// Columns of text in rows without number have a few values, keys of text many: this lies between.
const DISTINCT_TEXTS_MAX: f64 = 50.0;
/// Elements of a nested value.
const ELEMENTS: f64 = 4.0;
/// The share of rows that find a partner, or find none.
const HALF: f64 = 0.5;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnEstimate {
    pub distinct: f64,
    /// Smallest and largest value, as numbers.
    pub range: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    pub rows: f64,
    pub columns: HashMap<Column, ColumnEstimate>,
}

impl Estimate {
    fn of_rows(rows: f64) -> Estimate {
        Estimate { rows, columns: HashMap::new() }
    }

    pub fn filtered(&self, filter: &Expr) -> Estimate {
        Estimate { rows: (self.rows * selectivity(filter, self)).max(1.0), columns: self.columns.clone() }
    }

    /// Different values of an expression, if there is a way to tell.
    pub fn distinct(&self, expr: &Expr) -> Option<f64> {
        match expr {
            Expr::Column(column) => self.columns.get(column).map(|column| column.distinct),
            Expr::Alias(alias) => self.distinct(&alias.expr),
            Expr::Cast(cast) => self.distinct(&cast.expr),
            Expr::Literal(..) => Some(1.0),
            _ => None,
        }
    }

    /// An inner join over equal keys: the values of the side that has fewer are all among those of the other.
    pub fn joined(&self, other: &Estimate, keys: &[(Expr, Expr)]) -> Estimate {
        let columns = self.columns.iter().chain(&other.columns);
        let columns = columns.map(|(name, column)| (name.clone(), column.clone())).collect();
        Estimate { rows: self.joined_rows(other, keys), columns }
    }

    pub fn joined_rows(&self, other: &Estimate, keys: &[(Expr, Expr)]) -> f64 {
        let (mut widest, mut together) = (1.0_f64, 1.0);
        for (left, right) in keys {
            let left = self.distinct(left).unwrap_or(self.rows);
            let different = left.max(other.distinct(right).unwrap_or(other.rows)).max(1.0);
            widest = widest.max(different);
            together *= different;
        }
        // Several keys belong together: they tell no more rows apart than there are.
        let together = together.min(self.rows.max(other.rows)).max(widest);
        (self.rows * other.rows / together).max(1.0)
    }

    fn grouped<'a>(&self, keys: impl Iterator<Item = &'a Expr>) -> f64 {
        let groups: f64 = keys.map(|key| self.distinct(key).unwrap_or(self.rows.sqrt())).product();
        groups.clamp(1.0, self.rows.max(1.0))
    }
}

#[recursive::recursive]
pub(super) fn estimated(plan: &LogicalPlan) -> Estimate {
    match plan {
        LogicalPlan::TableScan(scan) => table(scan),
        LogicalPlan::Filter(filter) => estimated(&filter.input).filtered(&filter.predicate),
        LogicalPlan::Projection(projection) => {
            let input = estimated(&projection.input);
            let names = projection.schema.columns().into_iter();
            project(&input, names.zip(&projection.expr))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let input = estimated(&aggregate.input);
            let rows = input.grouped(aggregate.group_expr.iter());
            let names = aggregate.schema.columns().into_iter();
            Estimate { rows, ..project(&input, names.zip(&aggregate.group_expr)) }
        }
        LogicalPlan::Distinct(distinct) => {
            let input = estimated(distinct.input());
            let names: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
            Estimate { rows: input.grouped(names.iter()), ..input }
        }
        LogicalPlan::Join(join) => join_rows(join),
        LogicalPlan::Union(union) => {
            Estimate::of_rows(union.inputs.iter().map(|input| estimated(input).rows).sum())
        }
        LogicalPlan::Limit(limit) => {
            let input = estimated(&limit.input);
            let fetch = limit.fetch.as_deref().and_then(number).unwrap_or(f64::INFINITY);
            Estimate { rows: input.rows.min(fetch), ..input }
        }
        LogicalPlan::Unnest(unnest) => Estimate::of_rows(estimated(&unnest.input).rows * ELEMENTS),
        LogicalPlan::EmptyRelation(_) => Estimate::of_rows(1.0),
        LogicalPlan::Values(values) => Estimate::of_rows(values.values.len() as f64),
        other => match other.inputs().as_slice() {
            [input] => estimated(input),
            _ => Estimate::of_rows(ROWS_UNKNOWN),
        },
    }
}

/// What of the columns goes on, under these names.
fn project<'a>(input: &Estimate, exprs: impl Iterator<Item = (Column, &'a Expr)>) -> Estimate {
    let known = exprs.filter_map(|(name, expr)| {
        let mut expr = expr;
        while let Expr::Alias(alias) = expr {
            expr = &alias.expr;
        }
        let column = match expr {
            Expr::Column(column) => input.columns.get(column)?.clone(),
            expr => ColumnEstimate { distinct: input.distinct(expr)?, range: None },
        };
        Some((name, column))
    });
    Estimate { rows: input.rows, columns: known.collect() }
}

fn join_rows(join: &Join) -> Estimate {
    let (left, right) = (estimated(&join.left), estimated(&join.right));
    let mut both = left.joined(&right, &join.on);
    if let Some(filter) = &join.filter {
        both = both.filtered(filter);
    }
    match join.join_type {
        JoinType::Inner => both,
        JoinType::Left => Estimate { rows: both.rows.max(left.rows), ..both },
        JoinType::Right => Estimate { rows: both.rows.max(right.rows), ..both },
        JoinType::Full => Estimate { rows: both.rows.max(left.rows).max(right.rows), ..both },
        JoinType::LeftSemi | JoinType::LeftAnti => Estimate { rows: (left.rows * HALF).max(1.0), ..left },
        JoinType::RightSemi | JoinType::RightAnti => Estimate { rows: (right.rows * HALF).max(1.0), ..right },
        JoinType::LeftMark => left,
        JoinType::RightMark => right,
    }
}

fn table(scan: &TableScan) -> Estimate {
    let statistics = source_as_provider(&scan.source).ok().and_then(|provider| {
        match provider.downcast_ref::<HiveTable>() {
            Some(table) => table.statistics(&scan.filters),
            None => provider.statistics().map(Arc::new),
        }
    });
    let Some(statistics) = statistics else { return Estimate::of_rows(ROWS_UNKNOWN) };
    let rows = statistics.num_rows.get_value().map_or(ROWS_UNKNOWN, |rows| *rows as f64);
    let schema = scan.source.schema();
    let columns = scan.projected_schema.columns().into_iter().filter_map(|name| {
        let index = schema.index_of(&name.name).ok()?;
        Some((name, column(statistics.column_statistics.get(index)?, rows)))
    });
    Estimate { rows, columns: columns.collect() }
}

fn column(statistics: &ColumnStatistics, rows: f64) -> ColumnEstimate {
    let bound = |value: &Precision<ScalarValue>| value.get_value().and_then(scalar);
    let range = bound(&statistics.min_value).zip(bound(&statistics.max_value));
    let distinct = match (statistics.distinct_count.get_value(), range) {
        (Some(distinct), _) => *distinct as f64,
        (None, Some((low, high))) => high - low + 1.0,
        (None, None) => rows.sqrt().min(DISTINCT_TEXTS_MAX),
    };
    ColumnEstimate { distinct: distinct.clamp(1.0, rows.max(1.0)), range }
}

pub(super) fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) => scalar(value),
        _ => None,
    }
}

/// Whole numbers and dates; those of bounds are never fractions.
fn scalar(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Int8(value) => value.map(f64::from),
        ScalarValue::Int16(value) => value.map(f64::from),
        ScalarValue::Int32(value) | ScalarValue::Date32(value) => value.map(f64::from),
        ScalarValue::Int64(value) => value.map(|value| value as f64),
        _ => None,
    }
}
