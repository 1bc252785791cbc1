//! ADD, DROP, EXCHANGE and TOUCH of partitions.

use crate::{
    catalog::{Catalog, CatalogError, Change, Partition, PartitionFilter, PropertyMap, Table, Versioned},
    ddl::{DdlContext, DdlError, Problem, files, partition_filter, partition_spec},
    syntax::ast::{BinaryOp, ObjectName, PartitionPredicate, PartitionSpec},
};
use std::collections::{BTreeMap, HashSet};

/// A partition as the table is now.
pub fn made(context: &DdlContext<'_>, table: &Table, values: Vec<String>) -> Partition {
    Partition {
        values,
        location: None,
        columns: table.columns.clone(),
        storage: None,
        properties: PropertyMap::new(),
        created_seconds: context.now_seconds(),
        last_access_seconds: 0,
        statistics: BTreeMap::new(),
        contents: None,
    }
}

pub async fn add(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    specs: &[(PartitionSpec, Option<String>)],
    if_not_exists: bool,
) -> Result<(), DdlError> {
    let catalog = context.home(&table.record);
    let mut added = Vec::new();
    let mut seen = HashSet::new();
    for (spec, location) in specs {
        if location.is_some() && table.record.is_view() {
            return Err(DdlError::Refused("LOCATION clause illegal for view partition".to_owned()));
        }
        let values = partition_spec::values(&table.record, spec)?;
        partition_spec::check_values(context, &values)?;
        if let Some(reserved) = values.iter().find(|value| partition_spec::is_reserved(context, value)) {
            return Err(Problem::ReservedValue(reserved.clone()).into());
        }
        let exists = catalog.find_partition(&table.record, &values).await?.is_some();
        if exists && !if_not_exists {
            let name = table.record.partition_name(&made(context, &table.record, values));
            return Err(CatalogError::PartitionExists(name).into());
        }
        if exists || !seen.insert(values.clone()) {
            continue;
        }
        let mut partition = made(context, &table.record, values);
        partition.location = location.as_deref().map(|location| absolute(&table.record, location));
        files::clear_leftovers(context, &table.record.partition_location(&partition)).await?;
        added.push(partition);
    }
    Ok(catalog.add_partitions(table, &added).await?)
}

/// A relative location is below the table's.
fn absolute(table: &Table, location: &str) -> String {
    let location = location.trim_end_matches('/');
    if location.starts_with('/') || location.contains("://") || location.starts_with("file:") {
        return location.to_owned();
    }
    format!("{}/{location}", table.storage.location)
}

/// All that match any of the lists go in one transaction, which notes their files: see [`files`].
pub async fn drop(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    lists: &[Vec<PartitionPredicate>],
    if_exists: bool,
) -> Result<(), DdlError> {
    let forgiving = if_exists || !context.setting_is("hive.exec.drop.ignorenonexistent", "false");
    let catalog = context.home(&table.record);
    let mut dropped: BTreeMap<String, Versioned<Partition>> = BTreeMap::new();
    for predicates in lists {
        let before = dropped.len();
        for partition in matching(catalog, &table.record, predicates).await? {
            dropped.insert(table.record.partition_name(&partition.record), partition);
        }
        if dropped.len() == before && !forgiving {
            let words: Vec<String> = predicates
                .iter()
                .map(|one| {
                    let value = partition_spec::literal_text(&one.value).unwrap_or_default();
                    format!("{} {value}", one.column.folded())
                })
                .collect();
            return Err(Problem::NoPartition(words.join(", ")).into());
        }
    }
    let mut change = Change::default();
    change.expect_table(table);
    let mut locations = Vec::new();
    for partition in dropped.values() {
        change.remove_partition(&table.record, partition)?;
        if table.record.owns_files() {
            locations.push(table.record.partition_location(&partition.record));
        }
    }
    files::commit_then_delete(context, catalog, change, &locations).await
}

