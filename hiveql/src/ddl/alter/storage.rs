//! Properties, formats, serdes, locations, buckets and skew, of a table or of single partitions.

use super::{Selected, own_storage, replace_partitions};
use crate::{
    catalog::{Partition, PropertyMap, StorageDescriptor, Table, TableKind, Versioned},
    ddl::{
        DdlContext, DdlError, Problem, constraints, create_table, partition_spec, storage_clauses,
        table_checks,
    },
    syntax::ast::AlterAction,
};

pub async fn execute(
    context: &DdlContext<'_>,
    table: &Versioned<Table>,
    partitions: Selected,
    action: &AlterAction,
) -> Result<(), DdlError> {
    if let Some(partitions) = partitions {
        return replace_partitions(context, table, &partitions, |partition| {
            alter_partition(&table.record, partition, action)
        })
        .await;
    }
    if changes_files(action) && table.record.is_partitioned() {
        keep_partitions(context, table).await?;
    }
    let mut new = table.record.clone();
    alter_table(&mut new, action)?;
    Ok(context.home(&new).alter_table(table, &new).await?)
}

/// Whether files that are there would be read otherwise afterwards.
fn changes_files(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::SetSerde { .. }
            | AlterAction::SetSerdeProperties(_)
            | AlterAction::UnsetSerdeProperties(_)
            | AlterAction::SetFormat(_)
    )
}

/// What a table is stored as holds for partitions to come: those that are there keep what they were written with.
async fn keep_partitions(context: &DdlContext<'_>, table: &Versioned<Table>) -> Result<(), DdlError> {
    let every = vec![None; table.record.partition_keys.len()];
    let mut partitions = context.home(&table.record).partitions(&table.record, &every).await?;
    partitions.retain(|partition| partition.record.storage.is_none());
    replace_partitions(context, table, &partitions, |partition| {
        own_storage(&table.record, partition);
        Ok(())
    })
    .await
}

fn alter_table(table: &mut Table, action: &AlterAction) -> Result<(), DdlError> {
    match action {
        AlterAction::SetLocation(location) => {
            check_location(location)?;
            table.storage.location = location.trim_end_matches('/').to_owned();
            table.contents = None;
        }
        AlterAction::SetOwner { kind, name } => {
            table.owner_kind = kind.to_uppercase();
            table.owner.clone_from(name);
        }
        AlterAction::ClusteredBy(clustering) => table_checks::clustering(&table.columns, clustering)?,
        AlterAction::SkewedBy(skew) => table_checks::skew(&table.columns, skew)?,
        _ => {}
    }
    alter_properties(&mut table.properties, action)?;
    let is_word = |key: &str| key.eq_ignore_ascii_case("external");
    let speaks_of_it = match action {
        AlterAction::SetProperties(new) => new.iter().any(|(key, _)| is_word(key)),
        AlterAction::UnsetProperties { keys, .. } => keys.iter().any(|key| is_word(key)),
        _ => false,
    };
    if speaks_of_it {
        give_away(table, action)?;
    }
    alter_storage(&mut table.storage, action)?;
    storage_clauses::check_serde(&table.storage, &table.columns, &table.properties)
}

fn alter_partition(table: &Table, partition: &mut Partition, action: &AlterAction) -> Result<(), DdlError> {
    match action {
        AlterAction::SetLocation(location) => {
            check_location(location)?;
            partition.location = Some(location.trim_end_matches('/').to_owned());
            partition.contents = None;
            Ok(())
        }
        AlterAction::SetProperties(_)
        | AlterAction::UnsetProperties { .. }
        | AlterAction::UpdateStatistics { .. } => alter_properties(&mut partition.properties, action),
        _ => alter_storage(own_storage(table, partition), action),
    }
}

