//! The master's one ordered, durable log, on redb.
//!
//! Sections share it: each has its own snapshots and replays only its own entries, but one record may hold entries of
//! several sections and is applied whole or not at all. It must not know what the entries mean.

mod storage;
mod writer;

use std::{collections::BTreeMap, path::Path, sync::Arc};
use storage::Storage;
use tokio::sync::{oneshot, watch};
use writer::{Queue, Request};

/// Position of a record in the log. The first is 1; `Lsn(0)` is "before everything".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Lsn(pub u64);

/// Whose state an entry changes. Numbers are persisted: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Section {
    /// Files, blocks, leases and the keyed store.
    Namespace = 1,
    /// Jobs and workers.
    Scheduler = 2,
}

impl Section {
    pub const ALL: [Section; 2] = [Section::Namespace, Section::Scheduler];
}

/// What a section finds when the journal is opened: its newest snapshot, and its entries after it in order.
#[derive(Debug, Default)]
pub struct Replay {
    pub snapshot: Option<(u64, Vec<u8>)>,
    pub entries: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    #[error("journal {path}: {reason}")]
    Storage { path: String, reason: String },
    #[error("journal {path}: record {lsn} does not match its checksum; restore the file from a backup")]
    Corrupt { path: String, lsn: u64 },
    #[error("journal {path} is in use by another process")]
    Locked { path: String },
    #[error("the journal was closed after an error: {0}")]
    Closed(String),
}

/// A handle; clones share the log. One thread commits what has gathered since its last commit: group commit.
#[derive(Clone)]
pub struct Journal {
    queue: Arc<Handles>,
    durable: watch::Receiver<Lsn>,
}

/// What all handles share; the writing thread does not. When the last handle goes, the thread is told to end.
struct Handles(Arc<Queue>);

impl std::ops::Deref for Handles {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.0.request(Request::Close);
    }
}

impl Journal {
    /// Opens or makes the journal in `directory`.
    pub fn open(directory: &Path) -> Result<(Journal, BTreeMap<Section, Replay>), JournalError> {
        let (storage, replays, newest) = Storage::open(directory)?;
        let (publish, durable) = watch::channel(newest);
        let queue = Arc::new(Queue::new(newest, storage.lag()?));
        writer::start(storage, Arc::clone(&queue), publish)?;
        Ok((Journal { queue: Arc::new(Handles(queue)), durable }, replays))
    }

    /// Queues one record and returns its position at once; it is durable when `durable` reaches it. Blocks for a
    /// moment only while more than `limits::JOURNAL_QUEUE_BYTES` wait to be written.
    pub fn append(&self, entries: Vec<(Section, Vec<u8>)>) -> Lsn {
        self.queue.append(entries)
    }

    /// The newest durable position, as it moves. An error closes the channel: the process must stop.
    pub fn durable(&self) -> watch::Receiver<Lsn> {
        self.durable.clone()
    }

