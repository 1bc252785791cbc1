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
        match self {
            DialError::Connect { source, .. } => {
                matches!(source.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
            }
            DialError::Timeout { .. } | DialError::Refused { .. } => false,
        }
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
    #[error("the other side failed while it worked on the request: its log says why")]
    Failed,
    #[error("a message of {bytes} bytes is over the limit of {limit}: split it")]
    TooLarge { bytes: usize, limit: usize },
}

impl CallError {
    /// Whether the same call may succeed later, on another connection. After `Closed` it may have run already.
    pub fn retryable(&self) -> bool {
        match self {
            CallError::Closed | CallError::Deadline(_) => true,
            CallError::Dial(error) => error.retryable(),
            CallError::Decode(_)
            | CallError::Unreadable(_)
            | CallError::Failed
            | CallError::TooLarge { .. } => false,
        }
    }
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

impl ChannelError {
    /// Whether the same exchange may succeed later, on another connection.
    pub fn retryable(&self) -> bool {
        match self {
            ChannelError::Closed
            | ChannelError::Io(_)
            | ChannelError::Corrupt { .. }
            | ChannelError::Deadline(_) => true,
            ChannelError::Dial(error) => error.retryable(),
            ChannelError::TooLarge { .. } | ChannelError::Unexpected { .. } | ChannelError::Decode(_) => {
                false
            }
        }
    }
}

/// A connection that the other side ended, in whichever way the system says it, is closed.
impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> ChannelError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => ChannelError::Closed,
            _ => ChannelError::Io(Arc::new(error)),
        }
    }
}
