//! What a statement writes to: a table or some of its partitions, and the plan's node that does it.

use super::{WriteDescription, WriteError, WriteTable, description::Buckets, is_recursive, seen_files};
use crate::{
    catalog::{Column, Partition, PendingWrite, Snapshot, StorageDescriptor, Table, Versioned},
    ddl::{DdlContext, files},
    formats::{Compression, FileFormat, StorageWords},
    types::HiveType,
};
use std::{collections::BTreeMap, sync::Arc};

/// Either of them says that columns are not counted.
const NOT_COUNTED: [&str; 2] = ["hive.stats.autogather", "hive.stats.column.autogather"];

/// A table, and the values of its first keys where the statement says them.
#[derive(Debug, Clone)]
pub struct Target {
    /// As it was when the statement began. It has its id already where the statement creates it.
    pub table: Table,
    pub is_created: bool,
    pub fixed: Vec<String>,
    pub overwrite: bool,
    /// From before anything was read that the write depends on; `None`: it depends on nothing.
    pub since: Option<Snapshot>,
    /// Where partitions that this write makes are to lie, by their names below the table.
    pub placed: BTreeMap<String, String>,
}

/// A write that has begun.
pub struct Write {
    pub target: Target,
    pub(super) pending: Versioned<PendingWrite>,
    /// Taken when it began.
    pub(super) began: Snapshot,
    description: WriteDescription,
}

impl Target {
    /// All of a table that is there.
    pub fn of(table: Table) -> Target {
        Target {
            table,
            is_created: false,
            fixed: Vec::new(),
            overwrite: false,
            since: None,
            placed: BTreeMap::new(),
        }
    }

    /// All rows go to one folder: the table's or one partition's.
    pub fn is_whole(&self) -> bool {
        self.fixed.len() == self.table.partition_keys.len()
    }

    /// Keys whose values the rows say.
    pub fn row_keys(&self) -> &[Column] {
        self.table.partition_keys.get(self.fixed.len()..).unwrap_or_default()
    }

    /// The one partition that is written to, as the catalog has it.
    pub async fn partition(&self, context: &DdlContext<'_>) -> Result<Option<Partition>, WriteError> {
        if !self.table.is_partitioned() || !self.is_whole() || self.is_created {
            return Ok(None);
        }
        let found = context.home(&self.table).find_partition(&self.table, &self.fixed).await?;
        Ok(found.map(|found| found.record))
    }

    /// Whether it adds to what says that it is never added to: an immutable table, or a partition of one, with rows.
    pub async fn refuses_more(&self, context: &DdlContext<'_>) -> Result<bool, WriteError> {
        let is_immutable = self.table.properties.get("immutable").is_some_and(|value| value == "true");
        if !is_immutable || self.overwrite || self.is_created || !self.is_whole() {
            return Ok(false);
        }
        let partition = self.partition(context).await?;
        if self.table.is_partitioned() && partition.is_none() {
            return Ok(false);
        }
        let contents = match &partition {
            Some(partition) => partition.contents.as_ref(),
            None => self.table.contents.as_ref(),
        };
        let snapshot = context.home(&self.table).snapshot().await?;
        let location = self.location(partition.as_ref());
        let files = seen_files(context.stores, is_recursive(context), &location, contents, &snapshot).await?;
        Ok(files.iter().any(|file| file.stamp.bytes > 0))
    }

    fn storage<'a>(&'a self, partition: Option<&'a Partition>) -> &'a StorageDescriptor {
        partition.and_then(|partition| partition.storage.as_ref()).unwrap_or(&self.table.storage)
    }

    fn columns<'a>(&'a self, partition: Option<&'a Partition>) -> &'a [Column] {
        // A partition with formats of its own keeps its columns too; others get the table's with their next files.
        match partition {
            Some(partition) if partition.storage.is_some() => &partition.columns,
            _ => &self.table.columns,
        }
    }

    /// Where its files lie: the table's folder, or below it that of the keys that are fixed.
    fn location(&self, partition: Option<&Partition>) -> String {
        let names = self.table.key_names();
        let root = self.table.storage.location.trim_end_matches('/');
        match partition {
            Some(partition) => self.table.partition_location(partition),
            None if self.fixed.is_empty() => root.to_owned(),
            None => {
                format!("{root}/{}", crate::catalog::partition_name(&names[..self.fixed.len()], &self.fixed))
            }
        }
    }

