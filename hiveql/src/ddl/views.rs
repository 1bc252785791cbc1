//! The definition of views. Their columns come from the planner, which knows the types of the query.

use super::{DdlContext, DdlError, Output, Problem, create_table, storage_clauses, table_checks};
use crate::{
    catalog::{CatalogError, Column, StorageDescriptor, Table, TableId, TableKind, Versioned, ViewText},
    syntax::ast::{CreateView, Name, ObjectName, StorageFormat},
};
use std::collections::BTreeMap;

/// `found` are the query's columns; `expanded` its text with every name in full.
pub async fn create(
    context: &DdlContext<'_>,
    statement: &CreateView,
    found: Vec<Column>,
    expanded: String,
) -> Result<Output, DdlError> {
    if statement.or_replace && statement.if_not_exists {
        return Err(DdlError::Refused("Can't combine IF NOT EXISTS and OR REPLACE.".to_owned()));
    }
    let view = define(context, statement, found, expanded).await?;
    let existing = context.catalog.shared.find_table(&view.database, &view.name).await?;
    match existing {
        None => {
            context.catalog.create_table(view).await?;
        }
        Some(_) if statement.if_not_exists => {}
        Some(old) if statement.or_replace => {
            replaceable(context, &old, &view.partition_keys).await?;
            let new = Table { id: old.record.id, created_seconds: old.record.created_seconds, ..view };
            context.catalog.shared.alter_table(&old, &new).await?;
        }
        Some(old) => return Err(CatalogError::TableExists(old.record.full_name()).into()),
    }
    Ok(Output::none())
}

/// The view that ALTER VIEW AS is about.
pub async fn to_alter(context: &DdlContext<'_>, name: &ObjectName) -> Result<Versioned<Table>, DdlError> {
    let found = context.find_table(name).await?;
    found.ok_or_else(|| {
        let words: Vec<&str> = name.parts.iter().map(|part| part.text.as_str()).collect();
        DdlError::Semantic { problem: Problem::NoViewToAlter(words.join(".")), span: Some(name.span) }
    })
}

/// Gives a view another query, with its columns.
pub async fn replace_query(
    context: &DdlContext<'_>,
    view: &Versioned<Table>,
    found: Vec<Column>,
    original: &str,
    expanded: String,
) -> Result<(), DdlError> {
    replaceable(context, view, &[]).await?;
    table_checks::columns(&found, &[])?;
    let text = ViewText { original: original.to_owned(), expanded };
    let new = Table { columns: found, partition_keys: Vec::new(), view: Some(text), ..view.record.clone() };
    Ok(context.catalog.shared.alter_table(view, &new).await?)
}

/// Whether a view may get another query: one with partitions has to keep its keys.
pub async fn replaceable(
    context: &DdlContext<'_>,
    old: &Versioned<Table>,
    keys: &[Column],
) -> Result<(), DdlError> {
    if !old.record.is_view() {
        return Err(Problem::NotAView(old.record.full_name()).into());
    }
    if old.record.partition_keys.is_empty() || old.record.partition_keys == keys {
        return Ok(());
    }
    match context.home(&old.record).partitions(&old.record, &Vec::new()).await?.is_empty() {
        true => Ok(()),
        false => Err(Problem::ViewHasPartitions(old.record.full_name()).into()),
    }
}

async fn define(
    context: &DdlContext<'_>,
    statement: &CreateView,
    found: Vec<Column>,
    expanded: String,
) -> Result<Table, DdlError> {
    let (database, name) = context.resolve(&statement.name)?;
    table_checks::name(&name, statement.name.span)?;
    let mut columns = named(statement, found)?;
    let partition_keys = keys(&mut columns, &statement.partitioned_on)?;
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

/// Takes the last columns for keys, which must be those that PARTITIONED ON names, in its order.
fn keys(columns: &mut Vec<Column>, named: &[Name]) -> Result<Vec<Column>, DdlError> {
    let first = columns.len().checked_sub(named.len()).ok_or(Problem::ViewKeys)?;
    if !named.iter().zip(&columns[first..]).all(|(name, column)| name.is(&column.name)) {
        return Err(Problem::ViewKeys.into());
    }
    if first == 0 && !named.is_empty() {
        return Err(Problem::ViewOfKeysAlone.into());
    }
    Ok(columns.split_off(first))
}

/// The statement's own names and comments, where it has some.
fn named(statement: &CreateView, found: Vec<Column>) -> Result<Vec<Column>, DdlError> {
    // Also under other names: the query's own must be told apart.
    table_checks::columns(&found, &[])?;
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
