//! Calls and one-way messages, multiplexed over one connection, in both directions.

use crate::{CallError, Connection};
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// What one side of a connection answers. Both sides may serve; a side that serves nothing uses [`NoService`].
pub trait Service: Send + Sync + 'static {
    type Call: DeserializeOwned + Send + 'static;
    type Answer: Serialize + Send + 'static;
    type Tell: DeserializeOwned + Send + 'static;

    /// Each call runs in its own task, which is cancelled when the caller gives up or the deadline it sent passes.
    fn call(&self, from: &Peer, call: Self::Call) -> impl Future<Output = Self::Answer> + Send;

    /// Messages are handled in the order in which they were sent; the next is not read before this returns.
    fn tell(&self, from: &Peer, message: Self::Tell) -> impl Future<Output = ()> + Send;
}

/// Serves nothing: for the side that only calls.
pub struct NoService;

impl Service for NoService {
    type Call = ();
    type Answer = ();
    type Tell = ();

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, (): ()) {}
}

/// One end of a multiplexed connection. Cheap to clone; the connection closes when `close` is called, the other side
/// goes, or the last clone that is not held by the peer's own tasks is dropped.
#[derive(Clone)]
pub struct Peer {}

impl Peer {
    /// Starts the reading and writing tasks.
    pub fn start<S: Service>(connection: Connection, service: Arc<S>) -> Peer {
        unimplemented!()
    }

    /// Sends a request and waits for its answer. Dropping the future cancels the call at the other side.
    pub async fn call<Q, A>(&self, request: &Q, deadline: Duration) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        unimplemented!()
    }

    /// Queues a message; waits while the queue is full. `Ok` says queued, not received.
    pub async fn tell<M: Serialize + Sync>(&self, message: &M) -> Result<(), CallError> {
        unimplemented!()
    }

    /// Returns once the connection is closed, whoever closed it.
    pub async fn closed(&self) {
        unimplemented!()
    }

    pub fn is_closed(&self) -> bool {
        unimplemented!()
    }

    pub fn close(&self) {
        unimplemented!()
    }

    /// The other end's address as text.
    pub fn remote(&self) -> &str {
        unimplemented!()
    }
}
