//! How rows are written: one printer per format, fed batch by batch, so that a result of any size needs little memory.

mod cells;
mod csv2;
mod json;
mod table;
#[cfg(test)]
mod tests;
mod tsv2;
mod vertical;

use crate::args::sql::Format;
use datafusion::arrow::record_batch::RecordBatch;
use skep_hiveql::{functions::SessionFacts, types::HiveType};
use std::io::{self, Write};

/// How every format but JSON writes it.
const NULL: &str = "NULL";

/// What the rows of one answer are, and whether their names are wanted.
#[derive(Clone)]
pub struct Shape {
    pub columns: Vec<(String, HiveType)>,
    pub facts: SessionFacts,
    pub header: bool,
}

impl Shape {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }
}

/// Writes the rows of one answer.
pub trait Printer {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()>;
    /// After the last batch, and also when there was none.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

pub fn printer(format: Format, shape: Shape) -> Box<dyn Printer> {
    match format {
        Format::Table => Box::new(table::Table::new(shape)),
        Format::Tsv2 => Box::new(tsv2::Tsv2::new(shape)),
        Format::Csv2 => Box::new(csv2::Csv2::new(shape)),
        Format::Json => Box::new(json::Json::new(shape)),
        Format::Vertical => Box::new(vertical::Vertical::new(shape)),
    }
}
