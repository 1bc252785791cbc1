//! Accepting connections.

use crate::{Connection, Endpoint, Identity, Mode, Secret, handshake::Refusal};
use std::{io, sync::Arc};
use tokio_util::sync::CancellationToken;

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
}

impl Listener {
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Listener> {
        unimplemented!()
    }

    /// Accepts until `stop` is cancelled. Garbage, wrong secrets and slow handshakes cost their own socket only and
    /// are logged once each with the remote address. Returns after the accept loop ended; open connections are
    /// dropped with it.
    pub async fn serve<A: Acceptor>(self, secret: Secret, acceptor: Arc<A>, stop: CancellationToken) {
        unimplemented!()
    }
}
