//! Plans of a star of three tables, whose sizes decide what is joined first.

use super::reorder;
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{ColumnStatistics, Result, ScalarValue, Statistics, exec_err, stats::Precision},
    datasource::provider_as_source,
    execution::{SessionState, SessionStateBuilder},
    logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, TableType, col, lit},
    physical_plan::ExecutionPlan,
};
use std::sync::Arc;

/// A table of which only the number of rows is known, and that its columns have the values from 1 on.
#[derive(Debug)]
struct Counted {
    schema: SchemaRef,
    rows: usize,
    distinct: Vec<i64>,
}

#[async_trait]
impl TableProvider for Counted {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let value = |value: i64| Precision::Inexact(ScalarValue::Int64(Some(value)));
        let column = |distinct: &i64| ColumnStatistics {
            min_value: value(1),
            max_value: value(*distinct),
            ..ColumnStatistics::new_unknown()
        };
        Some(Statistics {
            num_rows: Precision::Inexact(self.rows),
            total_byte_size: Precision::Absent,
            column_statistics: self.distinct.iter().map(column).collect(),
        })
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        exec_err!("there are no rows")
    }
}

fn table(name: &str, rows: usize, columns: &[(&str, i64)]) -> LogicalPlanBuilder {
    let fields: Vec<Field> =
        columns.iter().map(|(column, _)| Field::new(*column, DataType::Int64, true)).collect();
    let distinct = columns.iter().map(|(_, distinct)| *distinct).collect();
    let table = Counted { schema: Arc::new(Schema::new(fields)), rows, distinct };
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None).unwrap()
}

fn state() -> SessionState {
    SessionStateBuilder::new().with_default_features().build()
}

fn reordered(plan: LogicalPlanBuilder) -> (LogicalPlan, LogicalPlan) {
    let state = state();
    let optimized = state.optimize(&plan.build().unwrap()).unwrap();
    (optimized.clone(), reorder(optimized, &state).unwrap())
}

/// Names of the tables as they stand in the plan, from the first that is built on.
fn order(plan: &LogicalPlan) -> Vec<String> {
    let text = plan.display_indent().to_string();
    let scans = text.lines().filter_map(|line| line.trim().strip_prefix("TableScan: "));
    scans.map(|scan| scan.split(' ').next().unwrap().to_owned()).collect()
}

fn sales() -> LogicalPlanBuilder {
    table("sales", 1_000_000, &[("day", 1_000), ("item", 20_000), ("price", 100)])
}

fn days() -> LogicalPlanBuilder {
    table("days", 1_000, &[("day", 1_000), ("year", 5)])
}

fn items() -> LogicalPlanBuilder {
    table("items", 20_000, &[("item", 20_000), ("kind", 1_000)])
}

fn crossed(left: LogicalPlanBuilder, right: LogicalPlanBuilder) -> LogicalPlanBuilder {
    left.cross_join(right.build().unwrap()).unwrap()
}

#[test]
fn what_leaves_the_fewest_rows_is_joined_first() {
    let plan = crossed(crossed(sales(), days()), items());
    let filter = col("sales.day").eq(col("days.day")).and(col("sales.item").eq(col("items.item")));
    let (_, few_items) =
        reordered(plan.clone().filter(filter.clone().and(col("items.kind").eq(lit(7_i64)))).unwrap());
    assert_eq!(order(&few_items), ["days", "items", "sales"]);
    let (_, few_days) = reordered(plan.filter(filter.and(col("days.day").eq(lit(7_i64)))).unwrap());
    assert_eq!(order(&few_days), ["days", "sales", "items"]);
}

#[test]
fn tables_that_meet_only_in_a_third_one_are_not_crossed() {
    let plan = crossed(crossed(days(), items()), sales());
    let filter = col("sales.day").eq(col("days.day")).and(col("sales.item").eq(col("items.item")));
    let (_, after) = reordered(plan.filter(filter).unwrap());
    assert!(!after.display_indent().to_string().contains("Cross Join"), "{}", after.display_indent());
}

#[test]
fn columns_and_conditions_stay_what_they_were() {
    let plan = crossed(crossed(days(), items()), sales());
    let equal = col("sales.day").eq(col("days.day")).and(col("sales.item").eq(col("items.item")));
    let (before, after) = reordered(plan.filter(equal.and(col("price").gt(col("kind")))).unwrap());
    assert_eq!(before.schema().columns(), after.schema().columns());
    assert!(after.display_indent().to_string().contains("sales.price > items.kind"));
}

#[test]
fn outer_joins_stay_where_they_are() {
    let plan = days().join(items().build().unwrap(), JoinType::Left, (vec!["day"], vec!["item"]), None);
    let plan =
        plan.unwrap().join(sales().build().unwrap(), JoinType::Left, (vec!["days.day"], vec!["day"]), None);
    let (before, after) = reordered(plan.unwrap());
    assert_eq!(before, after);
}
