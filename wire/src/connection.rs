//! A socket after its handshake: TCP, Unix, or a pipe in memory for tests.

use tokio::io::{AsyncRead, AsyncWrite};

/// Any byte stream that a connection can run on.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Who is at the other end, as proved by the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Cluster,
    Job(String),
}

/// What the connection will carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Calls and messages, multiplexed: [`crate::Peer`].
    Calls,
    /// One exchange at a time: [`crate::Channel`].
    Exchange,
}

/// An authenticated byte stream with both ends agreed on service and mode.
pub struct Connection {
    pub service: String,
    pub mode: Mode,
    pub identity: Identity,
    /// The other end's address as text, for logs.
    pub remote: String,
    pub(crate) io: Box<dyn Io>,
}

impl Connection {
    /// Two ends of a connection inside this process: the transport's twin for tests.
    pub fn pair(service: &str, mode: Mode, identity: Identity) -> (Connection, Connection) {
        unimplemented!()
    }
}
