//! DROP TABLE and DROP VIEW.

use super::{DdlContext, DdlError, Output, Problem, files};
use crate::{
    catalog::{Change, Table, TableKind, Versioned},
    syntax::ast::ObjectName,
};

pub async fn table(context: &DdlContext<'_>, name: &ObjectName, if_exists: bool) -> Result<Output, DdlError> {
    // hive.exec.drop.ignorenonexistent is true by default: without IF EXISTS too, nothing is no error.
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    let Some(table) = found(context, name, forgiving).await? else { return Ok(Output::none()) };
    if matches!(table.record.kind, TableKind::View | TableKind::MaterializedView) {
        if if_exists {
            return Ok(Output::none());
        }
        return Err(Problem::DropsView(table.record.full_name()).into());
    }
    remove(context, &table).await?;
    Ok(Output::none())
}

pub async fn view(
    context: &DdlContext<'_>,
    name: &ObjectName,
    if_exists: bool,
    materialized: bool,
) -> Result<Output, DdlError> {
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    let Some(view) = found(context, name, forgiving).await? else { return Ok(Output::none()) };
    let wanted = if materialized { TableKind::MaterializedView } else { TableKind::View };
    if view.record.kind != wanted {
        if if_exists {
            return Ok(Output::none());
        }
        return Err(Problem::DropsTable(view.record.full_name()).into());
    }
    remove(context, &view).await?;
    Ok(Output::none())
}

async fn found(
    context: &DdlContext<'_>,
    name: &ObjectName,
    forgiving: bool,
) -> Result<Option<Versioned<Table>>, DdlError> {
    match context.find_table(name).await? {
        None if !forgiving => context.table(name).await.map(Some),
        found => Ok(found),
    }
}

/// The catalog forgets the table first and notes its files in the same transaction: a kill before leaves the table whole, a
/// kill after leaves files that nobody sees and that are deleted before anybody else gets their place.
pub async fn remove(context: &DdlContext<'_>, table: &Versioned<Table>) -> Result<(), DdlError> {
    let catalog = context.home(&table.record);
    let mut locations = Vec::new();
    if table.record.owns_files() {
        locations.push(table.record.storage.location.clone());
        for partition in catalog.partitions(&table.record, &Vec::new()).await? {
            locations.extend(partition.record.location);
        }
    }
    let mut change = Change::default();
    change.remove_table(table);
    files::commit_then_delete(context, catalog, change, &locations).await?;
    Ok(catalog.remove_partitions_of(table.record.id).await?)
}
