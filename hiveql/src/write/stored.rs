//! From a table's records to what a scan reads of it.

use super::{
    SeenFile, SeenPart, WriteError, is_recursive, seen_files,
    target::{format, pairs},
};
use crate::{
    catalog::{Catalog, DEFAULT_PARTITION, Partition, Snapshot, Table},
    ddl::{DdlContext, Stores},
    formats::{FileFormat, VirtualColumn},
    scan::{Part, PartitionColumns, PartitionValues, ScanParts, ScanShape, TableFiles},
    types::HiveType,
};
use async_trait::async_trait;
use datafusion::common::{DataFusionError, Result as QueryResult, ScalarValue};
use futures::{StreamExt, TryStreamExt};
use std::{fmt, sync::Arc};

/// How many listings are under way at a time.
const AT_ONCE: usize = 16;

/// The files of a table that a reader sees, by the catalog and the store that know them.
pub struct StoredFiles {
    pub(super) catalog: Catalog,
    pub(super) stores: Arc<dyn Stores>,
    pub(super) table: Table,
    pub(super) format: Arc<FileFormat>,
    virtual_columns: Vec<VirtualColumn>,
    pub(super) recursive: bool,
}

impl StoredFiles {
    pub fn new(
        context: &DdlContext<'_>,
        stores: Arc<dyn Stores>,
        table: Table,
        virtual_columns: Vec<VirtualColumn>,
    ) -> Result<StoredFiles, WriteError> {
        let format = Arc::new(format(&table.storage, &table.columns, &table)?);
        let (catalog, recursive) = (context.home(&table).clone(), is_recursive(context));
        Ok(StoredFiles { catalog, stores, table, format, virtual_columns, recursive })
    }

    pub fn shape(&self) -> ScanShape {
        ScanShape {
            columns: self.format.columns().to_vec(),
            partition_columns: pairs(&self.table.partition_keys),
            virtual_columns: self.virtual_columns.clone(),
        }
    }

    /// The records are read after what is pending, and the files after the records.
    async fn read(&self, kept: &[usize]) -> Result<ScanParts, WriteError> {
        let snapshot = self.catalog.snapshot().await?;
        let location = &self.table.storage.location;
        let (store, root) = self.stores.resolve(location)?;
        let parts = match self.table.is_partitioned() {
            true => self.partition_parts(kept, &snapshot).await?,
            false => vec![self.whole(&snapshot).await?.into_part()],
        };
        let file_name_prefix = prefix(location, root.as_ref());
        Ok(ScanParts { shape: self.shape(), parts, store, file_name_prefix })
    }

    async fn partition_parts(&self, kept: &[usize], snapshot: &Snapshot) -> Result<Vec<Part>, WriteError> {
        let values = self.catalog.all_partition_values(&self.table).await?;
        let wanted = kept.iter().filter_map(|index| values.values.get(*index).cloned()).collect();
        let found = self.catalog.partitions_with(&self.table, wanted).await?;
        futures::stream::iter(found)
            .map(|partition| self.part(partition.record, snapshot))
            .buffered(AT_ONCE)
            .map_ok(SeenPart::into_part)
            .try_collect()
            .await
    }

    pub(super) async fn part(
        &self,
        partition: Partition,
        snapshot: &Snapshot,
    ) -> Result<SeenPart, WriteError> {
        let table = &self.table;
        let location = table.partition_location(&partition);
        let (store, _) = self.stores.resolve(&location)?;
        let (table_store, _) = self.stores.resolve(&table.storage.location)?;
        if !Arc::ptr_eq(&store, &table_store) {
            let (table, partition) = (table.full_name(), table.partition_name(&partition));
            return Err(WriteError::OtherStore { table, partition });
        }
        let storage = partition.storage.as_ref().unwrap_or(&table.storage);
        // ORC files say themselves what they hold, and are read as what the table is now.
        let is_self_describing = storage.input_format.ends_with("OrcInputFormat");
        let columns = if is_self_describing { &table.columns } else { &partition.columns };
        let format = match partition.storage.is_none() && *columns == table.columns {
            true => self.format.clone(),
            false => Arc::new(format(storage, columns, table)?),
        };
        let contents = partition.contents.as_ref();
        let seen = seen_files(self.stores.as_ref(), self.recursive, &location, contents, snapshot).await?;
        let partition_values = self.typed(&partition.values);
        let storage = partition.storage.as_ref().unwrap_or(&table.storage);
        let alike = storage.bucket_columns == table.storage.bucket_columns;
        let buckets = if alike { storage.buckets } else { 0 };
        let part = Part { format, files: Vec::new(), partition_values, buckets };
        let contents = partition.contents.clone();
        Ok(SeenPart::new(Some(partition), seen, contents.as_ref(), part))
    }

    fn typed(&self, values: &[String]) -> PartitionValues {
        let keys = values.iter().zip(&self.table.partition_keys);
        keys.map(|(value, key)| value_of(value, &key.ty)).collect()
    }
}

impl fmt::Debug for StoredFiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "StoredFiles({})", self.table.full_name())
    }
}

#[async_trait]
impl TableFiles for StoredFiles {
    async fn partitions(&self) -> QueryResult<PartitionColumns> {
        if !self.table.is_partitioned() {
            return Ok(PartitionColumns { parts: 1, columns: Vec::new() });
        }
        let failed = |error: crate::catalog::CatalogError| DataFusionError::External(Box::new(error));
        let all = self.catalog.all_partition_values(&self.table).await.map_err(failed)?;
        let types: Vec<HiveType> = self.table.partition_keys.iter().map(|key| key.ty.clone()).collect();
        Ok(PartitionColumns { parts: all.values.len(), columns: all.columns(&types)? })
    }

    async fn parts(&self, kept: &[usize]) -> QueryResult<ScanParts> {
        self.read(kept).await.map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

pub(super) fn paths(seen: &[SeenFile]) -> Vec<(String, u64)> {
    seen.iter().map(|file| (file.path.clone(), file.stamp.bytes)).collect()
}

/// A name that is no value of its key's type is NULL, as in Hive; the default partition's is a value like others where the key is
/// a text.
fn value_of(text: &str, ty: &HiveType) -> ScalarValue {
    let null = || ScalarValue::try_new_null(&ty.arrow()).unwrap_or(ScalarValue::Null);
    if text == DEFAULT_PARTITION && !ty.is_text() {
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
