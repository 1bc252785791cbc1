//! One line per value, with its column's name in front, and a blank line after each row.

use super::{NULL, Printer, Shape, cells::Cells};
use datafusion::arrow::record_batch::RecordBatch;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Blanks after the longest name.
const GAP: usize = 2;

pub struct Vertical {
    shape: Shape,
    /// The names, all filled up to one width.
    labels: Vec<String>,
}

impl Vertical {
    pub fn new(shape: Shape) -> Vertical {
        let width = shape.names().map(UnicodeWidthStr::width).max().unwrap_or(0) + GAP;
        let labels =
            shape.names().map(|name| format!("{name}{}", " ".repeat(width - name.width()))).collect();
        Vertical { shape, labels }
    }
}

impl Printer for Vertical {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::of(batch, &self.shape.columns, &self.shape.facts)?;
        for row in 0..cells.rows() {
            for (label, cell) in self.labels.iter().zip(cells.row(row)) {
                writeln!(out, "{label}{}", cell.unwrap_or(NULL))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
