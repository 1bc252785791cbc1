//! A socket after its handshake: TCP, Unix, or a pipe in memory for tests.

use crate::limits::{
    KEEP_ALIVE_IDLE, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_PROBES, MEMORY_PIPE_BYTES, UNACKNOWLEDGED_MAX,
};
use rustix::net::sockopt;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    net::{TcpStream, UnixStream, tcp, unix},
};

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
    /// At the accepting end, who connected; at the connecting end, as whom it did.
    pub identity: Identity,
    /// The other end's address as text, for logs.
    pub remote: String,
    pub(crate) io: Stream,
}

impl Connection {
    /// Two ends of a connection inside this process: the transport's twin for tests.
    pub fn pair(service: &str, mode: Mode, identity: Identity) -> (Connection, Connection) {
        let (left, right) = Stream::pair();
        let end = |io| Connection {
            service: service.to_owned(),
            mode,
            identity: identity.clone(),
            remote: "memory".to_owned(),
            io,
        };
        (end(left), end(right))
    }
}

/// The byte stream itself, in its two halves.
pub(crate) struct Stream {
    pub(crate) read: ReadHalf,
    pub(crate) write: WriteHalf,
}

impl Stream {
    /// A TCP stream that sends small frames at once and notices when the other machine is gone.
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE_INTERVAL)?;
        sockopt::set_tcp_keepcnt(&stream, KEEP_ALIVE_PROBES)?;
        let unacknowledged = u32::try_from(UNACKNOWLEDGED_MAX.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(&stream, unacknowledged)?;
        let (read, write) = stream.into_split();
        Ok(Stream { read: ReadHalf::Tcp(read), write: WriteHalf::Tcp(write) })
    }

    pub(crate) fn unix(stream: UnixStream) -> Stream {
        let (read, write) = stream.into_split();
        Stream { read: ReadHalf::Unix(read), write: WriteHalf::Unix(write) }
    }

    /// One pipe for each direction, so that dropping a half looks to the other end as it does on a socket.
    pub(crate) fn pair() -> (Stream, Stream) {
        let (left_write, right_read) = duplex(MEMORY_PIPE_BYTES);
        let (right_write, left_read) = duplex(MEMORY_PIPE_BYTES);
        (
            Stream { read: ReadHalf::Memory(left_read), write: WriteHalf::Memory(left_write) },
            Stream { read: ReadHalf::Memory(right_read), write: WriteHalf::Memory(right_write) },
        )
    }
}

/// An enum and no trait object, because descriptors pass over Unix sockets only.
pub(crate) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Memory(DuplexStream),
}

pub(crate) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
    Memory(DuplexStream),
}

/// Calls the method on whatever stream it is.
macro_rules! on_stream {
    ($half:expr, $stream:ident => $call:expr) => {
        match $half {
            Self::Tcp($stream) => $call,
            Self::Unix($stream) => $call,
            Self::Memory($stream) => $call,
        }
    };
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        on_stream!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(context))
    }
}
