//! Recovering a block whose writer is gone: the workers that hold it agree on one length, and keep that.
//!
//! Only replicas of the newest generation found take part: an older one missed a rebuilding of the pipeline and may lack
//! bytes that its writer saw acknowledged. Among them the shortest decides, because every one of them has what was
//! acknowledged.

use super::BlockServer;
use crate::{
    BlockId, Generation, WorkerId,
    blocks::remote,
    protocol::{
        blocks::BlockError,
        control::{BlockReport, Replica},
        namespace::Location,
    },
};
use futures::future::join_all;
use std::sync::Arc;

/// Where a replica lies.
enum Holder {
    Here,
    There(Location),
}

impl BlockServer {
    pub(super) async fn recover(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
        others: Vec<Location>,
    ) {
        let (found, silent) = self.survey(block, &others).await;
        let report = match agree(&found) {
            None if silent.is_empty() => {
                BlockReport::Recovered { block, generation, len_bytes: 0, replicas: Vec::new() }
            }
            None => {
                let reason = format!("no worker that answers holds it; no answer from {}", silent.join(", "));
                BlockReport::RecoverFailed { block, generation, reason }
            }
            Some((newest, len_bytes)) => {
                let holders = found.into_iter().filter(|(_, replica)| replica.generation == newest);
                self.finalise_all(block, generation, len_bytes, holders.map(|(holder, _)| holder)).await
            }
        };
        tracing::info!(?report, "recovered a block whose writer is gone");
        self.report(report).await;
    }

    /// Who holds what, and who does not answer.
    async fn survey(&self, block: BlockId, others: &[Location]) -> (Vec<(Holder, Replica)>, Vec<String>) {
        let mut found = Vec::new();
        let mut silent = Vec::new();
        found.extend(self.store.describe(block).map(|replica| (Holder::Here, replica)));
        let others = others.iter().filter(|other| other.worker != self.worker);
        let answers =
            others.map(|other| async move { (other, remote::describe(&self.channels, other, block).await) });
        for (other, answer) in join_all(answers).await {
            match answer {
                Ok(replica) => {
                    found.extend(replica.map(|replica| (Holder::There(other.clone()), replica)));
                }
                Err(error) => {
                    tracing::warn!(%block, worker = %other.worker, %error, "takes no part in a recovery");
                    silent.push(other.worker.to_string());
                }
            }
        }
        (found, silent)
    }

    async fn finalise_all(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
        holders: impl Iterator<Item = Holder>,
    ) -> BlockReport {
        let outcomes = holders.map(|holder| async move {
            match holder {
                Holder::Here => {
                    let own = self.finalise(block, generation, len_bytes).await;
                    own.map(|_| self.worker).map_err(|error| error.to_string())
                }
                Holder::There(other) => {
                    let there = remote::finalise(&self.channels, &other, block, generation, len_bytes).await;
                    there.map(|()| other.worker).map_err(|error| format!("{}: {error}", other.worker))
                }
            }
        });
        let mut replicas: Vec<WorkerId> = Vec::new();
        let mut failures = Vec::new();
        for outcome in join_all(outcomes).await {
            match outcome {
                Ok(worker) => replicas.push(worker),
                Err(failure) => failures.push(failure),
            }
        }
        if replicas.is_empty() {
            return BlockReport::RecoverFailed { block, generation, reason: failures.join("; ") };
        }
        BlockReport::Recovered { block, generation, len_bytes, replicas }
    }

    /// Finalises the own replica, and reports it.
    pub(super) async fn finalise(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
    ) -> Result<Replica, BlockError> {
        let finalised = self.on_disk(block, move |store| store.finalise_at(block, generation, len_bytes));
        let replica = finalised.await?;
        self.report(BlockReport::Received(vec![replica])).await;
        Ok(replica)
    }
}

/// The newest generation and the shortest length in it.
fn agree(found: &[(Holder, Replica)]) -> Option<(Generation, u64)> {
    let newest = found.iter().map(|(_, replica)| replica.generation).max()?;
    let lengths = found.iter().filter(|(_, replica)| replica.generation == newest);
    Some((newest, lengths.map(|(_, replica)| replica.len_bytes).min()?))
}
