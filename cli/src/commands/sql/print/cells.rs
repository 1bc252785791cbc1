//! A batch as text: the one place that asks the engine how values are written.

use crate::commands::sql::engine::render;
use datafusion::arrow::{
    array::{Array, ArrayRef, StringArray},
    record_batch::RecordBatch,
};
use skep_hiveql::{functions::SessionFacts, types::HiveType};

/// The text of each value of a column; of a NULL there is none.
pub fn texts(array: &ArrayRef, ty: &HiveType, facts: &SessionFacts) -> StringArray {
    // Arrow keeps no mask of a column that is nothing but NULL.
    if *ty == HiveType::Void {
        return StringArray::new_null(array.len());
    }
    render::column(array, ty, facts)
}

/// The texts of a batch, by column.
pub struct Cells {
    columns: Vec<StringArray>,
    rows: usize,
}

impl Cells {
    pub fn of(batch: &RecordBatch, columns: &[(String, HiveType)], facts: &SessionFacts) -> Cells {
        let texts = batch.columns().iter().zip(columns).map(|(array, (_, ty))| texts(array, ty, facts));
        Cells { columns: texts.collect(), rows: batch.num_rows() }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values of one row; `None` is NULL.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Option<&str>> {
        self.columns.iter().map(move |column| column.is_valid(row).then(|| column.value(row)))
    }
}
