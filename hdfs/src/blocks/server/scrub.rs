//! Re-reads replicas slowly, to find decay before a reader does.

use super::BlockServer;
use std::{sync::Arc, time::Duration};

/// How long to rest when there is nothing to read.
const REST: Duration = Duration::from_secs(60);

impl BlockServer {
    /// Goes round all finalised replicas for ever, at no more than `bytes_per_second` on average. Spawn it and abort it.
    pub async fn scrub(self: Arc<Self>, bytes_per_second: u64) {
        let mut last = None;
        loop {
            let Some(replica) = self.store.finalised_after(last) else {
                last = None;
                tokio::time::sleep(REST).await;
                continue;
            };
            last = Some(replica.block);
            let look =
                self.on_disk(replica.block, move |store| store.verify(replica.block, replica.generation));
            if let Err(error) = look.await {
                tracing::info!(%error, "scrubbing passes over a replica");
            }
            let seconds = replica.len_bytes as f64 / bytes_per_second.max(1) as f64;
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
    }
}
