//! The keyed store below the catalog: versioned values, scans by prefix, and transactions that compare and set.
//!
//! It is what the journal of the cluster's master offers: an `expect` is its `KeyVersion`, a `put` and a `remove` its changes
//! of keys. A version never comes back: a key that is removed and put again has a higher one.

use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, PoisonError},
};

pub type Version = u64;
/// A key, its version, its value.
pub type Entry = (String, Version, Vec<u8>);

/// Everything in it becomes visible together, or nothing does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The version that each key must have; `None`: it must be absent.
    pub expect: Vec<(String, Option<Version>)>,
    pub put: Vec<(String, Vec<u8>)>,
    pub remove: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{key}` was changed by another session: it has version {found:?}, not {expected:?}")]
    Conflict { key: String, expected: Option<Version>, found: Option<Version> },
    #[error("the warehouse's catalog {path} is in use by another process")]
    InUse { path: String },
    #[error("the catalog's store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
        StoreError::Failed(source.into())
    }
}

#[async_trait]
pub trait KeyedStore: Send + Sync + std::fmt::Debug {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError>;

    /// Keys that begin with `prefix`, in order of their bytes, after `after`, at most `limit`.
    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError>;

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError>;
}

/// Lives as long as the process; a session's temporary tables are in one.
#[derive(Debug, Default)]
pub struct MemoryStore {
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    last: Version,
    values: BTreeMap<String, (Version, Vec<u8>)>,
}

impl MemoryStore {
    /// A transaction is applied without a step that can panic, so a poisoned lock guards whole content.
    fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyedStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError> {
        Ok(self.content().values.get(key).cloned())
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let content = self.content();
        let from_start = content.values.range::<str, _>((start, Bound::Unbounded));
        let matching = from_start.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(matching.map(|(key, (version, value))| (key.clone(), *version, value.clone())).collect())
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        let mut content = self.content();
        for (key, expected) in &transaction.expect {
            check(key, *expected, content.values.get(key).map(|(version, _)| *version))?;
        }
        content.last += 1;
        let version = content.last;
        for key in &transaction.remove {
            content.values.remove(key);
        }
        for (key, value) in transaction.put {
            content.values.insert(key, (version, value));
        }
        Ok(())
    }
}

/// One `expect` of a transaction.
pub(super) fn check(key: &str, expected: Option<Version>, found: Option<Version>) -> Result<(), StoreError> {
    if expected == found {
        return Ok(());
    }
    Err(StoreError::Conflict { key: key.to_owned(), expected, found })
}
