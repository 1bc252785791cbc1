//! What a scan reads, as data: it travels with a fragment, which makes the scan anew from it.

use super::{Part, ScanParts, names_rows, sample::Extent, split::split};
use crate::{
    formats::{FileFormat, FileRange, FormatError, Storage, VirtualColumn},
    types::HiveType,
};
use datafusion::{
    arrow::datatypes::{Field, Schema, SchemaRef},
    common::ScalarValue,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A range of a file of one of the parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    /// Index among the description's parts.
    pub part: usize,
    pub range: FileRange,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatDescription {
    pub storage: Storage,
    pub columns: Vec<(String, HiveType)>,
    /// As text in Hive's form, `None` for NULL; one per partition column.
    pub partition_values: Vec<Option<String>>,
}

impl FormatDescription {
    pub fn format(&self) -> Result<FileFormat, FormatError> {
        FileFormat::of(self.storage.clone(), &self.columns)
    }
}

/// What one partition of a scan reads: its group, and the parts that its splits are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanShare {
    pub group: usize,
    parts: Vec<FormatDescription>,
    /// Of these parts.
    pub splits: Vec<FileSplit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanDescription {
    pub columns: Vec<(String, HiveType)>,
    pub partition_columns: Vec<(String, HiveType)>,
    pub virtual_columns: Vec<VirtualColumn>,
    /// Indices into data, partition and virtual columns, in this order.
    pub projection: Vec<usize>,
    pub limit: Option<usize>,
    pub file_name_prefix: String,
    pub parts: Vec<FormatDescription>,
    /// One group per output partition.
    pub groups: Vec<Vec<FileSplit>>,
}

impl ScanDescription {
    /// Of what is projected.
    pub fn schema(&self) -> SchemaRef {
        let column = |(name, ty): &(String, HiveType)| Field::new(name, ty.arrow(), true);
        let fields = self.columns.iter().chain(&self.partition_columns).map(column);
        let fields: Vec<Field> =
            fields.chain(self.virtual_columns.iter().map(|column| column.field())).collect();
        let projected = self.projection.iter().filter_map(|index| fields.get(*index).cloned());
        Arc::new(Schema::new(projected.collect::<Vec<_>>()))
    }

    pub(super) fn names_rows(&self) -> bool {
        let before = self.columns.len() + self.partition_columns.len();
        names_rows(before, &self.virtual_columns, &self.projection)
    }

    /// Of the data columns, which predicates look at.
    pub fn data_schema(&self) -> Schema {
        let column = |(name, ty): &(String, HiveType)| Field::new(name, ty.arrow(), true);
        Schema::new(self.columns.iter().map(column).collect::<Vec<_>>())
    }

    pub fn share(&self, group: usize) -> ScanShare {
        let mut kept: Vec<usize> = Vec::new();
        let mut splits = self.groups.get(group).cloned().unwrap_or_default();
        for split in &mut splits {
            split.part = kept.iter().rposition(|part| *part == split.part).unwrap_or_else(|| {
                kept.push(split.part);
                kept.len() - 1
            });
        }
        let parts = kept.into_iter().filter_map(|part| self.parts.get(part).cloned()).collect();
        ScanShare { group, parts, splits }
    }

    /// As many groups, with nothing in them.
    pub fn without_files(&self) -> ScanDescription {
        ScanDescription {
            columns: self.columns.clone(),
            partition_columns: self.partition_columns.clone(),
            virtual_columns: self.virtual_columns.clone(),
            projection: self.projection.clone(),
            limit: self.limit,
            file_name_prefix: self.file_name_prefix.clone(),
            parts: Vec::new(),
            groups: vec![Vec::new(); self.groups.len()],
        }
    }

    /// Nothing but one share.
    pub fn with_share(&self, share: ScanShare) -> ScanDescription {
        let mut description = self.without_files();
        description.parts = share.parts;
        if let Some(group) = description.groups.get_mut(share.group) {
            *group = share.splits;
        }
        description
    }

    /// Nothing but one group.
    pub fn only(&self, group: usize) -> ScanDescription {
        let share = self.share(group);
        let mut description = self.without_files();
        (description.parts, description.groups) = (share.parts, vec![share.splits]);
        description
    }

    pub fn bytes(&self) -> u64 {
        self.groups.iter().flatten().map(|split| split.range.end - split.range.start).sum()
    }
}

pub(super) fn describe(
    parts: &ScanParts,
    extents: &[Extent<'_>],
    projection: Vec<usize>,
    limit: Option<usize>,
    partitions: usize,
) -> ScanDescription {
    let whole = parts.shape.names_rows(&projection);
    let part = |part: &Part| {
        let (storage, columns) = part.format.definition();
        FormatDescription {
            storage: storage.clone(),
            columns: columns.to_vec(),
            partition_values: part.partition_values.iter().map(text).collect(),
        }
    };
    ScanDescription {
        columns: parts.shape.columns.clone(),
        partition_columns: parts.shape.partition_columns.clone(),
        virtual_columns: parts.shape.virtual_columns.clone(),
        projection,
        limit,
        file_name_prefix: parts.file_name_prefix.clone(),
        parts: parts.parts.iter().map(part).collect(),
        groups: split(parts, extents, partitions, whole),
    }
}

/// Arrow's cast to text, which its cast from text takes back.
fn text(value: &ScalarValue) -> Option<String> {
    match value.cast_to(&datafusion::arrow::datatypes::DataType::Utf8) {
        Ok(ScalarValue::Utf8(text)) => text,
        _ => None,
    }
}
