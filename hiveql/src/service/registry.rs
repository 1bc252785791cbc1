//! Where services are: each keeps a record in the cluster's keyed store for as long as it lives.

use super::protocol::HIVE_SERVICE;
use crate::catalog::{KeyedStore, StoreError, Transaction};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use skep_wire::{Dialer, Endpoint};
use std::time::Duration;

const SERVICES: &str = "hive/service/";
/// How often a service says that it lives.
pub const BEAT: Duration = Duration::from_secs(10);
/// After so long without a word a service is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(50);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Differs from start to start, and is what the ids of its sessions begin with.
    pub id: String,
    pub endpoint: Endpoint,
    /// Name of its machine.
    pub host: String,
    /// When it last said so, by its own clock.
    pub alive_seconds: i64,
}

impl ServiceRecord {
    pub fn new(id: String, endpoint: Endpoint, host: String) -> ServiceRecord {
        ServiceRecord { id, endpoint, host, alive_seconds: Utc::now().timestamp() }
    }

    /// Whether what has this owner is of one of its sessions.
    pub fn owns(&self, owner: &str) -> bool {
        owner.strip_prefix(&self.id).is_some_and(|rest| rest.starts_with('/'))
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

/// Those that live, as `own` sees it. It forgets those that have been silent for long, and those of its own machine that
/// nobody listens for any more: they were killed.
pub async fn living(
    store: &dyn KeyedStore,
    dialer: &Dialer,
    own: &ServiceRecord,
) -> Result<Vec<ServiceRecord>, StoreError> {
    let mut living = Vec::new();
    for record in services(store).await? {
        if record.id != own.id && (!record.seems_alive() || was_killed(&record, dialer, own).await) {
            record.withdraw(store).await?;
        } else {
            living.push(record);
        }
    }
    Ok(living)
}

async fn was_killed(record: &ServiceRecord, dialer: &Dialer, own: &ServiceRecord) -> bool {
    record.host == own.host
        && (record.endpoint == own.endpoint
            || dialer
                .channel(&record.endpoint, HIVE_SERVICE)
                .await
                .is_err_and(|error| error.nobody_listens()))
}
