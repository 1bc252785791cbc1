//! Where services are: each keeps a record in the cluster's keyed store for as long as it lives.

use crate::catalog::{KeyedStore, StoreError, Transaction};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use skep_wire::Endpoint;
use std::time::Duration;

const SERVICES: &str = "hive/service/";
/// How often a service says that it lives.
pub const BEAT: Duration = Duration::from_secs(30);
/// After so long without a word a service is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(150);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Differs from start to start, and is what the ids of its sessions begin with.
    pub id: String,
    pub endpoint: Endpoint,
    /// When it last said so, by its own clock.
    pub alive_seconds: i64,
}

impl ServiceRecord {
    pub fn new(id: String, endpoint: Endpoint) -> ServiceRecord {
        ServiceRecord { id, endpoint, alive_seconds: Utc::now().timestamp() }
    }

    pub fn seems_alive(&self) -> bool {
        let silent = Utc::now().timestamp().saturating_sub(self.alive_seconds);
        silent <= PATIENCE.as_secs() as i64
    }

    fn key(&self) -> String {
        format!("{SERVICES}{}", self.id)
    }

    /// Says that it lives.
    pub async fn announce(&mut self, store: &dyn KeyedStore) -> Result<(), StoreError> {
        self.alive_seconds = Utc::now().timestamp();
        let value = serde_json::to_vec(self).map_err(StoreError::failed)?;
        store.commit(Transaction { put: vec![(self.key(), value)], ..Transaction::default() }).await
    }

    /// Says that it ends.
    pub async fn withdraw(&self, store: &dyn KeyedStore) -> Result<(), StoreError> {
        store.commit(Transaction { remove: vec![self.key()], ..Transaction::default() }).await
    }
}

/// All that have not withdrawn, the one that was heard last first.
pub async fn services(store: &dyn KeyedStore) -> Result<Vec<ServiceRecord>, StoreError> {
    let found = store.scan(SERVICES, None, 1_000).await?;
    let records = found.iter().map(|(_, _, value)| serde_json::from_slice(value).map_err(StoreError::failed));
    let mut records = records.collect::<Result<Vec<ServiceRecord>, _>>()?;
    records.sort_by_key(|record| std::cmp::Reverse(record.alive_seconds));
    Ok(records)
}

/// Forgets those that have been silent for long.
pub async fn forget_dead(store: &dyn KeyedStore) -> Result<(), StoreError> {
    for record in services(store).await?.iter().filter(|record| !record.seems_alive()) {
        record.withdraw(store).await?;
    }
    Ok(())
}
