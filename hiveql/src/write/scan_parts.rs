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
use object_store::ObjectStore;
use std::sync::Arc;

/// How many listings are under way at a time.
const AT_ONCE: usize = 16;

/// Which partitions to read.
pub struct Wanted<'a> {
    /// Empty: all.
    pub filter: PartitionFilter,
    pub keep: &'a (dyn Fn(&Partition) -> bool + Send + Sync),
}

/// A table with the files that a reader sees now.
pub struct SeenTable {
    columns: Vec<(String, HiveType)>,
    keys: Vec<(String, HiveType)>,
    pub parts: Vec<SeenPart>,
    store: Arc<dyn ObjectStore>,
    /// What stands before a file's path in INPUT__FILE__NAME.
    pub file_name_prefix: String,
}

/// The table itself, or one of its partitions.
pub struct SeenPart {
    pub partition: Option<Partition>,
    pub files: Vec<SeenFile>,
    format: Arc<FileFormat>,
    values: Vec<ScalarValue>,
}

impl SeenTable {
    /// The records are read anew, after what is pending.
    pub async fn of(
        context: &DdlContext<'_>,
        table: &Table,
        wanted: &Wanted<'_>,
    ) -> Result<SeenTable, WriteError> {
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
            let files = seen_files(context, location, current.contents.as_ref(), &snapshot).await?;
            vec![SeenPart { partition: None, files, format: format.clone(), values: Vec::new() }]
        };
        Ok(SeenTable {
            columns: format.columns().to_vec(),
            keys: pairs(&table.partition_keys),
            parts,
            store,
            file_name_prefix: prefix(location, root.as_ref()),
        })
    }

    /// Of all files.
    pub fn scan(&self, virtual_columns: Vec<VirtualColumn>) -> ScanParts {
        let part = |part: &SeenPart| Part {
            format: part.format.clone(),
            files: paths(&part.files),
            partition_values: part.values.clone(),
        };
        self.scan_of(self.parts.iter().map(part).collect(), Vec::new(), virtual_columns)
    }

    /// Of some files, by part. Behind the keys come the values of the keys once more, as they stand in the partition's name:
    /// rows that are written again must not leave their partition over another way to write the same value.
    pub fn scan_with_names(
        &self,
        chosen: &[Vec<SeenFile>],
        names: &[String],
        virtual_columns: Vec<VirtualColumn>,
    ) -> ScanParts {
        let parts = self.parts.iter().zip(chosen).filter(|(_, files)| !files.is_empty());
        let part = |(part, files): (&SeenPart, &Vec<SeenFile>)| {
            let texts = part.partition.iter().flat_map(|partition| &partition.values).take(names.len());
            let texts = texts.map(|text| ScalarValue::Utf8(Some(text.clone())));
            Part {
                format: part.format.clone(),
                files: paths(files),
                partition_values: part.values.iter().cloned().chain(texts).collect(),
            }
        };
        self.scan_of(parts.map(part).collect(), names.to_vec(), virtual_columns)
    }

    fn scan_of(
        &self,
        parts: Vec<Part>,
        names: Vec<String>,
        virtual_columns: Vec<VirtualColumn>,
    ) -> ScanParts {
        let names = names.into_iter().map(|name| (name, HiveType::String));
        ScanParts {
            columns: self.columns.clone(),
            partition_columns: self.keys.iter().cloned().chain(names).collect(),
            parts,
            store: self.store.clone(),
            file_name_prefix: self.file_name_prefix.clone(),
            virtual_columns,
        }
    }
}

async fn part(
    context: &DdlContext<'_>,
    table: &Table,
    partition: Partition,
    snapshot: &Snapshot,
    of_table: &Arc<FileFormat>,
) -> Result<SeenPart, WriteError> {
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
    let files = seen_files(context, &location, partition.contents.as_ref(), snapshot).await?;
    let values = partition.values.iter().zip(&table.partition_keys);
    let values = values.map(|(value, key)| value_of(value, &key.ty)).collect();
    Ok(SeenPart { partition: Some(partition), files, format, values })
}

fn paths(seen: &[SeenFile]) -> Vec<(String, u64)> {
    seen.iter().map(|file| (file.path.clone(), file.stamp.bytes)).collect()
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
