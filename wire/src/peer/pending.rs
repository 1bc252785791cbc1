//! Calls that this side made and that wait for their answer.

use super::outgoing::Outgoing;
use crate::{
    CallError,
    frame::{Header, Kind, Outcome},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;

pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) body: Bytes,
}

pub(super) struct Pending {
    last_id: AtomicU64,
    /// `None` once the connection is closed: dropping the senders has told every waiting call.
    calls: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
}

/// One call that waits. Dropped before its answer came, it tells the other side that nobody waits any more.
pub(super) struct Waiting<'a> {
    id: u64,
    answer: oneshot::Receiver<Answer>,
    pending: &'a Pending,
    outgoing: &'a Outgoing,
}

impl Pending {
    pub(super) fn new() -> Pending {
        Pending { last_id: AtomicU64::new(0), calls: Mutex::new(Some(HashMap::new())) }
    }

    /// `None` when the connection is closed.
    pub(super) fn expect_answer<'a>(&'a self, outgoing: &'a Outgoing) -> Option<Waiting<'a>> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.lock().as_mut()?.insert(id, sender);
        Some(Waiting { id, answer, pending: self, outgoing })
    }

    /// Hands an answer to its call. One that came too late is dropped: its call was cancelled or timed out.
    pub(super) fn answered(&self, id: u64, answer: Answer) {
        if let Some(call) = self.remove(id) {
            let _ = call.send(answer);
        }
    }

    /// Fails every call that waits, and every later one.
    pub(super) fn close(&self) {
        let calls = self.lock().take();
        drop(calls);
    }

    fn remove(&self, id: u64) -> Option<oneshot::Sender<Answer>> {
        self.lock().as_mut()?.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Answer>>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) async fn answer(&mut self) -> Result<Answer, CallError> {
        (&mut self.answer).await.map_err(|_| CallError::Closed)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Still there: no answer came. The request may not even have been sent; then the other side has nothing to
        // cancel and ignores this.
        if self.pending.remove(self.id).is_some() {
            self.outgoing.push_bare(Header::bare(Kind::Cancel).with_id(self.id));
        }
    }
}
