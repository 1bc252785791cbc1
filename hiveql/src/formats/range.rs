//! What is asked of a reader: which bytes of which file, which columns, how many rows at a time.

use super::{FormatError, columnar::Judgement};
use datafusion::{
    arrow::{
        array::{ArrayRef, Int64Array, StringArray},
        datatypes::{DataType, Field},
        record_batch::RecordBatch,
    },
    physical_plan::PhysicalExpr,
};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub type BatchStream = BoxStream<'static, Result<RecordBatch, FormatError>>;

/// The rows of a file that begin in `start..end`; what begins where is the format's business.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileRange {
    /// In its object store.
    pub path: String,
    /// Of the whole file.
    pub size: u64,
    pub start: u64,
    pub end: u64,
}

impl FileRange {
    pub fn whole(path: impl Into<String>, size: u64) -> FileRange {
        FileRange { path: path.into(), size, start: 0, end: size }
    }

    pub(crate) fn contains(&self, offset: u64) -> bool {
        (self.start..self.end).contains(&offset)
    }

    pub(super) fn location(&self) -> object_store::path::Path {
        // As it is: a partition's folder may hold `%`, which must not be escaped once more.
        let path = self.path.as_str();
        object_store::path::Path::parse(path).unwrap_or_else(|_| path.into())
    }
}

/// Columns that no file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VirtualColumn {
    InputFileName,
    BlockOffsetInsideFile,
    /// Tells the rows of one block apart: with it and the two above, each row of a scan has a name of its own.
    RowOffsetInsideBlock,
}

impl VirtualColumn {
    pub fn name(self) -> &'static str {
        match self {
            VirtualColumn::InputFileName => "INPUT__FILE__NAME",
            VirtualColumn::BlockOffsetInsideFile => "BLOCK__OFFSET__INSIDE__FILE",
            VirtualColumn::RowOffsetInsideBlock => "ROW__OFFSET__INSIDE__BLOCK",
        }
    }

    pub fn field(self) -> Field {
        let ty = match self {
            VirtualColumn::InputFileName => DataType::Utf8,
            VirtualColumn::BlockOffsetInsideFile | VirtualColumn::RowOffsetInsideBlock => DataType::Int64,
        };
        Field::new(self.name(), ty, false)
    }
}

/// What to read of a file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Indices of the format's columns, in the order of the result.
    pub projection: Vec<usize>,
    pub batch_rows: usize,
    /// They follow the projected columns.
    pub virtual_columns: Vec<VirtualColumn>,
    /// What stands before the path in INPUT__FILE__NAME, such as `file:/`.
    pub file_name_prefix: String,
    /// Over all columns of the format. Rows that do not satisfy it may be left out; nothing more is promised.
    pub predicate: Option<Arc<dyn PhysicalExpr>>,
    /// More of that kind, which become known only while rows are read.
    pub row_predicates: Vec<RowPredicate>,
}

/// A predicate that is worth to be asked row by row, as long as it leaves out many.
#[derive(Debug, Clone)]
pub struct RowPredicate {
    pub expr: Arc<dyn PhysicalExpr>,
    /// By all readers of a scan.
    pub judgement: Arc<Judgement>,
}

impl ReadOptions {
    pub fn columns(projection: impl Into<Vec<usize>>, batch_rows: usize) -> ReadOptions {
        ReadOptions { projection: projection.into(), batch_rows, ..ReadOptions::default() }
    }

    pub(super) fn virtual_arrays(&self, file: &FileRange, offsets: impl Offsets) -> Vec<ArrayRef> {
        let make = |column: &VirtualColumn| -> ArrayRef {
            match column {
                VirtualColumn::InputFileName => {
                    let name = format!("{}{}", self.file_name_prefix, file.path);
                    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, offsets.rows())))
                }
                VirtualColumn::BlockOffsetInsideFile => Arc::new(offsets.array()),
                VirtualColumn::RowOffsetInsideBlock => Arc::new(offsets.in_block()),
            }
        };
        self.virtual_columns.iter().map(make).collect()
    }
}

/// Where each row of a batch lies in its file.
pub(super) trait Offsets {
    fn rows(&self) -> usize;
    fn array(&self) -> Int64Array;
    /// Which row of its block each one is.
    fn in_block(&self) -> Int64Array;
}

/// All rows lie in one block.
pub(super) struct OneBlock {
    pub offset: u64,
    /// The number of rows of the block that came before.
    pub first: usize,
    pub rows: usize,
}

impl Offsets for OneBlock {
    fn rows(&self) -> usize {
        self.rows
    }

    fn array(&self) -> Int64Array {
        Int64Array::from_value(self.offset as i64, self.rows)
    }

    fn in_block(&self) -> Int64Array {
        Int64Array::from_iter_values((self.first as i64..).take(self.rows))
    }
}
