//! What goes into a script and what comes out of it, as one stream of rows.

use super::{
    ScriptDescription, ScriptError, ScriptPlace,
    process::{Formats, RunningScript},
};
use datafusion::{arrow::record_batch::RecordBatch, common::Result, execution::SendableRecordBatchStream};
use futures::{Stream, StreamExt, stream::try_unfold};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// One partition's script; it starts with the first row, as in Hive: without rows there is none.
pub(super) struct Partition {
    pub description: Arc<ScriptDescription>,
    pub formats: Formats,
    pub place: Arc<ScriptPlace>,
    /// `None`: there is no more, or no more is wanted.
    pub input: Option<SendableRecordBatchStream>,
}

/// Polling it moves rows in both directions. Dropping it ends the script.
pub(super) fn rows(partition: Partition) -> impl Stream<Item = Result<RecordBatch>> + Send {
    try_unfold(Pump { partition, running: None, waiting: None }, Pump::advance)
}

struct Pump {
    partition: Partition,
    running: Option<RunningScript>,
    /// Taken from the input, not yet by the script.
    waiting: Option<RecordBatch>,
}

impl Pump {
    async fn advance(mut self) -> Result<Option<(RecordBatch, Pump)>> {
        loop {
            let Some(running) = &mut self.running else {
                let Some(first) = next(&mut self.partition.input).await? else { return Ok(None) };
                let Partition { description, formats, place, .. } = &self.partition;
                self.running = Some(RunningScript::start(description, formats, place)?);
                self.waiting = Some(first);
                continue;
            };
            let input = &mut self.partition.input;
            let feeding = running.feed.is_some();
            tokio::select! {
                biased;
                rows = running.rows.recv() => return match rows {
                    Some(rows) => Ok(rows?.map(|rows| (rows, self))),
                    None => Err(ScriptError::Lost { command: self.partition.description.command.clone() }.into()),
                },
                fed = feed(&mut running.feed, input, &mut self.waiting), if feeding => fed?,
            }
        }
    }
}

/// Moves one batch one step on its way into the script. Given up halfway, it loses nothing.
async fn feed(
    feed: &mut Option<Sender<RecordBatch>>,
    input: &mut Option<SendableRecordBatchStream>,
    waiting: &mut Option<RecordBatch>,
) -> Result<()> {
    let Some(sender) = feed.as_ref() else { return Ok(()) };
    if waiting.is_none() {
        *waiting = next(input).await?;
        if waiting.is_none() {
            *feed = None;
        }
        return Ok(());
    }
    let room = sender.reserve().await;
    // The script reads no more.
    let is_over = room.is_err();
    if let (Ok(room), Some(batch)) = (room, waiting.take()) {
        room.send(batch);
    }
    if is_over {
        (*feed, *input) = (None, None);
    }
    Ok(())
}

/// The next batch that has rows.
async fn next(input: &mut Option<SendableRecordBatchStream>) -> Result<Option<RecordBatch>> {
    let Some(batches) = input else { return Ok(None) };
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    *input = None;
    Ok(None)
}