    /// Writes down that it begins. Whatever a kill leaves of it is known from now on.
    pub async fn begin(self, context: &DdlContext<'_>, session: &str) -> Result<Write, WriteError> {
        let catalog = context.home(&self.table);
        let partition = self.partition(context).await?;
        let location = self.location(partition.as_ref());
        files::clear_leftovers(context, &location).await?;
        let elsewhere = self.elsewhere(context).await?;
        let began = match &self.since {
            Some(since) => since.clone(),
            None => catalog.snapshot().await?,
        };
        let pending = catalog
            .begin_write(PendingWrite {
                number: 0,
                target: self.table.full_name(),
                user: context.facts.user.clone(),
                session: session.to_owned(),
                started_seconds: context.now_seconds(),
                locations: std::iter::once(location.clone()).chain(elsewhere.values().cloned()).collect(),
                abandoned: false,
            })
            .await?;
        let storage = self.storage(partition.as_ref());
        let columns = self.columns(partition.as_ref());
        let format = format(storage, columns, &self.table)?;
        let (definition, declared) = format.definition();
        let (_, root) = context.stores.resolve(&location)?;
        let paths = elsewhere
            .iter()
            .map(|(name, location)| Ok((name.clone(), context.stores.resolve(location)?.1.to_string())));
        let index = |name: &str| columns.iter().position(|column| column.name == name);
        let sorted = storage.sort_columns.iter();
        let description = WriteDescription {
            write: pending.record.number,
            prefix: super::stored::prefix(&location, root.as_ref()),
            root: root.to_string(),
            storage: definition.clone(),
            columns: declared.to_vec(),
            keys: self.row_keys().iter().map(|key| key.name.clone()).collect(),
            elsewhere: paths.collect::<Result<_, WriteError>>()?,
            buckets: Buckets::of(
                storage,
                columns,
                self.table.properties.get("bucketing_version").map(String::as_str),
            ),
            sorted_by: sorted.filter_map(|sorted| Some((index(&sorted.name)?, sorted.descending))).collect(),
            compression: compression(context),
            is_plain: false,
            // Of many folders, each would have to be counted by itself.
            counts_columns: self.is_whole()
                && !NOT_COUNTED.iter().any(|key| context.setting_is(key, "false")),
        };
        Ok(Write { target: self, pending, began, description })
    }

    /// Locations of partitions that rows may go to and that lie elsewhere than their names say, by their names below ours.
    async fn elsewhere(&self, context: &DdlContext<'_>) -> Result<BTreeMap<String, String>, WriteError> {
        if self.is_whole() || self.is_created {
            return Ok(self.placed.clone());
        }
        let mut filter: Vec<Option<String>> = self.fixed.iter().cloned().map(Some).collect();
        filter.resize(self.table.partition_keys.len(), None);
        let partitions = context.home(&self.table).partitions(&self.table, &filter).await?;
        let names = self.table.key_names();
        let placed = partitions.into_iter().filter_map(|found| {
            let location = found.record.location?;
            let below = self.fixed.len();
            let name = crate::catalog::partition_name(&names[below..], &found.record.values[below..]);
            Some((name, location))
        });
        Ok(placed.chain(self.placed.clone()).collect())
    }
}

impl Write {
    /// For another write of the same statement to the same place.
    pub fn again(&self) -> Target {
        Target { since: Some(self.began.clone()), ..self.target.clone() }
    }

    pub fn description(&self) -> &WriteDescription {
        &self.description
    }

    /// What the planner inserts into.
    pub fn table(&self, context: &DdlContext<'_>) -> Result<Arc<WriteTable>, WriteError> {
        let location = &self.target.table.storage.location;
        let (store, _) = context.stores.resolve(location)?;
        Ok(Arc::new(WriteTable::new(self.description.clone(), self.description.format()?, store)))
    }
}

pub(super) fn format(
    storage: &StorageDescriptor,
    columns: &[Column],
    table: &Table,
) -> Result<FileFormat, WriteError> {
    let words = StorageWords {
        input_format: &storage.input_format,
        output_format: &storage.output_format,
        serde: &storage.serde,
        serde_properties: &storage.serde_properties,
        table_properties: &table.properties,
    };
    Ok(FileFormat::new(words, &pairs(columns))?)
}

pub(super) fn pairs(columns: &[Column]) -> Vec<(String, HiveType)> {
    columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()
}

/// `hive.exec.compress.output` and the codec's settings; Hadoop's own default is Deflate.
pub(super) fn compression(context: &DdlContext<'_>) -> Compression {
    if !context.setting_is("hive.exec.compress.output", "true") {
        return Compression::None;
    }
    let names = ["mapreduce.output.fileoutputformat.compress.codec", "mapred.output.compression.codec"];
    let class = names.iter().find_map(|name| (context.settings)(name));
    class.and_then(|class| Compression::of_codec(&class)).unwrap_or(Compression::Deflate)
}
