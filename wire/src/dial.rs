//! Connecting, and connecting again.

use crate::{CallError, Channel, Connection, Credential, DialError, Endpoint, Mode, Peer};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

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
        unimplemented!()
    }

    /// A channel for one or more exchanges.
    pub async fn channel(&self, endpoint: &Endpoint, service: &str) -> Result<Channel, DialError> {
        Ok(Channel::new(self.connect(endpoint, service, Mode::Exchange).await?))
    }
}

/// A client of one service that connects when first used and again, with jittered back-off (10 ms to 2 s), when the
/// connection is lost. Cheap to clone. For clients that only call; a server that must push to its clients holds
/// the accepted [`Peer`].
#[derive(Clone)]
pub struct Redial {}

impl Redial {
    pub fn new(dialer: Dialer, endpoint: Endpoint, service: &str) -> Redial {
        unimplemented!()
    }

    /// Calls once on the live connection (connecting first if there is none). Never repeats a request by itself: the
    /// caller knows whether that is safe. `Closed` after the request was sent means: it may or may not have run.
    pub async fn call<Q, A>(&self, request: &Q, deadline: Duration) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        unimplemented!()
    }

    /// Calls and, for as long as `patience` lasts, connects and calls again when the connection fails or is lost.
    /// For requests that may run twice (reads, and calls that carry an idempotency id).
    pub async fn call_again<Q, A>(
        &self,
        request: &Q,
        deadline: Duration,
        patience: Duration,
    ) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        unimplemented!()
    }

    /// The live peer, connecting if there is none.
    pub async fn peer(&self) -> Result<Peer, CallError> {
        unimplemented!()
    }
}
