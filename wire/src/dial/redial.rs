//! A client of one service that outlives its connections.

use super::Dialer;
use crate::{
    CallError, DialError, Endpoint, Mode, Peer,
    limits::{REDIAL_PAUSE_MAX, REDIAL_PAUSE_MIN},
    peer::NoService,
};
use rand::Rng;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

/// A client of one service that connects when first used and again, with jittered back-off (10 ms to 2 s), when the
/// connection is lost. Cheap to clone. For clients that only call; a server that must push to its clients holds
/// the accepted [`Peer`].
#[derive(Clone)]
pub struct Redial {
    shared: Arc<Shared>,
}

struct Shared {
    dialer: Dialer,
    endpoint: Endpoint,
    service: String,
    /// How often dialing failed: who waited for the lock while somebody else failed shares the failure.
    failures: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    peer: Option<Peer>,
    failure: Option<DialError>,
}

impl Redial {
    pub fn new(dialer: Dialer, endpoint: Endpoint, service: &str) -> Redial {
        Redial {
            shared: Arc::new(Shared {
                dialer,
                endpoint,
                service: service.to_owned(),
                failures: AtomicU64::new(0),
                state: Mutex::default(),
            }),
        }
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Calls once on the live connection (connecting first if there is none). Never repeats a request by itself: the
    /// caller knows whether that is safe. `Closed` after the request was sent means: it may or may not have run.
    pub async fn call<Q, A>(&self, request: &Q, deadline: Duration) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let end = Instant::now() + deadline;
        // Not `Deadline`: nothing was sent, so that calling again is safe.
        let late = |_| DialError::Timeout { endpoint: self.shared.endpoint.clone(), waited: deadline };
        let peer = timeout(deadline, self.peer()).await.map_err(late)??;
        match peer.call(request, end.saturating_duration_since(Instant::now())).await {
            Err(CallError::Deadline(_)) => Err(CallError::Deadline(deadline)),
            answered => answered,
        }
    }

    /// Calls and, for as long as `patience` lasts, connects and calls again when the connection fails or is lost.
    /// For requests that may run twice (reads, and calls that carry an idempotency id). A live connection on which
    /// the deadline passes is not lost: `Deadline` is returned at once.
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
        let end = Instant::now() + patience;
        let mut pauses = Pauses::new();
        loop {
            let error = match self.call(request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_lost = match &error {
                CallError::Closed => true,
                CallError::Dial(error) => error.retryable(),
                _ => false,
            };
            let pause = pauses.next();
            if !is_lost || Instant::now() + pause >= end {
                return Err(error);
            }
            tracing::debug!(endpoint = %self.shared.endpoint, %error, ?pause, "calling again");
            sleep(pause).await;
        }
    }

    /// The live peer, connecting if there is none.
    pub async fn peer(&self) -> Result<Peer, CallError> {
        let Shared { dialer, endpoint, service, failures, state } = &*self.shared;
        let failures_before = failures.load(Ordering::Acquire);
        let mut state = state.lock().await;
        if let Some(peer) = state.peer.as_ref().filter(|peer| !peer.is_closed()) {
            return Ok(peer.clone());
        }
        if let Some(failure) = &state.failure
            && failures.load(Ordering::Acquire) != failures_before
        {
            return Err(failure.clone().into());
        }
        match dialer.connect(endpoint, service, Mode::Calls).await {
            Ok(connection) => {
                let peer = Peer::start(connection, Arc::new(NoService));
                *state = State { peer: Some(peer.clone()), failure: None };
                Ok(peer)
            }
            Err(error) => {
                failures.fetch_add(1, Ordering::Release);
                *state = State { peer: None, failure: Some(error.clone()) };
                Err(error.into())
            }
        }
    }
}

/// Exponential back-off with full jitter above the smallest pause.
struct Pauses {
    bound: Duration,
}

impl Pauses {
    fn new() -> Pauses {
        Pauses { bound: REDIAL_PAUSE_MIN }
    }

    fn next(&mut self) -> Duration {
        let pause = rand::rng().random_range(REDIAL_PAUSE_MIN..=self.bound);
        self.bound = (self.bound * 2).min(REDIAL_PAUSE_MAX);
        pause
    }
}

#[cfg(test)]
mod tests;
