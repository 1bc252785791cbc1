//! What a write makes, as data: it travels with a fragment, which makes the writer anew from it.

use crate::{
    catalog::{Column, StorageDescriptor, WriteNumber, partition_name},
    formats::{Compression, FileFormat, FormatError, Storage},
    functions::math::BucketingVersion,
    types::HiveType,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteDescription {
    pub write: WriteNumber,
    /// What stands before `root` in a location.
    pub prefix: String,
    /// Path in the store under which all folders are.
    pub root: String,
    pub storage: Storage,
    /// As they were declared.
    pub columns: Vec<(String, HiveType)>,
    /// Keys whose values each row says; they follow the columns, as text.
    pub keys: Vec<String>,
    /// Folders of partitions that lie elsewhere, by their names below `root`.
    pub elsewhere: BTreeMap<String, String>,
    pub buckets: Option<Buckets>,
    /// Indices of columns by which the rows of a file are sorted, and whether from the greatest down.
    pub sorted_by: Vec<(usize, bool)>,
    pub compression: Compression,
    /// Files are named as Hive names them, without the write's number: of a directory, which has no contents in the catalog.
    pub is_plain: bool,
    /// Whether the columns are counted too.
    pub counts_columns: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// Indices of the columns that they are made by.
    pub columns: Vec<usize>,
    pub count: u32,
    pub version: BucketingVersion,
}

impl WriteDescription {
    pub fn format(&self) -> Result<FileFormat, FormatError> {
        FileFormat::of(self.storage.clone(), &self.columns)
    }

    /// Of the rows that are written: the format's columns and the keys.
    pub fn schema(&self, format: &FileFormat) -> SchemaRef {
        let column = |(name, ty): &(String, HiveType)| Field::new(name, ty.arrow(), true);
        let keys = self.keys.iter().map(|name| Field::new(name, DataType::Utf8, true));
        Arc::new(Schema::new(format.columns().iter().map(column).chain(keys).collect::<Vec<_>>()))
    }

    /// The folder of the rows with these values of the keys, in the store.
    pub fn folder(&self, values: &[&str]) -> (String, String) {
        let name = partition_name(&self.keys, values);
        let path = match self.elsewhere.get(&name) {
            Some(path) => path.clone(),
            None if name.is_empty() => self.root.clone(),
            None => format!("{}/{name}", self.root),
        };
        (name, path)
    }
}

impl Buckets {
    /// Of a table that is clustered.
    pub fn of(storage: &StorageDescriptor, columns: &[Column], version: Option<&str>) -> Option<Buckets> {
        let index = |name: &String| columns.iter().position(|column| column.name == *name);
        let indices: Option<Vec<usize>> = storage.bucket_columns.iter().map(index).collect();
        let version = if version == Some("1") { BucketingVersion::V1 } else { BucketingVersion::V2 };
        let clustered = storage.buckets > 0 && !storage.bucket_columns.is_empty();
        indices.filter(|_| clustered).map(|columns| Buckets { columns, count: storage.buckets, version })
    }
}