/// Where `=` says all keys, one record is read; else those of the partitions whose values fit.
async fn matching(
    catalog: &Catalog,
    table: &Table,
    predicates: &[PartitionPredicate],
) -> Result<Vec<Versioned<Partition>>, DdlError> {
    let narrowed = narrowed(table, predicates)?;
    if narrowed.iter().all(Option::is_some) {
        let mut found = Vec::new();
        for partition in catalog.partitions(table, &narrowed).await? {
            if partition_filter::matches_all(table, &partition.record.values, predicates)? {
                found.push(partition);
            }
        }
        return Ok(found);
    }
    let mut wanted = Vec::new();
    for values in catalog.all_partition_values(table).await?.values.iter() {
        if partition_filter::matches_all(table, values, predicates)? {
            wanted.push(values.clone());
        }
    }
    Ok(catalog.partitions_with(table, wanted).await?)
}

/// What `=` says of keys, so that only those partitions are read.
fn narrowed(table: &Table, predicates: &[PartitionPredicate]) -> Result<PartitionFilter, DdlError> {
    let mut filter = vec![None; table.partition_keys.len()];
    for predicate in predicates {
        let index = partition_filter::key_index(table, &predicate.column.folded())?;
        let key = &table.partition_keys[index];
        // A fraction can be written in several ways.
        let has_one_text = key.ty.is_integer() || !key.ty.is_numeric();
        if predicate.op == BinaryOp::Equal && has_one_text {
            filter[index] = Some(partition_spec::key_value(key, &predicate.value)?);
        }
    }
    Ok(filter)
}

/// `ALTER TABLE target EXCHANGE PARTITION (...) WITH TABLE source`: the source's partitions become the target's. As with a
/// renamed table, files are copied first, both catalogs' entries change in one transaction, and the old files go last.
pub async fn exchange(
    context: &DdlContext<'_>,
    target: &Versioned<Table>,
    spec: &PartitionSpec,
    source: &ObjectName,
) -> Result<(), DdlError> {
    let source = context.table(source).await?;
    if source.record.temporary != target.record.temporary {
        return Err(DdlError::Refused("EXCHANGE PARTITION needs two temporary tables or none".to_owned()));
    }
    let shape = |table: &Table| -> Vec<(String, String)> {
        table.all_columns().map(|column| (column.name.clone(), column.ty.to_string())).collect()
    };
    if shape(&source.record) != shape(&target.record)
        || source.record.key_names() != target.record.key_names()
    {
        return Err(Problem::IncompatibleTables.into());
    }
    let catalog = context.home(&target.record);
    let filter = partition_spec::filter(&source.record, spec)?;
    let moved = catalog.partitions(&source.record, &filter).await?;
    if moved.is_empty() {
        return Err(Problem::NoPartition(partition_spec::text(spec)).into());
    }
    if filter.iter().skip_while(|value| value.is_some()).any(Option::is_some) {
        return Err(Problem::NotContinuous(partition_spec::text(spec)).into());
    }
    if let Some(there) = catalog.partitions(&target.record, &filter).await?.first() {
        return Err(Problem::PartitionThere(target.record.partition_name(&there.record)).into());
    }
    let mut change = Change::default();
    change.expect_table(target);
    change.expect_table(&source);
    let mut locations = Vec::new();
    for partition in &moved {
        let new = Partition { location: None, ..partition.record.clone() };
        let from = source.record.partition_location(&partition.record);
        let to = target.record.partition_location(&new);
        files::clear_leftovers(context, &to).await?;
        let (number, version) = catalog.begin_removal(&to).await?;
        files::copy(context, &from, &to).await?;
        change.end_removal(number, version);
        change.remove_partition(&source.record, partition)?;
        change.add_partition(&target.record, &new)?;
        locations.push(from);
    }
    files::commit_then_delete(context, catalog, change, &locations).await
}

pub async fn touch(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    specs: &[PartitionSpec],
) -> Result<(), DdlError> {
    let catalog = context.home(&table.record);
    let now = context.now_seconds();
    for spec in specs {
        let found = catalog.partitions(&table.record, &partition_spec::filter(&table.record, spec)?).await?;
        if found.is_empty() {
            return Err(Problem::NoPartition(partition_spec::text(spec)).into());
        }
        super::replace_partitions(context, table, &found, |partition| {
            partition.properties.insert("transient_lastDdlTime".to_owned(), now.to_string());
            Ok(())
        })
        .await?;
    }
    Ok(())
}
