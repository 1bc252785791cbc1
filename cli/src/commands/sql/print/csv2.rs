//! Values between commas; those with commas, quotes or line ends in them are quoted.

use super::{NULL, Printer, Shape, cells::Cells};
use csv::{ErrorKind, Writer};
use datafusion::arrow::record_batch::RecordBatch;
use std::io::{self, Write};

pub struct Csv2 {
    shape: Shape,
    begun: bool,
}

impl Csv2 {
    pub fn new(shape: Shape) -> Csv2 {
        Csv2 { shape, begun: false }
    }

    fn begin<W: Write>(&mut self, writer: &mut Writer<W>) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) && self.shape.header {
            writer.write_record(self.shape.names()).map_err(of_output)?;
        }
        Ok(())
    }
}

impl Printer for Csv2 {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = Writer::from_writer(out);
        self.begin(&mut writer)?;
        let cells = Cells::of(batch, &self.shape.columns, &self.shape.facts)?;
        for row in 0..cells.rows() {
            writer.write_record(cells.row(row).map(|cell| cell.unwrap_or(NULL))).map_err(of_output)?;
        }
        writer.flush()
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = Writer::from_writer(out);
        self.begin(&mut writer)?;
        writer.flush()
    }
}

/// The writer's own error would hide that a pipe was closed.
fn of_output(error: csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
