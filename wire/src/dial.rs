//! Connecting. [`Redial`] connects again.

mod redial;

pub use redial::Redial;

use crate::{
    Channel, Connection, Credential, DialError, Endpoint, Identity, Mode,
    connection::Stream,
    handshake::{self, HandshakeError},
    limits::{CONNECT_DEADLINE, HANDSHAKE_DEADLINE},
};
use std::{io, sync::Arc};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// Opens connections with one credential.
#[derive(Clone, Debug)]
pub struct Dialer {
    pub credential: Credential,
}

impl Dialer {
    pub fn new(credential: Credential) -> Dialer {
        Dialer { credential }
    }

    /// One attempt.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        service: &str,
        mode: Mode,
    ) -> Result<Connection, DialError> {
        let failed = |error| DialError::Connect { endpoint: endpoint.clone(), source: Arc::new(error) };
        let late = |waited| DialError::Timeout { endpoint: endpoint.clone(), waited };
        let mut stream = timeout(CONNECT_DEADLINE, open(endpoint))
            .await
            .map_err(|_| late(CONNECT_DEADLINE))?
            .map_err(failed)?;
        timeout(HANDSHAKE_DEADLINE, handshake::connect(&mut stream, &self.credential, service, mode))
            .await
            .map_err(|_| late(HANDSHAKE_DEADLINE))?
            .map_err(|error| match error {
                HandshakeError::Refused(refusal) => {
                    DialError::Refused { endpoint: endpoint.clone(), refusal }
                }
                HandshakeError::Io(error) => failed(error),
            })?;
        let identity = match &self.credential {
            Credential::Cluster(_) => Identity::Cluster,
            Credential::Job { job, .. } => Identity::Job(job.clone()),
        };
        Ok(Connection {
            service: service.to_owned(),
            mode,
            identity,
            remote: endpoint.to_string(),
            io: stream,
        })
    }

    /// A channel for one or more exchanges.
    pub async fn channel(&self, endpoint: &Endpoint, service: &str) -> Result<Channel, DialError> {
        Ok(Channel::new(self.connect(endpoint, service, Mode::Exchange).await?))
    }
}

async fn open(endpoint: &Endpoint) -> io::Result<Stream> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            // Dialing a free port of this machine can pick that very port as its own and connect to itself, which
            // would also keep the server from binding it.
            if stream.local_addr()? == stream.peer_addr()? {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Stream::tcp(stream)
        }
        Endpoint::Unix(path) => Ok(Stream::unix(UnixStream::connect(path).await?)),
    }
}
