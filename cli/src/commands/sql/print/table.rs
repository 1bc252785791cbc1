//! Columns with lines between them, for people. The first rows decide how wide the columns are; a later value that is wider
//! pushes its line out, as nothing is ever cut.

use super::{NULL, Printer, Shape, cells::Cells};
use datafusion::arrow::record_batch::RecordBatch;
use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};
use unicode_width::UnicodeWidthStr;

/// Rows that are held back to measure the columns; Beeline measures as many when it prints as rows come.
const MEASURED_ROWS: usize = 1_000;

pub struct Table {
    shape: Shape,
    held: Vec<Cells>,
    held_rows: usize,
    /// Known once the head is written.
    widths: Option<Vec<usize>>,
}

impl Table {
    pub fn new(shape: Shape) -> Table {
        Table { shape, held: Vec::new(), held_rows: 0, widths: None }
    }

    /// Writes the head and the rows that were held back.
    fn release(&mut self, out: &mut dyn Write) -> io::Result<Vec<usize>> {
        let widths = self.measure();
        self.rule(&widths, out)?;
        if self.shape.header {
            let names = self.shape.names().map(Some);
            self.line(names, &widths, out)?;
            self.rule(&widths, out)?;
        }
        for cells in std::mem::take(&mut self.held) {
            self.rows(&cells, &widths, out)?;
        }
        Ok(widths)
    }

    fn measure(&self) -> Vec<usize> {
        let name_width = |name: &str| if self.shape.header { shown(name).width() } else { 0 };
        let mut widths: Vec<usize> = self.shape.names().map(name_width).collect();
        for cells in &self.held {
            for row in 0..cells.rows() {
                for (width, cell) in widths.iter_mut().zip(cells.row(row)) {
                    *width = (*width).max(shown(cell.unwrap_or(NULL)).width());
                }
            }
        }
        widths
    }

    fn rows(&self, cells: &Cells, widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
        (0..cells.rows()).try_for_each(|row| self.line(cells.row(row), widths, out))
    }

    /// Numbers stand at the right of their columns.
    fn line<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>>,
        widths: &[usize],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for ((cell, width), (_, ty)) in cells.zip(widths).zip(&self.shape.columns) {
            let cell = shown(cell.unwrap_or(NULL));
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            match ty.is_numeric() {
                true => write!(out, "| {fill}{cell} ")?,
                false => write!(out, "| {cell}{fill} ")?,
            }
        }
        writeln!(out, "|")
    }

    fn rule(&self, widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
        for width in widths {
            write!(out, "+{}", "-".repeat(width + 2))?;
        }
        writeln!(out, "+")
    }
}

impl Printer for Table {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::of(batch, &self.shape.columns, &self.shape.facts)?;
        if let Some(widths) = &self.widths {
            return self.rows(&cells, widths, out);
        }
        self.held_rows += cells.rows();
        self.held.push(cells);
        if self.held_rows >= MEASURED_ROWS {
            self.widths = Some(self.release(out)?);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let widths = match self.widths.take() {
            Some(widths) => widths,
            None => self.release(out)?,
        };
        if self.held_rows > 0 { self.rule(&widths, out) } else { Ok(()) }
    }
}

/// A value on one line: what would move the cursor is written as an escape.
fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(made, "\\u{:04x}", u32::from(control));
            }
            other => made.push(other),
        }
    }
    Cow::Owned(made)
}
