//! The one thread that writes: it takes everything that gathered since its last commit and makes it durable at once.

use super::{JournalError, Lsn, Section, storage::Storage};
use crate::limits::{JOURNAL_QUEUE_BYTES, SNAPSHOT_AFTER_BYTES, SNAPSHOT_AFTER_RECORDS};
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};
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
    /// The log after each section's last snapshot, or after the one that is being stored.
    lag: BTreeMap<Section, Lag>,
    failed: Option<JournalError>,
}

/// How long a part of the log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    pub records: u64,
    pub bytes: u64,
}

impl Lag {
    pub fn grow(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
    }
}

impl Queue {
    pub fn new(newest: Lsn, lag: BTreeMap<Section, Lag>) -> Queue {
        let (records, requests) = (Vec::new(), Vec::new());
        let waiting = Waiting { newest, bytes: 0, records, requests, lag, failed: None };
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
        // It will never be durable, and nothing gathers until its owner hears of that.
        if waiting.failed.is_some() {
            return lsn;
        }
        waiting.lag.values_mut().for_each(|lag| lag.grow(body.len()));
        waiting.bytes += body.len();
        waiting.records.push((lsn, body));
        self.changed.notify_all();
        lsn
    }

    /// Dropped at once after a failure, so that nobody waits for it.
    pub fn request(&self, request: Request) {
        let mut waiting = self.lock();
        if waiting.failed.is_none() {
            if let Request::Snapshot { section, .. } = &request {
                waiting.lag.insert(*section, Lag::default());
            }
            waiting.requests.push(request);
            self.changed.notify_all();
        }
    }

    pub fn newest(&self) -> Lsn {
        self.lock().newest
    }

    pub fn wants_snapshot(&self, section: Section) -> bool {
        let waiting = self.lock();
        let lag = waiting.lag.get(&section).copied().unwrap_or_default();
        lag.records >= SNAPSHOT_AFTER_RECORDS || lag.bytes >= SNAPSHOT_AFTER_BYTES
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
        waiting.records.clear();
        waiting.bytes = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gathers_after_a_failure_and_nobody_waits() {
        let queue = Queue::new(Lsn(0), BTreeMap::new());
        let large = || vec![(Section::Namespace, vec![0; JOURNAL_QUEUE_BYTES + 1])];
        queue.append(large());
        queue.fail(&JournalError::Closed("disk".to_owned()));
        for _ in 0..3 {
            queue.append(large());
        }
        assert!(queue.lock().records.is_empty());
        assert_eq!(queue.lock().bytes, 0);
    }
}
