//! Calls and one-way messages, multiplexed over one connection, in both directions.
//!
//! ```text
//! call, tell ──► outgoing ──► writing task ──► stream ──► reading task ─┬─► a task per call ──► answer
//!                (bounded)                                              ├─► one task for all tells, in order
//!      pending ◄────────────────────── answers ─────────────────────────┘
//! ```
//!
//! The reading task never waits for a service: each side sends only as many calls and one-way messages as the other
//! side has room for ([`CALLS_RUNNING_MAX`], [`TELLS_UNHANDLED_MAX`]). So answers always get
//! through, and services of both sides may call each other from within calls and tells.

mod outgoing;
mod pending;
mod reading;
mod serving;
#[cfg(test)]
mod tests;

use crate::{
    CallError, Connection, Identity, codec,
    connection::WriteHalf,
    frame::{Header, Kind, Outcome},
    limits::{CALLS_RUNNING_MAX, CLOSE_FLUSH_DEADLINE, MESSAGE_BYTES_MAX, TELLS_UNHANDLED_MAX},
};
use outgoing::Outgoing;
use pending::Pending;
use serde::{Serialize, de::DeserializeOwned};
use serving::Running;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

/// What one side of a connection answers. Both sides may serve; a side that serves nothing uses [`NoService`].
///
/// A service may keep a clone of the `from` that it is given, to call or tell the other side later. Such a clone
/// counts as any other: while it lives, the connection is not closed by this side.
pub trait Service: Send + Sync + 'static {
    type Call: DeserializeOwned + Send + 'static;
    type Answer: Serialize + Send + 'static;
    type Tell: DeserializeOwned + Send + 'static;

    /// Each call runs in its own task, which is cancelled when the caller gives up, the deadline it sent passes or
    /// the connection ends. What must not stop half-way runs in a task of its own.
    fn call(&self, from: &Peer, call: Self::Call) -> impl Future<Output = Self::Answer> + Send;

    /// Messages are handled in the order in which they were sent; the next is not handled before this returns.
    /// Messages that arrived before the other side closed are handled still. Calls overtake messages.
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
pub struct Peer {
    shared: Arc<Shared>,
    hold: Hold,
}

/// Whether a peer keeps the connection open.
enum Hold {
    Outside(Arc<CloseOnDrop>),
    /// The peer's own tasks.
    Inside(Weak<CloseOnDrop>),
}

struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close_here();
    }
}

/// What the clones of a peer and its tasks share.
struct Shared {
    outgoing: Outgoing,
    /// Calls that wait for the other side's answer.
    pending: Pending,
    /// Room at the other side: for calls that run, and for messages that were not handled yet.
    calls: Semaphore,
    tells: Semaphore,
    /// Calls of the other side that run here.
    running: Running,
    closed: CancellationToken,
    /// It was this side that closed.
    closed_here: AtomicBool,
    identity: Identity,
    remote: String,
}

impl Clone for Peer {
    fn clone(&self) -> Peer {
        let hold = match &self.hold {
            Hold::Outside(hold) => Hold::Outside(hold.clone()),
            Hold::Inside(hold) => match hold.upgrade() {
                Some(hold) => Hold::Outside(hold),
                // The connection is closed already.
                None => Hold::Inside(Weak::new()),
            },
        };
        Peer { shared: self.shared.clone(), hold }
    }
}

impl Peer {
    /// Starts the reading and writing tasks.
    pub fn start<S: Service>(connection: Connection, service: Arc<S>) -> Peer {
        let (read, write) = (connection.io.read, connection.io.write);
        let shared = Arc::new(Shared {
            outgoing: Outgoing::new(),
            pending: Pending::new(),
            calls: Semaphore::new(CALLS_RUNNING_MAX),
            tells: Semaphore::new(TELLS_UNHANDLED_MAX),
            running: Running::new(),
            closed: CancellationToken::new(),
            closed_here: AtomicBool::new(false),
            identity: connection.identity,
            remote: connection.remote,
        });
        let hold = Arc::new(CloseOnDrop(shared.clone()));
        let own = Peer { shared: shared.clone(), hold: Hold::Inside(Arc::downgrade(&hold)) };
        tokio::spawn(write_frames(shared.clone(), write));
        tokio::spawn(reading::read_frames(own, read, service));
        Peer { shared, hold: Hold::Outside(hold) }
    }

