//! What the master tells this worker to do with its blocks.

use super::BlockServer;
use crate::{
    BlockId, Generation, WorkerId,
    protocol::{
        blocks::BlockError,
        control::{BlockCommand, BlockReport},
    },
};
use std::sync::{Arc, PoisonError};

/// Work for the master that goes on in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    Copy(BlockId, Generation, WorkerId),
    Recover(BlockId, Generation),
    Verify(BlockId, Generation),
}

impl BlockServer {
    /// Carries out a command of the master in the background; bounded; repeated commands are harmless.
    pub fn command(self: &Arc<Self>, command: BlockCommand) {
        let server = self.clone();
        match command {
            BlockCommand::Copy { block, generation, to } => {
                self.run(Errand::Copy(block, generation, to.worker), async move {
                    server.copy(block, generation, to).await;
                });
            }
            BlockCommand::Recover { block, generation, others } => {
                self.run(Errand::Recover(block, generation), async move {
                    server.recover(block, generation, others).await;
                });
            }
            BlockCommand::Erase(replicas) => {
                tokio::spawn(async move { server.erase(replicas).await });
            }
            BlockCommand::Verify { block, generation } => {
                self.run(Errand::Verify(block, generation), async move {
                    server.look_at(block, generation).await;
                });
            }
            BlockCommand::ReportAll => {
                tokio::spawn(async move { server.report(server.store.report_all()).await });
            }
        }
    }

    #[cfg(test)]
    pub(super) fn errands(&self) -> usize {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Runs an errand once there is a slot for it, unless the same one is waiting or running already.
    fn run(self: &Arc<Self>, errand: Errand, work: impl Future<Output = ()> + Send + 'static) {
        let started = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(errand);
        if !started {
            tracing::debug!(?errand, "is under way already");
            return;
        }
        let underway = UnderWay { server: self.clone(), errand };
        tokio::spawn(async move {
            // The semaphore is never closed.
            if let Ok(_slot) = underway.server.repairs.acquire().await {
                work.await;
            }
        });
    }

    /// A reader complained of this replica. The store reports a bad one itself.
    async fn look_at(&self, block: BlockId, generation: Generation) {
        match self.on_disk(block, move |store| store.verify(block, generation)).await {
            Ok(_) => tracing::info!(%block, "a replica that a reader complained of is good"),
            Err(BlockError::NotHere { .. }) => self.report(BlockReport::Erased(vec![block])).await,
            Err(error) => tracing::warn!(%error, "a replica that a reader complained of"),
        }
    }

    async fn erase(&self, replicas: Vec<(BlockId, Generation)>) {
        let Some((first, _)) = replicas.first().copied() else { return };
        let gone = self.on_disk(first, move |store| {
            let erased = replicas.into_iter().filter(|(block, generation)| {
                let outcome = store.erase(*block, *generation);
                if let Err(error) = &outcome {
                    tracing::warn!(%error, "a replica cannot be erased");
                }
                outcome.is_ok_and(|erased| erased.is_gone())
            });
            Ok(erased.map(|(block, _)| block).collect::<Vec<_>>())
        });
        match gone.await {
            Ok(gone) if !gone.is_empty() => self.report(BlockReport::Erased(gone)).await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "erasing replicas failed"),
        }
    }
}

/// Forgets the errand however it ends.
struct UnderWay {
    server: Arc<BlockServer>,
    errand: Errand,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.server.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.errand);
    }
}