    /// Waits until `lsn` is durable.
    pub async fn wait(&self, lsn: Lsn) -> Result<(), JournalError> {
        match self.durable.clone().wait_for(|durable| *durable >= lsn).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.queue.failure()),
        }
    }

    /// The newest position that was given.
    pub fn newest(&self) -> Lsn {
        self.queue.newest()
    }

    /// Whether the log after this section's last snapshot is long. Its owner then stores one, also if most of that log
    /// belongs to others: records are kept until every section has a snapshot after them.
    pub fn wants_snapshot(&self, section: Section) -> bool {
        self.queue.wants_snapshot(section)
    }

    /// Stores a section's state as of `lsn` and drops what no section needs any more. Queued at once; what is returned
    /// waits for the end.
    pub fn snapshot(
        &self,
        section: Section,
        lsn: Lsn,
        state: Vec<u8>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let (done, wait) = oneshot::channel();
        self.queue.request(Request::Snapshot { section, lsn, state, done });
        let queue = Arc::clone(&self.queue);
        async move { wait.await.unwrap_or_else(|_| Err(queue.failure())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(section: Section, text: &str) -> Vec<(Section, Vec<u8>)> {
        vec![(section, text.as_bytes().to_vec())]
    }

    async fn reopen(directory: &Path) -> (Journal, BTreeMap<Section, Replay>) {
        // The writing thread lets go of the file a moment after the last handle was dropped.
        loop {
            match Journal::open(directory) {
                Err(JournalError::Locked { .. }) => {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await
                }
                other => return other.unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn what_was_durable_is_replayed_in_order_to_its_section() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, replay) = Journal::open(folder.path()).unwrap();
        assert!(replay.values().all(|replay| replay.entries.is_empty() && replay.snapshot.is_none()));
        journal.append(entry(Section::Namespace, "a"));
        journal.append(vec![(Section::Namespace, b"b".to_vec()), (Section::Scheduler, b"x".to_vec())]);
        let last = journal.append(entry(Section::Scheduler, "y"));
        journal.wait(last).await.unwrap();
        drop(journal);
        let (_journal, replay) = reopen(folder.path()).await;
        assert_eq!(replay[&Section::Namespace].entries, [(1, b"a".to_vec()), (2, b"b".to_vec())]);
        assert_eq!(replay[&Section::Scheduler].entries, [(2, b"x".to_vec()), (3, b"y".to_vec())]);
    }

    #[tokio::test]
    async fn a_snapshot_replaces_the_entries_before_it_for_its_section_only() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let first =
            journal.append(vec![(Section::Namespace, b"a".to_vec()), (Section::Scheduler, b"x".to_vec())]);
        let big = vec![7_u8; 40 << 20];
        journal.snapshot(Section::Namespace, first, big.clone()).await.unwrap();
        let last = journal.append(entry(Section::Namespace, "b"));
        journal.wait(last).await.unwrap();
        drop(journal);
        let (journal, replay) = reopen(folder.path()).await;
        assert_eq!(replay[&Section::Namespace].snapshot.as_ref().unwrap(), &(1, big));
        assert_eq!(replay[&Section::Namespace].entries, [(2, b"b".to_vec())]);
        assert_eq!(replay[&Section::Scheduler].entries, [(1, b"x".to_vec())]);
        journal.snapshot(Section::Scheduler, last, b"s".to_vec()).await.unwrap();
        drop(journal);
        let (_journal, replay) = reopen(folder.path()).await;
        assert!(replay[&Section::Scheduler].entries.is_empty());
        assert_eq!(replay[&Section::Namespace].entries, [(2, b"b".to_vec())]);
    }

    #[tokio::test]
    async fn a_section_that_has_nothing_to_say_is_asked_for_a_snapshot_too_and_then_the_log_is_short() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        for _ in 1..crate::limits::SNAPSHOT_AFTER_RECORDS {
            journal.append(entry(Section::Namespace, "a"));
        }
        assert!(!journal.wants_snapshot(Section::Namespace) && !journal.wants_snapshot(Section::Scheduler));
        let last = journal.append(entry(Section::Namespace, "a"));
        assert!(journal.wants_snapshot(Section::Namespace) && journal.wants_snapshot(Section::Scheduler));
        assert_eq!(journal.newest(), last);
        journal.snapshot(Section::Namespace, last, Vec::new()).await.unwrap();
        drop(journal);
        let (journal, replay) = reopen(folder.path()).await;
        assert!(replay.values().all(|replay| replay.entries.is_empty()));
        assert!(!journal.wants_snapshot(Section::Namespace), "it has one");
        assert!(journal.wants_snapshot(Section::Scheduler), "the log is kept for it alone");
        journal.snapshot(Section::Scheduler, journal.newest(), Vec::new()).await.unwrap();
        drop(journal);
        let (journal, _) = reopen(folder.path()).await;
        assert!(!journal.wants_snapshot(Section::Scheduler), "nothing is left of the log");
    }

    #[tokio::test]
    async fn large_records_count_by_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let large = vec![7_u8; 1 << 20];
        for _ in 0..crate::limits::SNAPSHOT_AFTER_BYTES >> 20 {
            journal.append(vec![(Section::Namespace, large.clone())]);
        }
        assert!(journal.wants_snapshot(Section::Scheduler));
    }

    #[tokio::test]
    async fn an_older_snapshot_that_comes_late_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let old = journal.append(entry(Section::Namespace, "a"));
        let new = journal.append(entry(Section::Namespace, "b"));
        journal.snapshot(Section::Namespace, new, b"new".to_vec()).await.unwrap();
        journal.snapshot(Section::Namespace, old, b"old".to_vec()).await.unwrap();
        drop(journal);
        let (_journal, replay) = reopen(folder.path()).await;
        assert_eq!(replay[&Section::Namespace].snapshot, Some((new.0, b"new".to_vec())));
    }

    #[tokio::test]
    async fn positions_go_on_after_a_restart_even_when_the_log_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let last = journal.append(entry(Section::Namespace, "a"));
        for section in Section::ALL {
            journal.snapshot(section, last, Vec::new()).await.unwrap();
        }
        drop(journal);
        let (journal, _) = reopen(folder.path()).await;
        assert_eq!(journal.append(entry(Section::Namespace, "b")), Lsn(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_appenders_get_distinct_positions_and_all_become_durable() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        let mut tasks = Vec::new();
        for task in 0..8 {
            let journal = journal.clone();
            tasks.push(tokio::spawn(async move {
                let mut positions = Vec::new();
                for number in 0..200 {
                    let lsn = journal.append(entry(Section::Namespace, &format!("{task}.{number}")));
                    journal.wait(lsn).await.unwrap();
                    positions.push(lsn.0);
                }
                positions
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (1..=1600).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_second_process_on_the_same_directory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _open = Journal::open(folder.path()).unwrap();
        assert!(matches!(Journal::open(folder.path()), Err(JournalError::Locked { .. })));
    }
}
