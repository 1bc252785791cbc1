//! Serves a block store: exchanges of clients and other workers, commands of the master.
//!
//! The disk is worked on threads that may block; here is only what goes over the wire and in which order.

mod commands;
mod pipeline;
mod read;
mod recover;
mod repair;
mod scrub;

pub use scrub::ScrubPace;

#[cfg(test)]
mod tests;

use super::{remote::Channels, store::BlockStore};
use crate::{
    BlockId, WorkerId,
    limits::{IDLE_CHANNEL_SERVED, REPAIRS_PER_WORKER_MAX, WRITERS_PER_WORKER_MAX},
    protocol::{
        blocks::{BlockError, BlockReply, BlockRequest},
        control::BlockReport,
    },
};
use skep_wire::{Channel, ChannelError, Dialer, Identity};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};

/// Serves the store. One per worker; what happens to replicas goes out through `reports`.
pub struct BlockServer {
    worker: WorkerId,
    store: Arc<BlockStore>,
    channels: Channels,
    reports: mpsc::Sender<BlockReport>,
    writers: Semaphore,
    repairs: Semaphore,
    /// Copies and recoveries that are under way: a command that comes twice is carried out once.
    under_way: Mutex<BTreeSet<commands::Errand>>,
}

/// What becomes of a channel after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Both sides are through: the next request may come.
    Next,
    /// The other side may be in the middle of something.
    Close,
}

impl BlockServer {
    pub fn new(
        worker: WorkerId,
        store: Arc<BlockStore>,
        dialer: Dialer,
        reports: mpsc::Sender<BlockReport>,
    ) -> Arc<BlockServer> {
        BlockServer::over(worker, store, Channels::new(dialer, None), reports)
    }

    /// With connections of another kind.
    pub(crate) fn over(
        worker: WorkerId,
        store: Arc<BlockStore>,
        channels: Channels,
        reports: mpsc::Sender<BlockReport>,
    ) -> Arc<BlockServer> {
        Arc::new(BlockServer {
            worker,
            store,
            channels,
            reports,
            writers: Semaphore::new(WRITERS_PER_WORKER_MAX),
            repairs: Semaphore::new(REPAIRS_PER_WORKER_MAX),
            under_way: Mutex::default(),
        })
    }

    pub fn store(&self) -> &Arc<BlockStore> {
        &self.store
    }

    /// Serves exchanges on one accepted channel of `BLOCKS_SERVICE` until the other side closes. On a Unix socket
    /// `Open` is answered too.
    pub async fn serve(self: Arc<Self>, mut channel: Channel) {
        loop {
            let request = match timeout(IDLE_CHANNEL_SERVED, channel.receive_or_end::<BlockRequest>()).await {
                Ok(Ok(Some(request))) => request,
                Ok(Ok(None)) | Err(_) => return,
                Ok(Err(error)) => {
                    tracing::debug!(remote = channel.remote(), %error, "a block exchange did not begin");
                    return;
                }
            };
            match self.exchange(&mut channel, request).await {
                Ok(After::Next) => {}
                Ok(After::Close) => return,
                Err(error) => {
                    tracing::debug!(remote = channel.remote(), %error, "a block exchange broke");
                    return;
                }
            }
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        channel: &mut Channel,
        request: BlockRequest,
    ) -> Result<After, ChannelError> {
        let outcome = match request {
            BlockRequest::Write { block, generation, resume_at, downstream } => {
                let order = pipeline::Order { block, generation, resume_at, downstream };
                return self.write(channel, order).await;
            }
            BlockRequest::Read { block, generation, offset, len_bytes } => {
                return self.read(channel, block, generation, offset, len_bytes).await;
            }
            BlockRequest::Open { block, generation } => return self.open(channel, block, generation).await,
            BlockRequest::Checksum { block, generation } => {
                let look = move |store: &Arc<BlockStore>| {
                    let reader = store.open_replica(block, generation)?;
                    Ok((reader.replica().len_bytes, reader.crc()?))
                };
                self.on_disk(block, look)
                    .await
                    .map(|(len_bytes, crc)| BlockReply::Checksum { len_bytes, crc })
            }
            BlockRequest::Describe { block } => Ok(BlockReply::Described(self.store.describe(block))),
            BlockRequest::Finalise { block, generation, len_bytes } => match channel.identity() {
                Identity::Cluster => {
                    let finalised = self.finalise(block, generation, len_bytes).await;
                    finalised.map(|replica| BlockReply::Finalised { len_bytes: replica.len_bytes })
                }
                Identity::Job(_) => Err(BlockError::Forbidden),
            },
        };
        channel.send(&outcome.unwrap_or_else(|error| self.failed(error))).await?;
        Ok(After::Next)
    }

    fn failed(&self, error: BlockError) -> BlockReply {
        BlockReply::Failed { at: self.worker, error }
    }

    /// Works on the disk in a thread that may block; afterwards tells the master of replicas that turned out bad.
    async fn on_disk<T: Send + 'static>(
        &self,
        block: BlockId,
        work: impl FnOnce(&Arc<BlockStore>) -> Result<T, BlockError> + Send + 'static,
    ) -> Result<T, BlockError> {
        let store = self.store.clone();
        let outcome = tokio::task::spawn_blocking(move || work(&store)).await;
        let outcome = outcome.unwrap_or_else(|error| {
            Err(BlockError::Disk { block, reason: format!("the work on it ended early: {error}") })
        });
        if outcome.is_err() {
            self.report_bad().await;
        }
        outcome
    }

    async fn report_bad(&self) {
        for (replica, reason) in self.store.take_bad() {
            self.report(BlockReport::Bad { replica, reason }).await;
        }
    }

    /// A worker that is shutting down has closed the other end: what it would have told is in its next full report.
    async fn report(&self, report: BlockReport) {
        if self.reports.send(report).await.is_err() {
            tracing::debug!("nobody takes block reports any more");
        }
    }
}
