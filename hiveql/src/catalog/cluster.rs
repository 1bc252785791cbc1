//! A [`KeyedStore`] in the journal of the cluster's master.
//!
//! The master keeps its keyed store beside the namespace, so one transaction can change records and publish files
//! together: [`ClusterStore::commit_with_files`].

use super::store::{Entry, KeyedStore, StoreError, Transaction, Version};
use async_trait::async_trait;
use skep_hdfs::{
    client::{Client, ClientError},
    protocol::namespace::{self, Change, Expect, NamespaceError, Operation, Reply},
};
use std::fmt;

/// Cheap to clone.
#[derive(Clone)]
pub struct ClusterStore {
    client: Client,
}

impl ClusterStore {
    pub fn new(client: Client) -> ClusterStore {
        ClusterStore { client }
    }

    /// As `commit`, with changes of files that become visible together with those of records, or not at all.
    pub async fn commit_with_files(
        &self,
        transaction: Transaction,
        files: Vec<Change>,
    ) -> Result<(), StoreError> {
        let expect = transaction.expect.into_iter();
        let expect = expect.map(|(key, version)| Expect::KeyVersion(key, version)).collect();
        let removals = transaction.remove.into_iter().map(|key| Change::Remove { key });
        let puts = transaction.put.into_iter().map(|(key, value)| Change::Put { key, value });
        let changes = files.into_iter().chain(removals).chain(puts).collect();
        // A call is repeated under its own number while the master is away: it is never applied twice.
        self.client.transaction(namespace::Transaction { expect, changes }).await.map_err(refused)
    }
}

impl fmt::Debug for ClusterStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClusterStore")
            .field("master", &self.client.options().master)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyedStore for ClusterStore {
    async fn get(&self, key: &str) -> Result<Option<(Version, Vec<u8>)>, StoreError> {
        match self.client.call(Operation::Get { key: key.to_owned() }).await.map_err(refused)? {
            Reply::Value(value) => Ok(value),
            other => Err(unexpected(&other)),
        }
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut found: Vec<Entry> = Vec::new();
        // The master's pages are of a size of its own.
        while found.len() < limit {
            let last = found.last().map(|(key, ..)| key.as_str()).or(after);
            let operation = Operation::Scan {
                prefix: prefix.to_owned(),
                after: last.map(str::to_owned),
                limit: u32::try_from(limit - found.len()).unwrap_or(u32::MAX),
            };
            match self.client.call(operation).await.map_err(refused)? {
                Reply::Values(page) if page.is_empty() => break,
                Reply::Values(page) => found.extend(page),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(found)
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        self.commit_with_files(transaction, Vec::new()).await
    }
}

fn refused(error: ClientError) -> StoreError {
    match error {
        ClientError::Namespace(NamespaceError::VersionConflict { key, expected, found }) => {
            StoreError::Conflict { key, expected, found }
        }
        other => StoreError::failed(other),
    }
}

fn unexpected(reply: &Reply) -> StoreError {
    StoreError::failed(ClientError::Protocol(reply.name()))
}
