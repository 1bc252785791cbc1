//! The files of one task: rows go to the folder that their keys say and, there, to the file of their bucket.

use super::{Amount, TaskAttempt, WriteDescription, columns::ColumnCounts};
use crate::{
    catalog::{Stem, WrittenName},
    formats::{FileFormat, FileWriter, Sink, arrow_schema, conform_columns},
    functions::math::bucket_of,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array},
        compute::{partition, take_record_batch},
    },
    common::{Result, cast::as_string_array},
};
use object_store::ObjectStore;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

pub(super) struct Folders {
    description: Arc<WriteDescription>,
    format: Arc<FileFormat>,
    store: Arc<dyn ObjectStore>,
    attempt: TaskAttempt,
    /// The one that is written to: rows come ordered by their keys.
    folder: Option<Folder>,
    /// What is written and closed, by the folder's name.
    closed: BTreeMap<String, Amount>,
    counts: Option<ColumnCounts>,
}

/// What became of all rows.
pub(super) struct Closed {
    /// By folder.
    pub amounts: BTreeMap<String, Amount>,
    /// What was counted of the columns, encoded.
    pub columns: Option<Vec<u8>>,
}

struct Folder {
    name: String,
    path: String,
    /// By bucket; a table without buckets has one.
    files: BTreeMap<u32, FileWriter>,
}

impl Folders {
    pub fn new(
        description: Arc<WriteDescription>,
        format: Arc<FileFormat>,
        store: Arc<dyn ObjectStore>,
        attempt: TaskAttempt,
    ) -> Result<Folders> {
        let counts = description.counts_columns.then(|| ColumnCounts::new(format.columns())).transpose()?;
        Ok(Folders { description, format, store, attempt, folder: None, closed: BTreeMap::new(), counts })
    }

    pub fn description(&self) -> &WriteDescription {
        &self.description
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let width = self.format.columns().len();
        let data = self.renamed(batch)?;
        if let Some(counts) = &mut self.counts {
            counts.add(data.columns())?;
        }
        let keys = batch.columns().get(width..).unwrap_or_default().to_vec();
        if keys.is_empty() {
            self.enter(&[]).await?;
            return self.write_here(&data).await;
        }
        let texts = keys.iter().map(|key| as_string_array(key)).collect::<Result<Vec<_>>>()?;
        for Range { start, end } in partition(&keys)?.ranges() {
            let values: Vec<&str> = texts.iter().map(|text| value(text, start)).collect();
            self.enter(&values).await?;
            self.write_here(&data.slice(start, end - start)).await?;
        }
        Ok(())
    }

    /// The format's columns, under their names in the files.
    fn renamed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.format.columns());
        let columns = columns.map(|(column, (_, ty))| conform_columns(column, ty));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let schema = arrow_schema(self.format.columns());
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    async fn enter(&mut self, values: &[&str]) -> Result<()> {
        let (name, path) = self.description.folder(values);
        if self.folder.as_ref().is_some_and(|folder| folder.name == name) {
            return Ok(());
        }
        self.leave().await?;
        self.folder = Some(Folder { name, path, files: BTreeMap::new() });
        Ok(())
    }

    async fn leave(&mut self) -> Result<()> {
        let Some(folder) = self.folder.take() else { return Ok(()) };
        let amount = self.closed.entry(folder.name).or_default();
        for writer in folder.files.into_values() {
            let written = writer.close().await.map_err(|error| error.under(&self.description.prefix))?;
            amount.add(Amount { files: 1, rows: written.rows, bytes: written.bytes });
        }
        Ok(())
    }

    async fn write_here(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(buckets) = self.description.buckets.as_ref() else {
            return self.write_file(self.attempt.task, batch).await;
        };
        let columns: Vec<ArrayRef> =
            buckets.columns.iter().map(|index| batch.column(*index).clone()).collect();
        let types: Vec<_> =
            buckets.columns.iter().map(|index| self.format.columns()[*index].1.clone()).collect();
        let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, bucket) in (0u32..).zip(bucket_of(&columns, &types, buckets.count, buckets.version)?) {
            rows.entry(bucket).or_default().push(row);
        }
        for (bucket, rows) in rows {
            self.write_file(bucket, &take_record_batch(batch, &UInt32Array::from(rows))?).await?;
        }
        Ok(())
    }

    async fn write_file(&mut self, number: u32, batch: &RecordBatch) -> Result<()> {
        let Some(folder) = self.folder.as_mut() else { return Ok(()) };
        let writer = match folder.files.entry(number) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                // A folder that is entered again has closed files of these numbers.
                let sequence = self.closed.get(&folder.name).map_or(0, |amount| amount.files);
                let name = WrittenName {
                    stem: Stem::Number { number, sequence: u32::try_from(sequence).unwrap_or(u32::MAX) },
                    write: self.description.write,
                    task: self.attempt.task,
                    attempt: self.attempt.attempt,
                    ending: self.format.ending(self.description.compression).to_owned(),
                };
                let name = if self.description.is_plain { name.plain() } else { name.to_string() };
                let path = format!("{}/{name}", folder.path);
                let sink = Sink::Store { store: self.store.clone(), path };
                place.insert(self.format.writer(sink, self.description.compression).await?)
            }
        };
        let written = writer.write(batch).await;
        written.map_err(|error| error.under(&self.description.prefix).into())
    }

    pub async fn close(mut self) -> Result<Closed> {
        self.leave().await?;
        let columns = self.counts.as_mut().map(ColumnCounts::encode).transpose()?;
        Ok(Closed { amounts: self.closed, columns })
    }
}

fn value(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) { "" } else { texts.value(row) }
}
