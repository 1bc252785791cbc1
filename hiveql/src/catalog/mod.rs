//! The catalog: which databases, tables, partitions and functions there are, over a keyed store.
//!
//! Each operation is one transaction that expects the versions it has read. It knows nothing of statements or of files.

mod change;
mod cluster;
mod contents;
mod databases;
mod durable;
mod error;
mod functions;
mod known;
mod model;
mod partition_name;
mod partitions;
pub mod record;
mod session;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod writes;

pub use change::{Change, Versioned};
pub use cluster::ClusterStore;
pub use contents::{
    Attempts, Contents, FileStamp, LastWrite, Snapshot, Stem, WriteNumber, WrittenName, is_private,
};
pub use durable::DurableStore;
pub use error::CatalogError;
pub use known::PartitionList;
pub use model::*;
pub use partition_name::{DEFAULT_PARTITION, escape, partition_name, partition_values, unescape};
pub use partitions::PartitionFilter;
pub use session::{Macro, SessionCatalog};
pub use store::{Entry, KeyedStore, MemoryStore, StoreError, Transaction, Version};

use known::KnownPartitions;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The database that is always there.
pub const DEFAULT_DATABASE: &str = "default";
/// How many entries one scan asks for.
const PAGE: usize = 1_000;

#[derive(Debug, Clone)]
pub struct Catalog {
    store: Arc<dyn KeyedStore>,
    known: Arc<KnownPartitions>,
}

impl Catalog {
    pub fn new(store: Arc<dyn KeyedStore>) -> Catalog {
        Catalog { store, known: Arc::default() }
    }

    /// What stands behind the prefix in the keys that begin with it, in order.
    async fn names_below(&self, prefix: &str) -> Result<Vec<String>, CatalogError> {
        let mut names: Vec<String> = Vec::new();
        let mut last: Option<String> = None;
        loop {
            let page = self.store.scan(prefix, last.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            names.extend(page.iter().filter_map(|(key, ..)| key.strip_prefix(prefix).map(str::to_owned)));
            last = page.into_iter().next_back().map(|(key, ..)| key);
            if is_last {
                return Ok(names);
            }
        }
    }

    /// Reads one record.
    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Versioned<T>>, CatalogError> {
        let Some((version, value)) = self.store.get(key).await? else { return Ok(None) };
        Ok(Some(Versioned { version, record: record::decode(key, &value)? }))
    }

    /// Reads all records whose keys begin with `prefix`, in order of their keys.
    async fn read_all<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, Versioned<T>)>, CatalogError> {
        let mut records = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.scan(prefix, after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|(key, ..)| key.clone());
            for (key, version, value) in page {
                let record = record::decode(&key, &value)?;
                records.push((key, Versioned { version, record }));
            }
            if is_last {
                return Ok(records);
            }
        }
    }

    /// Whether any key begins with `prefix`.
    async fn any(&self, prefix: &str) -> Result<bool, CatalogError> {
        Ok(!self.store.scan(prefix, None, 1).await?.is_empty())
    }

    pub async fn commit(&self, change: Change) -> Result<(), CatalogError> {
        Ok(self.store.commit(change.transaction).await?)
    }

    /// Takes a number that nobody else has, for a table's id or a removal's key.
    pub async fn next_number(&self) -> Result<u64, CatalogError> {
        self.next_numbers(1).await
    }
}
