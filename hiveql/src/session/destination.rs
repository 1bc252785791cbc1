//! What the planner has to know of a table that rows are written to: its columns, and what its constraints ask for.

use crate::{
    catalog::{Column, ConstraintKind, Table},
    plan::{InsertInto, TableName},
    syntax::ast::Name,
    types::HiveType,
    write::Write,
};
use datafusion::logical_expr::TableSource;
use std::sync::Arc;

pub(super) struct Destination {
    table: TableName,
    columns: Vec<(String, HiveType)>,
    keys: Vec<(String, HiveType)>,
    defaults: Vec<(String, String)>,
    not_null: Vec<String>,
    checks: Vec<String>,
    source: Arc<dyn TableSource>,
}

impl Destination {
    pub fn of(write: &Write, source: Arc<dyn TableSource>) -> Destination {
        let table = &write.target.table;
        let columns = write.description().format().map(|format| format.columns().to_vec());
        let enabled = || table.constraints.iter().filter(|constraint| constraint.enable);
        let not_null = enabled().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::NotNull { column } => Some(column.clone()),
            _ => None,
        });
        let checks = enabled().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Check { text, .. } => Some(text.clone()),
            _ => None,
        });
        Destination {
            table: TableName { database: table.database.clone(), name: table.name.clone() },
            columns: columns.unwrap_or_else(|_| pairs(&table.columns)),
            keys: pairs(write.target.row_keys()),
            defaults: default_texts(table),
            not_null: not_null.collect(),
            checks: checks.collect(),
            source,
        }
    }

    /// `listed`: the columns that the statement names.
    pub fn insert_into<'a>(&'a self, listed: &'a [Name]) -> InsertInto<'a> {
        InsertInto {
            table: self.table.clone(),
            columns: &self.columns,
            keys: &self.keys,
            listed,
            defaults: &self.defaults,
            not_null: &self.not_null,
            checks: &self.checks,
            source: self.source.clone(),
        }
    }
}

/// What DEFAULT stands for, by column.
pub(super) fn default_texts(table: &Table) -> Vec<(String, String)> {
    let constraints = table.constraints.iter().filter(|constraint| constraint.enable);
    constraints
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Default { column, text } => Some((column.clone(), text.clone())),
            _ => None,
        })
        .collect()
}

fn pairs(columns: &[Column]) -> Vec<(String, HiveType)> {
    columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()
}