    /// Sends a request and waits for its answer. Dropping the future cancels the call at the other side.
    pub async fn call<Q, A>(&self, request: &Q, deadline: Duration) -> Result<A, CallError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let milliseconds = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX).max(1);
        let body = codec::encode(request);
        let header = header_of(Kind::Call, &body)?.with_extra(milliseconds);
        let answer = timeout(deadline, self.call_encoded(header, body))
            .await
            .map_err(|_| CallError::Deadline(deadline))??;
        match answer.outcome {
            Outcome::Value => Ok(codec::decode(&answer.body)?),
            Outcome::Unreadable => {
                Err(CallError::Unreadable(String::from_utf8_lossy(&answer.body).into_owned()))
            }
            Outcome::Failed => Err(CallError::Failed),
            Outcome::TooLarge => Err(CallError::TooLarge {
                bytes: codec::decode::<u64>(&answer.body)?.try_into().unwrap_or(usize::MAX),
                limit: MESSAGE_BYTES_MAX,
            }),
        }
    }

    async fn call_encoded(&self, header: Header, body: Vec<u8>) -> Result<pending::Answer, CallError> {
        let shared = &*self.shared;
        let _room = shared.calls.acquire().await.map_err(|_| CallError::Closed)?;
        // From here on, being dropped means to cancel: at the other side too, once the request is queued.
        let mut waiting = shared.pending.expect_answer(&shared.outgoing).ok_or(CallError::Closed)?;
        shared.outgoing.push(header.with_id(waiting.id()), &body).await?;
        drop(body);
        waiting.answer().await
    }

    /// Queues a message; waits while the queue is full or the other side handles too slowly. `Ok` says queued, not
    /// received.
    pub async fn tell<M: Serialize + Sync>(&self, message: &M) -> Result<(), CallError> {
        let body = codec::encode(message);
        let header = header_of(Kind::Tell, &body)?;
        let room = self.shared.tells.acquire_many(reading::tell_places(header.length)).await;
        let room = room.map_err(|_| CallError::Closed)?;
        self.shared.outgoing.push(header, &body).await?;
        // It comes back when the other side says that the message was handled.
        room.forget();
        Ok(())
    }

    /// Returns once the connection is closed, whoever closed it.
    pub async fn closed(&self) {
        self.shared.closed.cancelled().await;
    }

    pub fn is_closed(&self) -> bool {
        self.shared.closed.is_cancelled()
    }

    /// Closes. What was queued before is still written; calls that wait for an answer fail.
    pub fn close(&self) {
        self.shared.close_here();
    }

    /// Who is at the other end of an accepted connection.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// The other end's address as text.
    pub fn remote(&self) -> &str {
        &self.shared.remote
    }
}

impl Shared {
    /// Ends everything that waits. Whatever the reason for closing, it comes here; repeating it changes nothing.
    fn close(&self) {
        self.closed.cancel();
        self.outgoing.close();
        self.calls.close();
        self.tells.close();
        self.pending.close();
        self.running.close();
    }

    fn close_here(&self) {
        self.closed_here.store(true, Ordering::Release);
        self.close();
    }
}

/// Closes when the task that holds it ends, however it ends.
struct ClosesAtEnd(Arc<Shared>);

impl Drop for ClosesAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn header_of(kind: Kind, body: &[u8]) -> Result<Header, CallError> {
    Header::of(kind, body).map_err(|_| CallError::TooLarge { bytes: body.len(), limit: MESSAGE_BYTES_MAX })
}

/// The writing task: everything that was queued since the last write goes out in one.
async fn write_frames(shared: Arc<Shared>, mut stream: WriteHalf) {
    let ends = ClosesAtEnd(shared.clone());
    let writing = async {
        while let Some(batch) = shared.outgoing.take().await {
            stream.write_all(batch.bytes()).await?;
            stream.flush().await?;
            shared.outgoing.written(batch);
        }
        stream.shutdown().await
    };
    tokio::pin!(writing);
    let written = tokio::select! {
        written = &mut writing => written,
        () = shared.closed.cancelled() => match timeout(CLOSE_FLUSH_DEADLINE, writing).await {
            Ok(written) => written,
            Err(_) => Ok(()),
        },
    };
    if let Err(error) = written {
        tracing::debug!(remote = %shared.remote, %error, "writing to a connection ended");
    }
    drop(ends);
}
