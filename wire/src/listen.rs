//! Accepting connections.

#[cfg(test)]
mod tests;

use crate::{
    Connection, Endpoint, Identity, Mode, Secret,
    connection::Stream,
    handshake::{self, HandshakeError, Refusal},
    limits::{ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, HANDSHAKE_DEADLINE, HANDSHAKES_RUNNING_MAX},
};
use rustix::{
    fs::{Mode as Permissions, chmod},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};
use std::{
    io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Connections that the system keeps waiting for a Unix listener.
const BACKLOG: i32 = 1024;

/// Decides, by service name, what happens on an authenticated connection.
pub trait Acceptor: Send + Sync + 'static {
    /// Asked in the handshake, before the welcome: may this identity open this service in this mode?
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal>;
    /// Serves the connection until it ends. Runs in a task of its own.
    fn accept(self: Arc<Self>, connection: Connection) -> impl Future<Output = ()> + Send;
}

/// A bound socket. `Endpoint::Tcp("127.0.0.1:0")` binds a free port; `endpoint` tells which.
pub struct Listener {
    pub endpoint: Endpoint,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "held for its drop")] SocketFile),
}

/// The name of a Unix socket, which goes when its listener goes.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds. The file of a Unix socket gets mode 0600; one that a dead process left behind is replaced.
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Listener> {
        let bound = match endpoint {
            Endpoint::Tcp(address) => bind_tcp(address).await,
            Endpoint::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {endpoint}: {error}")))
    }

    /// Accepts until `stop` is cancelled. Garbage, wrong secrets and slow handshakes cost their own socket only and
    /// are logged once each with the remote address. Returns after the accept loop ended; open connections are
    /// dropped with it.
    pub async fn serve<A: Acceptor>(self, secret: Secret, acceptor: Arc<A>, stop: CancellationToken) {
        let secret = Arc::new(secret);
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_RUNNING_MAX));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => log_panic(ended),
                (stream, remote, permit) = self.next(&handshakes) => {
                    let (secret, acceptor) = (secret.clone(), acceptor.clone());
                    connections.spawn(serve_one(stream, remote, permit, secret, acceptor));
                }
            }
        }
        drop(self);
        connections.shutdown().await;
    }

    /// The next socket and the right to make its handshake. Outlasts every error of the system: connections that
    /// were gone before they were accepted, and a process out of descriptors, which is worth waiting for.
    async fn next(&self, handshakes: &Arc<Semaphore>) -> (Stream, String, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed.
        let permit = handshakes.clone().acquire_owned().await.ok();
        let mut pause = ACCEPT_PAUSE_MIN;
        loop {
            match self.accept().await {
                Ok((stream, remote)) => return (stream, remote, permit),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(endpoint = %self.endpoint, %error, ?pause, "cannot accept connections: waiting");
                    sleep(pause).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<(Stream, String)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::tcp(stream)?, address.to_string()))
            }
            Socket::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let process = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
                let remote = match process {
                    Some(process) => format!("{} (process {process})", self.endpoint),
                    None => self.endpoint.to_string(),
                };
                Ok((Stream::unix(stream), remote))
            }
        }
    }
}

/// Handshake, then the acceptor.
async fn serve_one<A: Acceptor>(
    mut stream: Stream,
    remote: String,
    permit: Option<OwnedSemaphorePermit>,
    secret: Arc<Secret>,
    acceptor: Arc<A>,
) {
    let admit = |hello: &handshake::Hello| acceptor.admit(&hello.service, hello.mode, &hello.identity);
    let hello = match timeout(HANDSHAKE_DEADLINE, handshake::accept(&mut stream, &secret, admit)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(HandshakeError::Refused(refusal))) => {
            return tracing::warn!(%remote, ?refusal, "refused a connection");
        }
        Ok(Err(HandshakeError::Io(error))) => {
            return tracing::warn!(%remote, %error, "a connection ended within its handshake");
        }
        Err(_) => return tracing::warn!(%remote, "a handshake took longer than {HANDSHAKE_DEADLINE:?}"),
    };
    drop(permit);
    let connection =
        Connection { service: hello.service, mode: hello.mode, identity: hello.identity, remote, io: stream };
    acceptor.accept(connection).await;
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "serving a connection panicked");
    }
}

/// Errors of `accept` that are the connection's and not the listener's.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | ConnectionRefused | NotConnected | InvalidInput
    )
}

async fn bind_tcp(address: &str) -> io::Result<Listener> {
    let listener = TcpListener::bind(address).await?;
    Ok(Listener {
        endpoint: Endpoint::Tcp(listener.local_addr()?.to_string()),
        socket: Socket::Tcp(listener),
    })
}

async fn bind_unix(path: &Path) -> io::Result<Listener> {
    let address = SocketAddrUnix::new(path).map_err(|error| {
        let length = path.as_os_str().len();
        io::Error::new(
            io::Error::from(error).kind(),
            format!("the path has {length} bytes, a Unix socket's may have 107: use a shorter directory"),
        )
    })?;
    remove_stale(path).await?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &address)?;
    let file = SocketFile(path.to_owned());
    // Before `listen`: nobody can connect while others than the owner could.
    chmod(path, Permissions::RUSR | Permissions::WUSR)?;
    listen(&socket, BACKLOG)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok(Listener { endpoint: Endpoint::Unix(path.to_owned()), socket: Socket::Unix(listener, file) })
}

/// Removes the file of a socket that nobody listens on any more.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file is there and is not a socket",
            ));
        }
        Ok(_) => {}
    }
    match tokio::net::UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")),
    }
}
