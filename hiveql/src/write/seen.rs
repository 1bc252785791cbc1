//! A table with all of its files, listed once: for statements that read it more than once and have to see the same.

use super::{
    SeenFile, StoredFiles, WriteError, publish, seen_files,
    stored::{paths, prefix},
};
use crate::{
    catalog::{Contents, LastWrite, Partition, PartitionFilter},
    scan::{Part, ScanParts},
    types::HiveType,
};
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use std::{collections::HashSet, sync::Arc};

/// How many listings are under way at a time.
const AT_ONCE: usize = 16;

pub struct SeenTable {
    files: StoredFiles,
    pub parts: Vec<SeenPart>,
    store: Arc<dyn ObjectStore>,
    /// What stands before a file's path in INPUT__FILE__NAME.
    pub file_name_prefix: String,
}

/// The table itself, or one of its partitions.
pub struct SeenPart {
    pub partition: Option<Partition>,
    pub files: Vec<SeenFile>,
    last: Option<LastWrite>,
    part: Part,
}

impl SeenPart {
    pub(super) fn new(
        partition: Option<Partition>,
        files: Vec<SeenFile>,
        contents: Option<&Contents>,
        part: Part,
    ) -> SeenPart {
        let last = contents.and_then(|contents| contents.last.clone());
        SeenPart { partition, part: Part { files: paths(&files), ..part }, files, last }
    }

    pub(super) fn into_part(self) -> Part {
        self.part
    }
}

impl SeenTable {
    /// Why its files may not be there any more, if it is that somebody else's statement replaced some.
    pub async fn conflict(self) -> Result<Option<WriteError>, WriteError> {
        let what = self.files.table.full_name();
        let now = SeenTable::of(self.files, &Vec::new()).await?;
        let left: HashSet<&str> =
            now.parts.iter().flat_map(|part| &part.files).map(|file| file.path.as_str()).collect();
        let has_lost = |part: &&SeenPart| part.files.iter().any(|file| !left.contains(file.path.as_str()));
        let Some(before) = self.parts.iter().find(has_lost) else { return Ok(None) };
        let values = |part: &SeenPart| part.partition.as_ref().map(|partition| partition.values.clone());
        let part = now.parts.iter().find(|part| values(part) == values(before));
        let by = publish::by(part.and_then(|part| part.last.as_ref()));
        Ok(Some(WriteError::RowsConflict { what, by }))
    }

    /// Of the partitions that the filter leaves. The records are read after what is pending, and the files after the records.
    pub async fn of(files: StoredFiles, filter: &PartitionFilter) -> Result<SeenTable, WriteError> {
        let snapshot = files.catalog.snapshot().await?;
        let location = &files.table.storage.location;
        let (store, root) = files.stores.resolve(location)?;
        let parts = match files.table.is_partitioned() {
            true => {
                let found = files.catalog.partitions(&files.table, filter).await?;
                futures::stream::iter(found)
                    .map(|partition| files.part(partition.record, &snapshot))
                    .buffered(AT_ONCE)
                    .try_collect()
                    .await?
            }
            false => vec![files.whole(&snapshot).await?],
        };
        let file_name_prefix = prefix(location, root.as_ref());
        Ok(SeenTable { files, parts, store, file_name_prefix })
    }

    /// Of all files.
    pub fn scan(&self) -> ScanParts {
        self.scan_of(self.parts.iter().map(|part| part.part.clone()).collect(), &[])
    }

    /// Of some files, by part. Behind the keys come the values of the keys once more, as they stand in the partition's name:
    /// rows that are written again must not leave their partition over another way to write the same value.
    pub fn scan_with_names(&self, chosen: &[Vec<SeenFile>], names: &[String]) -> ScanParts {
        let parts = self.parts.iter().zip(chosen).filter(|(_, files)| !files.is_empty());
        let part = |(part, files): (&SeenPart, &Vec<SeenFile>)| {
            let texts = part.partition.iter().flat_map(|partition| &partition.values).take(names.len());
            let texts = texts.map(|text| ScalarValue::Utf8(Some(text.clone())));
            Part {
                files: paths(files),
                partition_values: part.part.partition_values.iter().cloned().chain(texts).collect(),
                ..part.part.clone()
            }
        };
        self.scan_of(parts.map(part).collect(), names)
    }

    fn scan_of(&self, parts: Vec<Part>, names: &[String]) -> ScanParts {
        let mut shape = self.files.shape();
        shape.partition_columns.extend(names.iter().map(|name| (name.clone(), HiveType::String)));
        ScanParts { shape, parts, store: self.store.clone(), file_name_prefix: self.file_name_prefix.clone() }
    }
}

impl StoredFiles {
    /// A table without partitions.
    pub(super) async fn whole(&self, snapshot: &crate::catalog::Snapshot) -> Result<SeenPart, WriteError> {
        let table = &self.table;
        let current = self.catalog.find_table(&table.database, &table.name).await?;
        let current = current.filter(|current| current.record.id == table.id);
        let contents = current.ok_or_else(|| WriteError::TableGone(table.full_name()))?.record.contents;
        let location = &table.storage.location;
        let contents = contents.as_ref();
        let files = seen_files(self.stores.as_ref(), self.recursive, location, contents, snapshot).await?;
        let part = Part {
            format: self.format.clone(),
            files: Vec::new(),
            partition_values: Vec::new(),
            buckets: table.storage.buckets,
        };
        Ok(SeenPart::new(None, files, contents, part))
    }
}
