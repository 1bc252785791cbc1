//! From a table's records to what a scan reads of it.

use super::{
    SeenFile, WriteError, seen_files,
    target::{format, pairs},
};
use crate::{
    catalog::{DEFAULT_PARTITION, Partition, PartitionFilter, Snapshot, Table},
    ddl::DdlContext,
    formats::{FileFormat, VirtualColumn},
    scan::{Part, ScanParts},
    types::HiveType,
};
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// How many listings are under way at a time.
const AT_ONCE: usize = 16;

/// Which partitions to read.
pub struct Wanted<'a> {
    /// Empty: all.
    pub filter: PartitionFilter,
    pub keep: &'a (dyn Fn(&Partition) -> bool + Send + Sync),
}

/// The files that a reader sees now, one part for each wanted partition. The records are read anew, after what is pending.
pub async fn scan_parts(
    context: &DdlContext<'_>,
    table: &Table,
    wanted: &Wanted<'_>,
    virtual_columns: Vec<VirtualColumn>,
) -> Result<ScanParts, WriteError> {
    let catalog = context.home(table);
    let snapshot = catalog.snapshot().await?;
    let current = catalog.find_table(&table.database, &table.name).await?;
    let current = current.filter(|current| current.record.id == table.id);
    let current = current.ok_or_else(|| WriteError::TableGone(table.full_name()))?.record;
    let location = &table.storage.location;
    let (store, root) = context.stores.resolve(location)?;
    let format = Arc::new(format(&table.storage, &table.columns, table)?);
    let parts = if table.is_partitioned() {
        let partitions = catalog.partitions(table, &wanted.filter).await?;
        let kept = partitions.into_iter().map(|found| found.record).filter(|found| (wanted.keep)(found));
        futures::stream::iter(kept.collect::<Vec<_>>())
            .map(|partition| part(context, table, partition, &snapshot, &format))
            .buffered(AT_ONCE)
            .try_collect()
            .await?
    } else {
        let seen = seen_files(context, location, current.contents.as_ref(), &snapshot).await?;
        vec![Part {
            format: format.clone(),
            files: paths(seen),
            partition_values: Vec::new(),
            buckets: table.storage.buckets,
        }]
    };
    Ok(ScanParts {
        columns: format.columns().to_vec(),
        partition_columns: pairs(&table.partition_keys),
        parts,
        store,
        file_name_prefix: prefix(location, root.as_ref()),
        virtual_columns,
    })
}

async fn part(
    context: &DdlContext<'_>,
    table: &Table,
    partition: Partition,
    snapshot: &Snapshot,
    of_table: &Arc<FileFormat>,
) -> Result<Part, WriteError> {
    let location = table.partition_location(&partition);
    let (store, _) = context.stores.resolve(&location)?;
    let (table_store, _) = context.stores.resolve(&table.storage.location)?;
    if !Arc::ptr_eq(&store, &table_store) {
        let (table, partition) = (table.full_name(), table.partition_name(&partition));
        return Err(WriteError::OtherStore { table, partition });
    }
    let format = match &partition.storage {
        None if partition.columns == table.columns => of_table.clone(),
        storage => {
            let storage = storage.as_ref().unwrap_or(&table.storage);
            Arc::new(format(storage, &partition.columns, table)?)
        }
    };
    let seen = seen_files(context, &location, partition.contents.as_ref(), snapshot).await?;
    let values = partition.values.iter().zip(&table.partition_keys);
    let partition_values = values.map(|(value, key)| value_of(value, &key.ty)).collect();
    let storage = partition.storage.as_ref().unwrap_or(&table.storage);
    let alike = storage.bucket_columns == table.storage.bucket_columns;
    let buckets = if alike { storage.buckets } else { 0 };
    Ok(Part { format, files: paths(seen), partition_values, buckets })
}

fn paths(seen: Vec<SeenFile>) -> Vec<(String, u64)> {
    seen.into_iter().map(|file| (file.path, file.stamp.bytes)).collect()
}

/// A name that is no value of its key's type is NULL, as in Hive.
fn value_of(text: &str, ty: &HiveType) -> ScalarValue {
    let null = || ScalarValue::try_new_null(&ty.arrow()).unwrap_or(ScalarValue::Null);
    if text == DEFAULT_PARTITION {
        return null();
    }
    ScalarValue::Utf8(Some(text.to_owned())).cast_to(&ty.arrow()).unwrap_or_else(|_| null())
}

/// What stands before a path of the store in a location: `file:/` of `file:///t`, as Hive prints it.
pub(super) fn prefix(location: &str, root: &str) -> String {
    let before = location.trim_end_matches('/').strip_suffix(root).unwrap_or("/");
    match before {
        "file:///" => "file:/".to_owned(),
        other => other.to_owned(),
    }
}
