//! What can go wrong between two processes, one enum per operation.

use crate::{codec::DecodeError, endpoint::Endpoint, handshake::Refusal};
use std::{io, sync::Arc, time::Duration};

/// A connection could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DialError {
    #[error("cannot connect to {endpoint}: {source}")]
    Connect { endpoint: Endpoint, source: Arc<io::Error> },
    #[error("cannot connect to {endpoint}: no answer within {waited:?}")]
    Timeout { endpoint: Endpoint, waited: Duration },
    #[error("{endpoint} refused the connection: {refusal}")]
    Refused { endpoint: Endpoint, refusal: Refusal },
}

impl DialError {
    /// Nobody listens there: the process is gone (or not there yet).
    pub fn nobody_listens(&self) -> bool {
        unimplemented!()
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        !matches!(self, DialError::Refused { .. })
    }
}

/// A call got no answer of its service. What the service itself answers is the call's own type.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error("the connection was closed")]
    Closed,
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the other side cannot read the request: {0}")]
    Unreadable(String),
}

/// An exchange on a channel broke.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChannelError {
    #[error("the connection was closed in the middle of an exchange")]
    Closed,
    #[error("{0}")]
    Io(Arc<io::Error>),
    #[error("{bytes} bytes arrived with a wrong checksum (CRC32C {found:08x}, expected {expected:08x})")]
    Corrupt { bytes: usize, found: u32, expected: u32 },
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("expected {expected}, got {found}")]
    Unexpected { expected: &'static str, found: &'static str },
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no progress within {0:?}")]
    Deadline(Duration),
}
