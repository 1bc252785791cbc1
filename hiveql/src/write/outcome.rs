//! What a write made, as the rows that its tasks answer with.

use super::{TaskAttempt, columns::ColumnCounts};
use crate::{
    catalog::{Attempts, ColumnStatistics, FileStamp, Partition, Replaced, WriteNumber},
    functions::SessionFacts,
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, AsArray, BinaryArray, RecordBatch, StringArray, UInt32Array, UInt64Array},
        datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type},
    },
    common::{DataFusionError, Result, internal_datafusion_err},
    execution::SendableRecordBatchStream,
};
use futures::TryStreamExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// One row per write, folder and task; a task that wrote nothing has one without a folder.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("folder", DataType::Utf8, true),
        Field::new("task", DataType::UInt32, false),
        Field::new("attempt", DataType::UInt32, false),
        Field::new("files", DataType::UInt64, false),
        Field::new("rows", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("write", DataType::UInt64, false),
        Field::new("columns", DataType::Binary, true),
    ]))
});

pub(super) fn schema() -> SchemaRef {
    SCHEMA.clone()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, other: Amount) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// What all tasks made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// By the folder's name below the root; empty for the root itself.
    pub folders: BTreeMap<String, Amount>,
    /// Only those that are not 0.
    pub attempts: Attempts,
    /// Whether the numbers of rows are known.
    pub is_counted: bool,
    /// Files that were copied and are to go from their old place, by their names there.
    pub moved: Option<(String, Replaced)>,
    /// Files whose rows were written again or are gone, by the values of their partition.
    pub replaced: BTreeMap<Vec<String>, ReplacedFiles>,
    /// What partitions are that must not be there yet, by their values; others are made like their table.
    pub partitions: BTreeMap<Vec<String>, Partition>,
    /// What each task counted of the columns, encoded; `None`: nothing was counted.
    pub(super) columns: Option<Vec<Vec<u8>>>,
}

/// Files of a table or a partition that go when what was written comes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplacedFiles {
    /// By their names below the location.
    pub files: BTreeMap<String, FileStamp>,
    /// How many of their rows were not written again.
    pub rows_gone: u64,
}

impl Default for Outcome {
    fn default() -> Outcome {
        Outcome {
            folders: BTreeMap::new(),
            attempts: Attempts::new(),
            is_counted: true,
            moved: None,
            replaced: BTreeMap::new(),
            partitions: BTreeMap::new(),
            columns: None,
        }
    }
}

impl Outcome {
    pub fn rows(&self) -> u64 {
        self.folders.values().map(|amount| amount.rows).sum()
    }

    /// What was counted of these columns by all tasks together.
    pub(super) fn statistics(
        &self,
        columns: &[(String, HiveType)],
        facts: &SessionFacts,
    ) -> Result<Option<BTreeMap<String, ColumnStatistics>>> {
        let Some(encoded) = &self.columns else { return Ok(None) };
        let mut counts = ColumnCounts::new(columns)?;
        for encoded in encoded {
            counts.merge(encoded)?;
        }
        counts.statistics(columns, self.rows(), facts).map(Some)
    }

    /// Runs a write to its end.
    pub async fn collect(stream: SendableRecordBatchStream) -> Result<Outcome> {
        Ok(Outcome::collect_each(stream).await?.into_values().next().unwrap_or_default())
    }

    /// Runs several writes to their end.
    pub async fn collect_each(
        mut stream: SendableRecordBatchStream,
    ) -> Result<BTreeMap<WriteNumber, Outcome>> {
        let mut outcomes = BTreeMap::new();
        while let Some(batch) = stream.try_next().await? {
            read(&batch, &mut outcomes)?;
        }
        Ok(outcomes)
    }
}

fn read(batch: &RecordBatch, outcomes: &mut BTreeMap<WriteNumber, Outcome>) -> Result<()> {
    let missing = || internal_datafusion_err!("a write answered with other columns");
    let folders = batch.column(0).as_string_opt::<i32>().ok_or_else(missing)?;
    let small = |index: usize| batch.column(index).as_primitive_opt::<UInt32Type>().ok_or_else(missing);
    let large = |index: usize| batch.column(index).as_primitive_opt::<UInt64Type>().ok_or_else(missing);
    let (tasks, attempts) = (small(1)?, small(2)?);
    let (files, rows, bytes, writes) = (large(3)?, large(4)?, large(5)?, large(6)?);
    let counted = batch.column(7).as_binary_opt::<i32>().ok_or_else(missing)?;
    for row in 0..batch.num_rows() {
        let outcome = outcomes.entry(writes.value(row)).or_default();
        if counted.is_valid(row) {
            outcome.columns.get_or_insert_default().push(counted.value(row).to_vec());
        }
        if attempts.value(row) > 0 {
            outcome.attempts.insert(tasks.value(row), attempts.value(row));
        }
        if folders.is_valid(row) {
            let amount = Amount { files: files.value(row), rows: rows.value(row), bytes: bytes.value(row) };
            outcome.folders.entry(folders.value(row).to_owned()).or_default().add(amount);
        }
    }
    Ok(())
}

/// The rows of one task.
pub(super) fn rows(
    write: WriteNumber,
    TaskAttempt { task, attempt }: TaskAttempt,
    folders: &BTreeMap<String, Amount>,
    columns: Option<&[u8]>,
) -> Result<RecordBatch> {
    let nothing = [(None, Amount::default())];
    let some = folders.iter().map(|(folder, amount)| (Some(folder.as_str()), *amount));
    let rows: Vec<(Option<&str>, Amount)> =
        if folders.is_empty() { nothing.to_vec() } else { some.collect() };
    let column = |of: fn(&Amount) -> u64| rows.iter().map(|(_, amount)| of(amount)).collect::<UInt64Array>();
    let count = rows.len();
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(rows.iter().map(|(folder, _)| *folder).collect::<StringArray>()),
            Arc::new(UInt32Array::from_value(task, count)),
            Arc::new(UInt32Array::from_value(attempt, count)),
            Arc::new(column(|amount| amount.files)),
            Arc::new(column(|amount| amount.rows)),
            Arc::new(column(|amount| amount.bytes)),
            Arc::new(UInt64Array::from_value(write, count)),
            // Once: it is of all rows.
            Arc::new((0..count).map(|row| columns.filter(|_| row == 0)).collect::<BinaryArray>()),
        ],
    )
    .map_err(DataFusionError::from)
}
