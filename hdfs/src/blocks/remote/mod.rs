//! The asking side of a block server's exchanges: for clients, and for workers that copy, recover and forward.

mod channels;
mod exchange;
mod pipeline;

pub use channels::{Channels, Lent};
pub use exchange::{checksum, describe, finalise, open_local, packets, read};
pub use pipeline::{Pipeline, PipelineFailure};

use crate::{WorkerId, blocks::verified::ReadFault, protocol::blocks::BlockError};
use skep_wire::{ChannelError, DialError};
use std::time::Duration;

/// An exchange with a block server came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("{0}")]
    Channel(#[from] ChannelError),
    #[error("{at}: {error}")]
    Refused { at: WorkerId, error: BlockError },
    #[error("it answered out of turn: use the same release on both sides")]
    OutOfTurn,
    #[error("no progress within {0:?}")]
    Stalled(Duration),
    #[error("it sent {found} bytes, {expected} were asked for")]
    Short { found: u64, expected: u64 },
    /// A descriptor was had, and the bytes behind it are bad.
    #[error("{0}")]
    Local(#[from] ReadFault),
}

impl RemoteError {
    /// What the block server itself said, if it did.
    pub fn refusal(&self) -> Option<&BlockError> {
        match self {
            RemoteError::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Whether the replica there was seen to be bad.
    pub fn is_bad_replica(&self) -> bool {
        match self {
            RemoteError::Refused { error, .. } => error.is_bad_replica(),
            RemoteError::Local(fault) => fault.is_damage(),
            _ => false,
        }
    }
}
