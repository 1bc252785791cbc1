//! The sending end of a write pipeline: packets go out, acknowledgements come back at the same time.
//!
//! ```text
//! open ──► Ready ──► send* (Acknowledged*) ──► finish ──► Written
//!   │                  │                         │
//!   └──────────────────┴────── PipelineFailure ◄─┘     says which worker to do without
//! ```

use super::{Channels, Lent, RemoteError};
use crate::{
    BlockId, Generation, WorkerId,
    protocol::{
        blocks::{BlockReply, BlockRequest, Finish},
        namespace::Location,
    },
};
use skep_wire::{Channel, ChannelError};
use std::{pin::pin, time::Duration};
use tokio::time::timeout;

/// How long to listen for a worker's reason after its connection broke.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub struct Pipeline {
    lent: Lent,
    /// The worker this end speaks to.
    first: WorkerId,
    stall: Duration,
    acknowledged: u64,
}

/// A pipeline could not be built, or broke.
#[derive(Debug, thiserror::Error)]
#[error("{worker} failed: {cause}")]
pub struct PipelineFailure {
    /// The one to do without.
    pub worker: WorkerId,
    pub cause: RemoteError,
}

impl PipelineFailure {
    pub fn new(first: WorkerId, cause: RemoteError) -> PipelineFailure {
        let worker = match &cause {
            RemoteError::Refused { at, error } => error.blames(*at),
            _ => first,
        };
        PipelineFailure { worker, cause }
    }
}

impl Pipeline {
    /// Builds the pipeline through all `targets` (at least one).
    pub async fn open(
        channels: &Channels,
        block: BlockId,
        generation: Generation,
        resume_at: u64,
        first: &Location,
        downstream: Vec<Location>,
    ) -> Result<Pipeline, PipelineFailure> {
        let stall = channels.stall_limit(downstream.len());
        let request = BlockRequest::Write { block, generation, resume_at, downstream };
        let failure = |cause| PipelineFailure::new(first.worker, cause);
        match channels.start(first, &request, stall).await.map_err(failure)? {
            (lent, BlockReply::Ready) => {
                Ok(Pipeline { lent, first: first.worker, stall, acknowledged: resume_at })
            }
            _ => Err(failure(RemoteError::OutOfTurn)),
        }
    }

    /// What every worker of the pipeline has written, in bytes from the block's beginning.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Sends one packet.
    pub async fn send(&mut self, payload: &[u8]) -> Result<(), PipelineFailure> {
        let outcome = self.send_and_listen(payload).await;
        self.blame(outcome).await
    }

    /// Waits until no more than `window_bytes` of the `sent_bytes` are unacknowledged.
    pub async fn await_window(&mut self, sent_bytes: u64, window_bytes: u64) -> Result<(), PipelineFailure> {
        if self.acknowledged + window_bytes >= sent_bytes {
            return Ok(());
        }
        let outcome = async {
            self.lent.channel.flush().await?;
            while self.acknowledged + window_bytes < sent_bytes {
                match self.reply().await? {
                    BlockReply::Acknowledged { len_bytes } => self.acknowledged = len_bytes,
                    _ => return Err(RemoteError::OutOfTurn),
                }
            }
            Ok(())
        };
        let outcome = outcome.await;
        self.blame(outcome).await
    }

    /// Ends the block; returns the workers on which it is durable.
    pub async fn finish(mut self, finish: Finish) -> Result<Vec<WorkerId>, PipelineFailure> {
        let outcome = async {
            self.lent.channel.send(&finish).await?;
            loop {
                match self.reply().await? {
                    BlockReply::Acknowledged { .. } => {}
                    BlockReply::Written { replicas } => return Ok(replicas),
                    _ => return Err(RemoteError::OutOfTurn),
                }
            }
        };
        let outcome = outcome.await;
        let replicas = self.blame(outcome).await?;
        self.lent.give_back();
        Ok(replicas)
    }

    async fn send_and_listen(&mut self, payload: &[u8]) -> Result<(), RemoteError> {
        let (sender, receiver) = self.lent.channel.halves();
        let mut sending = pin!(timeout(self.stall, sender.send_payload(payload)));
        loop {
            tokio::select! {
                biased;
                reply = receiver.receive::<BlockReply>() => match reply? {
                    BlockReply::Acknowledged { len_bytes } => self.acknowledged = len_bytes,
                    BlockReply::Failed { at, error } => return Err(RemoteError::Refused { at, error }),
                    _ => return Err(RemoteError::OutOfTurn),
                },
                sent = &mut sending => return match sent {
                    Ok(sent) => Ok(sent?),
                    Err(_) => Err(RemoteError::Stalled(self.stall)),
                },
            }
        }
    }

    async fn reply(&mut self) -> Result<BlockReply, RemoteError> {
        next_reply(&mut self.lent.channel, self.stall).await
    }

    /// Finds out whose fault it was. A connection that broke while this side was sending may still hold the reason.
    async fn blame<T>(&mut self, outcome: Result<T, RemoteError>) -> Result<T, PipelineFailure> {
        let mut cause = match outcome {
            Ok(value) => return Ok(value),
            Err(cause) => cause,
        };
        if matches!(cause, RemoteError::Channel(ChannelError::Io(_) | ChannelError::Closed)) {
            loop {
                match next_reply(&mut self.lent.channel, LAST_WORDS).await {
                    Ok(_) => {}
                    Err(refusal @ RemoteError::Refused { .. }) => {
                        cause = refusal;
                        break;
                    }
                    Err(_) => break,
                }
            }
        }
        Err(PipelineFailure::new(self.first, cause))
    }
}

async fn next_reply(channel: &mut Channel, deadline: Duration) -> Result<BlockReply, RemoteError> {
    match timeout(deadline, channel.receive::<BlockReply>()).await {
        Err(_) => Err(RemoteError::Stalled(deadline)),
        Ok(Ok(BlockReply::Failed { at, error })) => Err(RemoteError::Refused { at, error }),
        Ok(reply) => Ok(reply?),
    }
}
