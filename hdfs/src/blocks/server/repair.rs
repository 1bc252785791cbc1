//! Copying a replica to another worker: re-replication after a loss, and draining.

use super::BlockServer;
use crate::{
    BlockId, Generation,
    blocks::{
        remote::{Pipeline, PipelineFailure, packets},
        store::ReplicaReader,
    },
    protocol::{
        blocks::{BlockError, Finish},
        control::BlockReport,
        namespace::Location,
    },
};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("{0}")]
    Source(#[from] BlockError),
    #[error("{0}")]
    Target(#[from] PipelineFailure),
}

impl BlockServer {
    pub(super) async fn copy(self: &Arc<Self>, block: BlockId, generation: Generation, to: Location) {
        let target = to.worker;
        match self.try_copy(block, generation, &to).await {
            Ok(()) => tracing::info!(%block, %target, "copied a replica"),
            // It got one from elsewhere; it has reported it itself.
            Err(CopyError::Target(PipelineFailure { cause, .. }))
                if matches!(cause.refusal(), Some(BlockError::Exists { .. })) => {}
            Err(error) => {
                tracing::warn!(%block, %target, %error, "cannot copy a replica");
                self.report(BlockReport::CopyFailed { block, to: target, reason: error.to_string() }).await;
            }
        }
    }

    /// What is read is checked here; what arrives is checked there against the checksum that this replica was
    /// finalised with.
    async fn try_copy(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
        to: &Location,
    ) -> Result<(), CopyError> {
        let opened = self.on_disk(block, move |store| {
            let reader = store.open_replica(block, generation)?;
            let crc = reader.crc()?;
            Ok((reader, crc))
        });
        let (reader, crc) = opened.await?;
        let reader = Arc::new(reader);
        let len_bytes = reader.replica().len_bytes;
        let mut pipeline = Pipeline::open(&self.channels, block, generation, 0, to, Vec::new()).await?;
        for piece in packets(len_bytes) {
            let source: Arc<ReplicaReader> = reader.clone();
            let packet = self.on_disk(block, move |_| source.read(piece)).await?;
            pipeline.send(&packet).await?;
        }
        pipeline.finish(Finish { len_bytes, crc }).await?;
        Ok(())
    }
}
