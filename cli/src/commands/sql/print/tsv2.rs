//! Values between tabs as they are, like the rows of Hive's own command line.

use super::{NULL, Printer, Shape, cells::Cells};
use datafusion::arrow::record_batch::RecordBatch;
use std::io::{self, Write};

pub struct Tsv2 {
    shape: Shape,
    begun: bool,
}

impl Tsv2 {
    pub fn new(shape: Shape) -> Tsv2 {
        Tsv2 { shape, begun: false }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) && self.shape.header {
            line(self.shape.names(), out)?;
        }
        Ok(())
    }
}

impl Printer for Tsv2 {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        let cells = Cells::of(batch, &self.shape.columns, &self.shape.facts)?;
        (0..cells.rows()).try_for_each(|row| line(cells.row(row).map(|cell| cell.unwrap_or(NULL)), out))
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, out: &mut dyn Write) -> io::Result<()> {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.write_all(b"\t")?;
        }
        out.write_all(cell.as_bytes())?;
    }
    out.write_all(b"\n")
}
