//! A batch as text: the one place that asks the engine how values are written.

use datafusion::arrow::{
    array::{Array, ArrayRef, StringArray, StringBuilder},
    record_batch::RecordBatch,
};
use skep_hiveql::{functions::SessionFacts, render::Renderer, types::HiveType};
use std::io;

/// The text of each value of a column; of a NULL there is none. Bytes that are not UTF-8 become replacement characters.
pub fn texts(array: &ArrayRef, ty: &HiveType, facts: &SessionFacts) -> io::Result<StringArray> {
    // Arrow keeps no mask of a column that is nothing but NULL.
    if *ty == HiveType::Void {
        return Ok(StringArray::new_null(array.len()));
    }
    let renderer = Renderer::new(array, ty, facts).map_err(io::Error::other)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut text = Vec::new();
    for row in 0..array.len() {
        text.clear();
        match renderer.write(row, &mut text) {
            true => texts.append_value(String::from_utf8_lossy(&text)),
            false => texts.append_null(),
        }
    }
    Ok(texts.finish())
}

/// The texts of a batch, by column.
pub struct Cells {
    columns: Vec<StringArray>,
    rows: usize,
}

impl Cells {
    pub fn of(
        batch: &RecordBatch,
        columns: &[(String, HiveType)],
        facts: &SessionFacts,
    ) -> io::Result<Cells> {
        let texts = batch.columns().iter().zip(columns).map(|(array, (_, ty))| texts(array, ty, facts));
        Ok(Cells { columns: texts.collect::<io::Result<_>>()?, rows: batch.num_rows() })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values of one row; `None` is NULL.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Option<&str>> {
        self.columns.iter().map(move |column| column.is_valid(row).then(|| column.value(row)))
    }
}
