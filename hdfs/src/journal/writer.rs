//! The one thread that writes: it takes everything that gathered since its last commit and makes it durable at once.

use super::{JournalError, Lsn, Section, storage::Storage};
use crate::limits::JOURNAL_QUEUE_BYTES;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

pub enum Request {
    Snapshot { section: Section, lsn: Lsn, state: Vec<u8>, done: oneshot::Sender<Result<(), JournalError>> },
    Close,
}

/// What waits to be written. Positions are given under its lock, so their order is the order of the records.
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    newest: Lsn,
    bytes: usize,
    records: Vec<(Lsn, Vec<u8>)>,
    requests: Vec<Request>,
    failed: Option<JournalError>,
}

impl Queue {
    pub fn new(newest: Lsn) -> Queue {
        let waiting = Waiting { newest, bytes: 0, records: Vec::new(), requests: Vec::new(), failed: None };
        Queue { waiting: Mutex::new(waiting), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn append(&self, entries: Vec<(Section, Vec<u8>)>) -> Lsn {
        let body = skep_wire::codec::encode(&entries);
        let mut waiting = self.lock();
        while waiting.bytes > JOURNAL_QUEUE_BYTES && waiting.failed.is_none() {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.newest.0 += 1;
        let lsn = waiting.newest;
        waiting.bytes += body.len();
        waiting.records.push((lsn, body));
        self.changed.notify_all();
        lsn
    }

    /// Dropped at once after a failure, so that nobody waits for it.
    pub fn request(&self, request: Request) {
        let mut waiting = self.lock();
        if waiting.failed.is_none() {
            waiting.requests.push(request);
            self.changed.notify_all();
        }
    }

    pub fn failure(&self) -> JournalError {
        self.lock()
            .failed
            .clone()
            .unwrap_or_else(|| JournalError::Closed("the process is stopping".to_owned()))
    }

    /// Everything that waits, as soon as there is something.
    fn take(&self) -> (Vec<(Lsn, Vec<u8>)>, Vec<Request>) {
        let mut waiting = self.lock();
        while waiting.records.is_empty() && waiting.requests.is_empty() {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.bytes = 0;
        self.changed.notify_all();
        (std::mem::take(&mut waiting.records), std::mem::take(&mut waiting.requests))
    }

    fn fail(&self, error: &JournalError) {
        let mut waiting = self.lock();
        waiting.failed = Some(JournalError::Closed(error.to_string()));
        waiting.requests.clear();
        self.changed.notify_all();
    }
}

pub fn start(storage: Storage, queue: Arc<Queue>, durable: watch::Sender<Lsn>) -> Result<(), JournalError> {
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || {
            if let Err(error) = write(&storage, &queue, &durable) {
                tracing::error!(%error, "the journal cannot be written");
                queue.fail(&error);
            }
        })
        .map(|_| ())
        .map_err(|error| JournalError::Storage { path: "its thread".to_owned(), reason: error.to_string() })
}

fn write(storage: &Storage, queue: &Queue, durable: &watch::Sender<Lsn>) -> Result<(), JournalError> {
    loop {
        let (records, requests) = queue.take();
        storage.append(&records)?;
        if let Some((newest, _)) = records.last() {
            durable.send_replace(*newest);
        }
        for request in requests {
            match request {
                Request::Close => return Ok(()),
                Request::Snapshot { section, lsn, state, done } => {
                    let outcome = storage.snapshot(section, lsn, &state);
                    let failed = outcome.clone();
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(outcome);
                    failed?;
                }
            }
        }
    }
}