/// A table of the warehouse becomes an external one, or the other way round.
fn give_away(table: &mut Table, action: &AlterAction) -> Result<(), DdlError> {
    let becomes = |(key, value): &(String, String)| {
        key.eq_ignore_ascii_case("external") && value.eq_ignore_ascii_case("true")
    };
    let gives = matches!(action, AlterAction::SetProperties(new) if new.iter().any(becomes));
    if gives && table.constraints.iter().any(constraints::is_looked_after) {
        return Err(DdlError::Refused(format!(
            "Table: {} has constraints enabled. Please remove those constraints to change this property.",
            table.full_name()
        )));
    }
    table.kind = match (table.kind, create_table::is_external(&table.properties)) {
        (TableKind::Managed, true) => TableKind::External,
        (TableKind::External, false) => TableKind::Managed,
        (kind, _) => kind,
    };
    Ok(())
}

fn check_location(location: &str) -> Result<(), DdlError> {
    match location.starts_with('/') || location.contains(':') {
        true => Ok(()),
        false => Err(Problem::RelativeLocation(location.to_owned()).into()),
    }
}

/// Properties that statistics are kept in.
const COUNTS: [&str; 5] = ["numFiles", "numRows", "totalSize", "rawDataSize", "numFilesErasureCoded"];

fn check_counts(new: &[(String, String)]) -> Result<(), DdlError> {
    for (key, value) in new {
        if COUNTS.contains(&key.as_str()) && value.parse::<i64>().is_err() {
            return Err(DdlError::Refused(format!("AlterTable {key} failed with value {value}")));
        }
    }
    Ok(())
}

fn alter_properties(properties: &mut PropertyMap, action: &AlterAction) -> Result<(), DdlError> {
    match action {
        AlterAction::SetProperties(new) | AlterAction::UpdateStatistics { column: None, properties: new } => {
            check_counts(new)?;
            properties.extend(new.iter().cloned());
        }
        AlterAction::UnsetProperties { keys, if_exists } => {
            // Named twice, it is still there once.
            if let Some(key) = keys.iter().find(|key| !if_exists && !properties.contains_key(*key)) {
                return Err(Problem::NoProperty(key.clone()).into());
            }
            properties.retain(|key, _| !keys.contains(key));
        }
        _ => {}
    }
    Ok(())
}

fn alter_storage(storage: &mut StorageDescriptor, action: &AlterAction) -> Result<(), DdlError> {
    match action {
        AlterAction::SetSerde { class, properties } => {
            storage.serde.clone_from(class);
            storage.serde_properties.extend(properties.iter().cloned());
        }
        AlterAction::SetSerdeProperties(properties) => {
            storage.serde_properties.extend(properties.iter().cloned());
        }
        AlterAction::UnsetSerdeProperties(keys) => {
            storage.serde_properties.retain(|key, _| !keys.contains(key));
        }
        AlterAction::SetFormat(format) => {
            let new = storage_clauses::of_format(format)?;
            storage.input_format = new.input_format;
            storage.output_format = new.output_format;
            storage.serde = new.serde;
        }
        AlterAction::ClusteredBy(clustering) => storage_clauses::set_clustering(storage, clustering),
        AlterAction::NotClustered => {
            storage.bucket_columns.clear();
            storage.sort_columns.clear();
            storage.buckets = 0;
        }
        AlterAction::NotSorted => storage.sort_columns.clear(),
        AlterAction::IntoBuckets(0) => return Err(Problem::BadBuckets.into()),
        AlterAction::IntoBuckets(buckets) => storage.buckets = *buckets,
        AlterAction::SkewedBy(skew) => storage.skew = Some(storage_clauses::skew(skew)),
        AlterAction::NotSkewed => storage.skew = None,
        AlterAction::NotStoredAsDirectories => {
            if let Some(skew) = &mut storage.skew {
                skew.directories = false;
            }
        }
        AlterAction::SetSkewedLocation(locations) => {
            let skew = storage.skew.get_or_insert_default();
            for (values, location) in locations {
                let values = values.iter().filter_map(partition_spec::literal_text).collect();
                skew.locations.push((values, location.clone()));
            }
        }
        _ => {}
    }
    Ok(())
}
