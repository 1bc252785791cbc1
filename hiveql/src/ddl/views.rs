//! The definition of views. Their columns come from the planner, which knows the types of the query.

use super::{DdlContext, DdlError, Output, Problem, create_table, storage_clauses, table_checks};
use crate::{
    catalog::{CatalogError, Column, StorageDescriptor, Table, TableId, TableKind, ViewText},
    syntax::ast::{CreateView, StorageFormat},
};
use std::collections::BTreeMap;

/// `found` are the query's columns; `expanded` its text with every name in full.
pub async fn create(
    context: &DdlContext<'_>,
    statement: &CreateView,
    found: Vec<Column>,
    expanded: String,
) -> Result<Output, DdlError> {
    let view = define(context, statement, found, expanded).await?;
    let existing = context.catalog.shared.find_table(&view.database, &view.name).await?;
    match existing {
        None => {
            context.catalog.create_table(view).await?;
        }
        Some(_) if statement.if_not_exists => {}
        Some(old) if statement.or_replace && old.record.is_view() => {
            let new = Table { id: old.record.id, created_seconds: old.record.created_seconds, ..view };
            context.catalog.shared.alter_table(&old, &new).await?;
        }
        Some(old) => return Err(CatalogError::TableExists(old.record.full_name()).into()),
    }
    Ok(Output::none())
}

async fn define(
    context: &DdlContext<'_>,
    statement: &CreateView,
    found: Vec<Column>,
    expanded: String,
) -> Result<Table, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    table_checks::name(&name, statement.name.span)?;
    let all = named(statement, found)?;
    let is_key = |column: &Column| statement.partitioned_on.iter().any(|key| key.is(&column.name));
    let (partition_keys, columns): (Vec<Column>, Vec<Column>) = all.into_iter().partition(is_key);
    table_checks::columns(&columns, &partition_keys)?;
    let mut properties: BTreeMap<String, String> = statement.properties.iter().cloned().collect();
    if let Some(comment) = &statement.comment {
        properties.insert("comment".to_owned(), comment.clone());
    }
    let storage = storage(context, statement, &database, &name).await?;
    Ok(Table {
        id: TableId(0),
        database,
        name,
        kind: if statement.materialized { TableKind::MaterializedView } else { TableKind::View },
        temporary: false,
        columns,
        partition_keys,
        storage,
        properties,
        owner: context.facts.user.clone(),
        owner_kind: "USER".to_owned(),
        created_seconds: context.now_seconds(),
        last_access_seconds: 0,
        retention: 0,
        view: Some(ViewText { original: statement.text.clone(), expanded }),
        constraints: Vec::new(),
        statistics: BTreeMap::new(),
        contents: None,
    })
}

/// The statement's own names and comments, where it has some.
fn named(statement: &CreateView, found: Vec<Column>) -> Result<Vec<Column>, DdlError> {
    if statement.columns.is_empty() {
        return Ok(found);
    }
    if statement.columns.len() != found.len() {
        return Err(Problem::ViewColumns(statement.columns.len().to_string()).into());
    }
    let renamed = statement.columns.iter().zip(found).map(|(definition, column)| Column {
        name: definition.name.folded(),
        ty: column.ty,
        comment: definition.comment.clone(),
    });
    Ok(renamed.collect())
}

/// A materialized view has rows of its own, as ORC unless it says otherwise.
async fn storage(
    context: &DdlContext<'_>,
    statement: &CreateView,
    database: &str,
    name: &str,
) -> Result<StorageDescriptor, DdlError> {
    if !statement.materialized {
        return Ok(StorageDescriptor::default());
    }
    let format = StorageFormat::Named("ORC".to_owned());
    let location = create_table::default_location(context, database, name, false).await?;
    Ok(StorageDescriptor { location, ..storage_clauses::of_format(&format)? })
}
