//! Filters on partition columns, evaluated on the values of all parts at once.

use super::PartitionColumns;
use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{Array, AsArray},
        datatypes::{Field, Schema},
        record_batch::{RecordBatch, RecordBatchOptions},
    },
    catalog::Session,
    common::{
        Column, DFSchema, Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, utils::conjunction},
};
use std::sync::Arc;

/// Whether a filter looks at these columns, at one of them at least, and is the same for the same values.
pub(super) fn only_of<'a>(filter: &Expr, names: impl Iterator<Item = &'a str> + Clone) -> bool {
    let columns = filter.column_refs();
    let known = |column: &&Column| names.clone().any(|name| name == column.name);
    !columns.is_empty() && columns.iter().all(known) && !filter.is_volatile() && !has_subquery(filter)
}

fn has_subquery(filter: &Expr) -> bool {
    let subquery = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::OuterReferenceColumn(..)
        ))
    };
    filter.exists(subquery).unwrap_or(true)
}

/// Without the table's name before its columns.
pub(super) fn unqualified(filter: Expr) -> Result<Expr> {
    let strip = |expr: Expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))),
        other => Ok(Transformed::no(other)),
    };
    Ok(filter.transform(strip)?.data)
}

/// The partitions for which all filters are true.
pub(super) fn prune(
    state: &dyn Session,
    columns: &[(String, HiveType)],
    partitions: &PartitionColumns,
    filters: &[Expr],
) -> Result<Vec<usize>> {
    let count = partitions.parts;
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok((0..count).collect()) };
    if count == 0 {
        return Ok(Vec::new());
    }
    let fields: Vec<Field> = columns.iter().map(|(name, ty)| Field::new(name, ty.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let rows = RecordBatchOptions::new().with_row_count(Some(count));
    let batch = RecordBatch::try_new_with_options(schema.clone(), partitions.columns.clone(), &rows)?;
    let planned = state.create_physical_expr(unqualified(filter)?, &DFSchema::try_from(schema)?)?;
    let keep = planned.evaluate(&batch)?.into_array(count)?;
    let keep = datafusion::arrow::compute::cast(&keep, &datafusion::arrow::datatypes::DataType::Boolean)?;
    let keep = keep.as_boolean();
    Ok((0..count).filter(|row| keep.is_valid(*row) && keep.value(*row)).collect())
}
