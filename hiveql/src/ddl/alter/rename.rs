//! RENAME of tables and partitions, with their files.
//!
//! A kill at any point leaves the old or the new state: the target is noted as to be removed, the files are copied, and one
//! transaction gives them their new name, crosses the target's note out and notes the source. Until then the old name has
//! the old files; afterwards what may be left of them is removed before anybody else gets their place.

use crate::{
    catalog::{Change, Partition, Table, TableKind, Versioned},
    ddl::{DdlContext, DdlError, create_table, files, partition_spec},
    syntax::ast::{ObjectName, PartitionSpec},
};

pub async fn table(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    name: &ObjectName,
) -> Result<(), DdlError> {
    let (database, name) = context.resolve(name)?;
    let old = &table.record;
    let catalog = context.home(old);
    context.catalog.shared.database(&database).await?;
    if let Some(taken) = catalog.find_table(&database, &name).await? {
        return Err(DdlError::Refused(format!(
            "InvalidOperationException(message:new table {} already exists)",
            taken.record.full_name()
        )));
    }
    let mut new = Table { database: database.clone(), name: name.clone(), ..old.clone() };
    let mut change = Change::default();
    let default = create_table::default_location(context, &old.database, &old.name, false).await?;
    if old.kind != TableKind::Managed || old.temporary || old.storage.location != default {
        // Files that lie where the user said stay there.
        change.replace_table(table, &new)?;
        return Ok(catalog.commit(change).await?);
    }
    new.storage.location = create_table::default_location(context, &database, &name, false).await?;
    files::clear_leftovers(context, &new.storage.location).await?;
    let (number, version) = catalog.begin_removal(&new.storage.location).await?;
    files::copy(context, &old.storage.location, &new.storage.location).await?;
    change.replace_table(table, &new)?;
    change.end_removal(number, version);
    files::commit_then_delete(context, catalog, change, std::slice::from_ref(&old.storage.location)).await
}

pub async fn partition(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    mut selected: Vec<Versioned<Partition>>,
    spec: &PartitionSpec,
) -> Result<(), DdlError> {
    let values = partition_spec::values(&table.record, spec)?;
    partition_spec::check_values(context, &values)?;
    let catalog = context.home(&table.record);
    let (Some(old), true) = (selected.pop(), selected.is_empty()) else {
        return Err(DdlError::Refused(
            "RENAME PARTITION needs a value for every partition column".to_owned(),
        ));
    };
    let mut new = Partition { values, ..old.record.clone() };
    if catalog.find_partition(&table.record, &new.values).await?.is_some() {
        let name = table.record.partition_name(&new);
        return Err(crate::catalog::CatalogError::PartitionExists(name).into());
    }
    let mut change = Change::default();
    change.expect_table(table);
    let from = table.record.partition_location(&old.record);
    if table.record.kind != TableKind::Managed || old.record.location.is_some() {
        new.location = Some(from);
        change.replace_partition(&table.record, &old, &new)?;
        return Ok(catalog.commit(change).await?);
    }
    let to = table.record.partition_location(&new);
    files::clear_leftovers(context, &to).await?;
    let (number, version) = catalog.begin_removal(&to).await?;
    files::copy(context, &from, &to).await?;
    change.replace_partition(&table.record, &old, &new)?;
    change.end_removal(number, version);
    files::commit_then_delete(context, catalog, change, &[from]).await
}
