//! A [`KeyedStore`] in one file, for a warehouse without a cluster.
//!
//! redb locks the file: a second process that opens it waits for a while and is then told who is in the way.
//! Layout: table `values`, key text -> version (8 bytes, big endian) and value; table `versions`, `last` -> the last version.

use super::store::{Entry, KeyedStore, StoreError, Transaction, Version, check};
use async_trait::async_trait;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use std::{path::Path, sync::Arc, time::Duration};

const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");
const VERSIONS: TableDefinition<'static, &str, u64> = TableDefinition::new("versions");
const LAST: &str = "last";
const VERSION_BYTES: usize = 8;
const RETRY_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub struct DurableStore {
    database: Arc<Database>,
}

impl DurableStore {
    /// Opens or creates; waits up to `patience` for another process that has it open.
    pub async fn open(path: &Path, patience: Duration) -> Result<DurableStore, StoreError> {
        let attempts = patience.as_millis() / RETRY_EVERY.as_millis();
        for _ in 0..attempts {
            match Self::open_now(path) {
                Err(StoreError::InUse { .. }) => tokio::time::sleep(RETRY_EVERY).await,
                done => return done,
            }
        }
        Self::open_now(path)
    }

    fn open_now(path: &Path) -> Result<DurableStore, StoreError> {
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.display().to_string() },
            other => StoreError::failed(other),
        })?;
        let store = DurableStore { database: Arc::new(database) };
        // A first transaction makes the tables, so that reading need not ask whether they exist.
        let writing = store.database.begin_write().map_err(StoreError::failed)?;
        writing.open_table(VALUES).map_err(StoreError::failed)?;
        writing.open_table(VERSIONS).map_err(StoreError::failed)?;
        writing.commit().map_err(StoreError::failed)?;
        Ok(store)
    }

    /// Off the reactor: redb reads and syncs files.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || work(&database)).await.map_err(StoreError::failed)?
    }
}

#[async_trait]
impl KeyedStore for DurableStore {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError> {
        let key = key.to_owned();
        self.run(move |database| {
            let reading = database.begin_read().map_err(StoreError::failed)?;
            let values = reading.open_table(VALUES).map_err(StoreError::failed)?;
            let stored = values.get(key.as_str()).map_err(StoreError::failed)?;
            stored.map(|stored| split(stored.value())).transpose()
        })
        .await
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.run(move |database| {
            let reading = database.begin_read().map_err(StoreError::failed)?;
            let values = reading.open_table(VALUES).map_err(StoreError::failed)?;
            let start = after.as_deref().filter(|after| *after >= prefix.as_str()).unwrap_or(&prefix);
            let mut found = Vec::new();
            for entry in values.range(start..).map_err(StoreError::failed)? {
                let (key, stored) = entry.map_err(StoreError::failed)?;
                if !key.value().starts_with(&prefix) || found.len() == limit {
                    break;
                }
                if after.as_deref() == Some(key.value()) {
                    continue;
                }
                let (version, value) = split(stored.value())?;
                found.push((key.value().to_owned(), version, value));
            }
            Ok(found)
        })
        .await
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        self.run(move |database| commit(database, &transaction)).await
    }
}

fn commit(database: &Database, transaction: &Transaction) -> Result<(), StoreError> {
    let writing = database.begin_write().map_err(StoreError::failed)?;
    {
        let mut values = writing.open_table(VALUES).map_err(StoreError::failed)?;
        let mut versions = writing.open_table(VERSIONS).map_err(StoreError::failed)?;
        for (key, expected) in &transaction.expect {
            let stored = values.get(key.as_str()).map_err(StoreError::failed)?;
            let found = stored.map(|stored| split(stored.value())).transpose()?.map(|(version, _)| version);
            check(key, *expected, found)?;
        }
        let last = versions.get(LAST).map_err(StoreError::failed)?.map_or(0, |last| last.value());
        let version = last + 1;
        versions.insert(LAST, version).map_err(StoreError::failed)?;
        for key in &transaction.remove {
            values.remove(key.as_str()).map_err(StoreError::failed)?;
        }
        for (key, value) in &transaction.put {
            let stored = [version.to_be_bytes().as_slice(), value].concat();
            values.insert(key.as_str(), stored.as_slice()).map_err(StoreError::failed)?;
        }
    }
    writing.commit().map_err(StoreError::failed)
}

fn split(stored: &[u8]) -> Result<(Version, Vec<u8>), StoreError> {
    match stored.split_first_chunk::<VERSION_BYTES>() {
        Some((version, value)) => Ok((Version::from_be_bytes(*version), value.to_vec())),
        None => Err(StoreError::failed("a stored value is shorter than its version")),
    }
}
