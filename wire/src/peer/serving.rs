//! The other side's calls while they run here, and its one-way messages while they are handled.

use super::{
    Peer, Service, header_of,
    outgoing::Outgoing,
    reading::{Told, tell_places},
};
use crate::{
    codec,
    frame::{Header, Kind, Outcome},
    limits::{MESSAGE_BYTES_MAX, TELLS_UNHANDLED_MAX},
};
use bytes::Bytes;
use futures::FutureExt;
use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::AbortHandle,
    time::timeout,
};

/// Tasks of running calls by id. `None` once the connection is closed.
pub(super) struct Running(Mutex<Option<HashMap<u64, AbortHandle>>>);

impl Running {
    pub(super) fn new() -> Running {
        Running(Mutex::new(Some(HashMap::new())))
    }

    /// Starts `call` unless the connection is closed.
    fn spawn(&self, id: u64, call: impl Future<Output = ()> + Send + 'static) {
        // Under the lock, so that the task cannot have ended, and forgotten itself, before it is remembered.
        if let Some(calls) = self.lock().as_mut()
            && let Some(other) = calls.insert(id, tokio::spawn(call).abort_handle())
        {
            // Ids are never used twice; a peer that does so loses the earlier call.
            other.abort();
        }
    }

    fn ended(&self, id: u64) {
        if let Some(calls) = self.lock().as_mut() {
            calls.remove(&id);
        }
    }

    pub(super) fn cancel(&self, id: u64) {
        let call = self.lock().as_mut().and_then(|calls| calls.remove(&id));
        if let Some(call) = call {
            call.abort();
        }
    }

    pub(super) fn close(&self) {
        let calls = self.lock().take();
        for call in calls.into_iter().flat_map(HashMap::into_values) {
            call.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, AbortHandle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one call in a task of its own, which holds `room` until it ends.
pub(super) fn start_call<S: Service>(
    from: &Peer,
    service: &Arc<S>,
    header: Header,
    body: Bytes,
    room: OwnedSemaphorePermit,
) {
    let (own, service) = (from.for_own_tasks(), service.clone());
    from.shared.running.spawn(header.id, async move {
        let deadline = Duration::from_millis(header.extra.into());
        // After the deadline the caller is gone: no answer.
        if timeout(deadline, answer_call(&own, &*service, header.id, body)).await.is_err() {
            tracing::debug!(remote = %own.remote(), ?deadline, "a call did not end within its deadline");
        }
        own.shared.running.ended(header.id);
        drop(room);
    });
}

async fn answer_call<S: Service>(from: &Peer, service: &S, id: u64, body: Bytes) {
    let (outcome, body) = match codec::decode(&body) {
        Err(error) => {
            tracing::warn!(remote = %from.remote(), %error, "cannot read a request");
            (Outcome::Unreadable, error.to_string().into_bytes())
        }
        Ok(call) => {
            drop(body);
            let answer = async { codec::encode(&service.call(from, call).await) };
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(answer) if answer.len() > MESSAGE_BYTES_MAX => {
                    (Outcome::TooLarge, codec::encode(&(answer.len() as u64)))
                }
                Ok(answer) => (Outcome::Value, answer),
                Err(panic) => {
                    tracing::error!(remote = %from.remote(), panic = panic_text(&*panic), "a call panicked");
                    (Outcome::Failed, Vec::new())
                }
            }
        }
    };
    // Within the limit, as checked above; a closed connection needs no answer.
    if let Ok(header) = header_of(Kind::Answer, &body) {
        let _ = from.shared.outgoing.push(header.with_id(id).with_outcome(outcome), &body).await;
    }
}

/// Handles one-way messages one after the other until `messages` ends or this side closes. What arrived before the
/// other side closed is handled still.
pub(super) async fn handle_tells<S: Service>(
    from: Peer,
    service: Arc<S>,
    mut messages: mpsc::Receiver<Told>,
) {
    let mut receipts = Receipts::default();
    while let Some(message) = messages.recv().await {
        if from.shared.closed_here.load(Ordering::Acquire) {
            break;
        }
        let places = tell_places(message.length());
        match codec::decode(message.body()) {
            Err(error) => tracing::warn!(remote = %from.remote(), %error, "dropped an unreadable message"),
            Ok(message) => {
                let handled = AssertUnwindSafe(async { service.tell(&from, message).await });
                if let Err(panic) = handled.catch_unwind().await {
                    tracing::error!(remote = %from.remote(), panic = panic_text(&*panic), "a message's handler panicked");
                }
            }
        }
        receipts.handled(places, &from.shared.outgoing);
    }
}

/// Places of handled messages that the other side was not told of yet: always fewer than a quarter of all, so that
/// the largest message, which takes three quarters, gets its room in the end.
#[derive(Default)]
struct Receipts {
    places: u32,
}

impl Receipts {
    fn handled(&mut self, places: u32, outgoing: &Outgoing) {
        self.places += places;
        if self.places as usize >= TELLS_UNHANDLED_MAX / 4 {
            outgoing.push_bare(Header::bare(Kind::Handled).with_extra(std::mem::take(&mut self.places)));
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "(no text)",
    }
}
