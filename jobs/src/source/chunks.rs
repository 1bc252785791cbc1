//! Reads a range of a file ahead: the I/O runtime fetches the next chunks while the task's thread works on this one.

use super::{SourceError, block_on};
use crate::{
    limits::{READ_AHEAD_CHUNKS, READ_CHUNK_BYTES},
    plan::fault::TaskFault,
    task_program::{Cancel, TaskContext},
};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use skep_hdfs::stores::Place;
use std::{ops::Range, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};

/// How often a task that waits for storage looks whether it shall stop.
const CANCEL_POLL: Duration = Duration::from_millis(100);

pub struct Chunks<'a> {
    context: &'a TaskContext,
    file: String,
    /// What is still to come.
    range: Range<u64>,
    receiver: mpsc::Receiver<Result<Bytes, SourceError>>,
    reader: JoinHandle<()>,
}

impl<'a> Chunks<'a> {
    pub fn open(context: &'a TaskContext, file: &str, range: Range<u64>) -> Result<Chunks<'a>, TaskFault> {
        let place = context.stores.resolve(file).map_err(SourceError::Store)?;
        let (sender, receiver) = mpsc::channel(READ_AHEAD_CHUNKS);
        let reader = context.runtime.spawn(read_ahead(place, file.to_owned(), range.clone(), sender));
        Ok(Chunks { context, file: file.to_owned(), range, receiver, reader })
    }

    /// The next bytes, never empty; `None` at the end of the range.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, TaskFault> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let received = block_on(self.context, receive(&mut self.receiver, &self.context.cancel))?;
        let bytes = received.ok_or_else(|| SourceError::Read {
            file: self.file.clone(),
            start: self.range.start,
            end: self.range.end,
            reason: "reading ahead ended early".to_owned(),
        })??;
        self.range.start += bytes.len() as u64;
        Ok(Some(bytes))
    }
}

impl Drop for Chunks<'_> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn receive<T>(receiver: &mut mpsc::Receiver<T>, cancel: &Cancel) -> Result<Option<T>, TaskFault> {
    loop {
        if cancel.is_raised() {
            return Err(TaskFault::Cancelled);
        }
        if let Ok(received) = tokio::time::timeout(CANCEL_POLL, receiver.recv()).await {
            return Ok(received);
        }
    }
}

async fn read_ahead(
    place: Place,
    file: String,
    range: Range<u64>,
    sender: mpsc::Sender<Result<Bytes, SourceError>>,
) {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + READ_CHUNK_BYTES);
        let read = read(&place, &file, start..end).await;
        let failed = read.is_err();
        if sender.send(read).await.is_err() || failed {
            return;
        }
        start = end;
    }
}

/// Exactly these bytes.
async fn read(place: &Place, file: &str, range: Range<u64>) -> Result<Bytes, SourceError> {
    let (start, end) = (range.start, range.end);
    let bytes = place.store.get_range(&place.path, range).await.map_err(|error| SourceError::Read {
        file: file.to_owned(),
        start,
        end,
        reason: error.to_string(),
    })?;
    let found = start + bytes.len() as u64;
    if found != end {
        return Err(SourceError::Shrunk { file: file.to_owned(), expected: end, found });
    }
    Ok(bytes)
}
