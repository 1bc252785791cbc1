//! One worker's part of a write pipeline.
//!
//! Four things go on at once, each a loop below, joined by the events that the last one consumes:
//!
//! ```text
//!              ┌── forward ──► downstream socket
//! upstream ────┤                    │ replies
//!              └── queue ──► disk   ▼
//!                             │   relay
//!                             ▼     ▼
//!                            answer ──► upstream: Acknowledged (what both have), Written (both durable), Failed
//! ```
//!
//! Nothing is said upstream before it is true from here to the pipeline's end. When the writer vanishes, what is here
//! stays as it is, for a pipeline under a new generation or for recovery.

use super::{After, BlockServer};
use crate::{
    BlockId, Generation, WorkerId,
    blocks::{
        remote::{Lent, PipelineFailure, RemoteError},
        store::ReplicaWriter,
    },
    limits::{BLOCK_REPLY_DEADLINE, DISK_QUEUE_PACKETS, PACKET_BYTES, WRITERS_PER_WORKER_MAX},
    protocol::{
        blocks::{BlockError, BlockReply, BlockRequest, Finish},
        control::{BlockReport, Replica},
        namespace::Location,
    },
};
use bytes::Bytes;
use skep_wire::{Channel, ChannelError, Received};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

/// A `Write` request.
pub(super) struct Order {
    pub block: BlockId,
    pub generation: Generation,
    pub resume_at: u64,
    pub downstream: Vec<Location>,
}

/// What the disk is to do next.
enum Step {
    Append(Bytes),
    Finish(Finish),
}

enum Event {
    WrittenHere(u64),
    DurableHere(Replica),
    FailedHere(BlockError),
    WrittenDownstream(u64),
    DurableDownstream(Vec<WorkerId>),
    FailedDownstream(PipelineFailure),
    UpstreamBroke(ChannelError),
}

/// The next worker of the pipeline.
struct Downstream {
    lent: Lent,
    worker: WorkerId,
    stall: Duration,
}

/// The length of the block as far as it has been forwarded; [`FINISH_FORWARDED`] once its end has been too.
#[derive(Default)]
struct Forwarded(AtomicU64);

const FINISH_FORWARDED: u64 = u64::MAX;

impl BlockServer {
    pub(super) async fn write(
        self: &Arc<Self>,
        channel: &mut Channel,
        order: Order,
    ) -> Result<After, ChannelError> {
        let block = order.block;
        let Ok(_permit) = self.writers.try_acquire() else {
            let error = BlockError::Overloaded { block, limit: WRITERS_PER_WORKER_MAX };
            channel.send(&self.failed(error)).await?;
            return Ok(After::Next);
        };
        let (writer, downstream) = match self.stand(&order).await {
            Ok(standing) => standing,
            Err(reply) => {
                channel.send(&reply).await?;
                return Ok(After::Next);
            }
        };
        channel.send(&BlockReply::Ready).await?;
        match self.pump(channel, &order, writer, downstream).await {
            Ok(()) => Ok(After::Next),
            Err(Broken::Upstream(error)) => Err(error),
            Err(Broken::Here(reply)) => {
                channel.send(&reply).await?;
                drain(channel).await;
                Ok(After::Close)
            }
        }
    }

    /// Prepares the own replica and the rest of the pipeline; the reply if that fails.
    async fn stand(
        self: &Arc<Self>,
        order: &Order,
    ) -> Result<(ReplicaWriter, Option<Downstream>), BlockReply> {
        let Order { block, generation, resume_at, .. } = *order;
        let begin = self.on_disk(block, move |store| store.begin_write(block, generation, resume_at));
        let writer = begin.await.map_err(|error| self.failed(error))?;
        let Some((next, rest)) = order.downstream.split_first() else {
            return Ok((writer, None));
        };
        let stall = self.channels.stall_limit(rest.len());
        let request = BlockRequest::Write { block, generation, resume_at, downstream: rest.to_vec() };
        let reply = match self.channels.start(next, &request, stall).await {
            Ok((lent, BlockReply::Ready)) => {
                return Ok((writer, Some(Downstream { lent, worker: next.worker, stall })));
            }
            Ok(_) => self.downstream_failed(block, next.worker, RemoteError::OutOfTurn),
            Err(cause) => self.downstream_failed(block, next.worker, cause),
        };
        // Nothing of this block may count on a pipeline that never stood.
        drop(writer);
        if resume_at == 0 {
            let erase = self.on_disk(block, move |store| store.erase(block, generation));
            if let Err(error) = erase.await {
                tracing::debug!(%error, "an unused replica stays until the master erases it");
            }
        }
        Err(reply)
    }

    /// What the next worker itself says goes up unchanged: it says who is to blame.
    fn downstream_failed(&self, block: BlockId, worker: WorkerId, cause: RemoteError) -> BlockReply {
        match cause {
            RemoteError::Refused { at, error } => BlockReply::Failed { at, error },
            cause => self.failed(BlockError::Downstream { block, worker, reason: cause.to_string() }),
        }
    }

    /// Moves the block through; returns when all of it is durable from here on and the writer was told.
    async fn pump(
        self: &Arc<Self>,
        channel: &mut Channel,
        order: &Order,
        writer: ReplicaWriter,
        downstream: Option<Downstream>,
    ) -> Result<(), Broken> {
        let (events, happened) = mpsc::channel(2 * DISK_QUEUE_PACKETS);
        let (to_disk, queue) = mpsc::channel(DISK_QUEUE_PACKETS);
        let forwarded = Forwarded(AtomicU64::new(order.resume_at));
        let (to_writer, from_writer) = channel.halves();
        let disk = self.work_disk(order.block, writer, queue, events.clone());
        let Some(Downstream { mut lent, worker, stall }) = downstream else {
            let moving = async {
                tokio::join!(forward(from_writer, &to_disk, None, &forwarded, &events), disk);
                std::future::pending::<()>().await;
            };
            let mut answer = Answer::new(self, order, None, &forwarded);
            return tokio::select! {
                outcome = answer.give(to_writer, happened) => outcome,
                () = moving => Ok(()),
            };
        };
        let outcome = {
            let (to_next, from_next) = lent.channel.halves();
            let moving = async {
                tokio::join!(
                    forward(from_writer, &to_disk, Some(to_next), &forwarded, &events),
                    relay(from_next, worker, &events),
                    disk
                );
                std::future::pending::<()>().await;
            };
            let mut answer = Answer::new(self, order, Some((worker, stall)), &forwarded);
            tokio::select! {
                outcome = answer.give(to_writer, happened) => outcome,
                () = moving => Ok(()),
            }
        };
        if outcome.is_ok() {
            lent.give_back();
        }
        outcome
    }

    /// Writes what is queued, a batch at a time, on threads that may block.
    async fn work_disk(
        self: &Arc<Self>,
        block: BlockId,
        mut writer: ReplicaWriter,
        mut queue: mpsc::Receiver<Step>,
        events: mpsc::Sender<Event>,
    ) {
        let mut batch = Vec::with_capacity(DISK_QUEUE_PACKETS);
        while queue.recv_many(&mut batch, DISK_QUEUE_PACKETS).await > 0 {
            let steps = std::mem::take(&mut batch);
            let done = self.on_disk(block, move |_| {
                let mut len_bytes = 0;
                for step in steps {
                    match step {
                        Step::Append(bytes) => len_bytes = writer.append(&bytes)?,
                        Step::Finish(finish) => return Ok(Done::Durable(writer.finalise(finish)?)),
                    }
                }
                Ok(Done::Written(writer, len_bytes))
            });
            let event = match done.await {
                Ok(Done::Written(back, len_bytes)) => {
                    writer = back;
                    Event::WrittenHere(len_bytes)
                }
                Ok(Done::Durable(replica)) => {
                    let _ = events.send(Event::DurableHere(replica)).await;
                    return;
                }
                Err(error) => {
                    let _ = events.send(Event::FailedHere(error)).await;
                    return;
                }
            };
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

enum Done {
    Written(ReplicaWriter, u64),
    Durable(Replica),
}

/// Why a block did not get through.
enum Broken {
    Upstream(ChannelError),
    Here(BlockReply),
}

/// Upstream to disk and downstream. A downstream that cannot be sent to is told of by `relay`, which may still
/// receive its reason.
async fn forward(
    from_writer: &mut skep_wire::channel::Receiver,
    to_disk: &mpsc::Sender<Step>,
    mut to_next: Option<&mut skep_wire::channel::Sender>,
    forwarded: &Forwarded,
    events: &mpsc::Sender<Event>,
) {
    loop {
        let (step, end) = match from_writer.receive_any::<Finish>().await {
            Ok(Received::Payload(bytes)) => (Step::Append(bytes), false),
            Ok(Received::Message(finish)) => (Step::Finish(finish), true),
            Err(error) => {
                let _ = events.send(Event::UpstreamBroke(error)).await;
                return;
            }
        };
        let passed_on = match (&step, to_next.as_mut()) {
            (_, None) => Ok(()),
            (Step::Append(bytes), Some(next)) => {
                forwarded.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                pass_on(next, bytes).await
            }
            (Step::Finish(finish), Some(next)) => {
                forwarded.0.store(FINISH_FORWARDED, Ordering::Relaxed);
                next.send(finish).await
            }
        };
        // The disk queue is what slows a fast writer down.
        if to_disk.send(step).await.is_err() || passed_on.is_err() || end {
            return;
        }
    }
}

/// A short packet is what its writer had, and it may wait for the acknowledgement: it must not linger in a buffer.
async fn pass_on(next: &mut skep_wire::channel::Sender, bytes: &Bytes) -> Result<(), ChannelError> {
    next.send_payload(bytes).await?;
    if bytes.len() < PACKET_BYTES { next.flush().await } else { Ok(()) }
}

/// Downstream's replies as events.
async fn relay(from_next: &mut skep_wire::channel::Receiver, next: WorkerId, events: &mpsc::Sender<Event>) {
    loop {
        let event = match from_next.receive::<BlockReply>().await {
            Ok(BlockReply::Acknowledged { len_bytes }) => Event::WrittenDownstream(len_bytes),
            Ok(BlockReply::Written { replicas }) => Event::DurableDownstream(replicas),
            Ok(BlockReply::Failed { at, error }) => {
                Event::FailedDownstream(PipelineFailure::new(next, RemoteError::Refused { at, error }))
            }
            Ok(_) => Event::FailedDownstream(PipelineFailure::new(next, RemoteError::OutOfTurn)),
            Err(error) => Event::FailedDownstream(PipelineFailure::new(next, error.into())),
        };
        let last = !matches!(event, Event::WrittenDownstream(_));
        if events.send(event).await.is_err() || last {
            return;
        }
    }
}

/// Puts the events together and tells the writer.
struct Answer<'a> {
    server: &'a Arc<BlockServer>,
    block: BlockId,
    next: Option<(WorkerId, Duration)>,
    forwarded: &'a Forwarded,
    here: u64,
    downstream: u64,
    told: u64,
    durable_here: bool,
    /// Workers after this one that have it durable; `None` until they say so.
    durable_downstream: Option<Vec<WorkerId>>,
}

impl<'a> Answer<'a> {
    fn new(
        server: &'a Arc<BlockServer>,
        order: &Order,
        next: Option<(WorkerId, Duration)>,
        forwarded: &'a Forwarded,
    ) -> Answer<'a> {
        Answer {
            server,
            block: order.block,
            next,
            forwarded,
            here: order.resume_at,
            downstream: if next.is_some() { order.resume_at } else { u64::MAX },
            told: order.resume_at,
            durable_here: false,
            durable_downstream: if next.is_some() { None } else { Some(Vec::new()) },
        }
    }

    async fn give(
        &mut self,
        to_writer: &mut skep_wire::channel::Sender,
        mut happened: mpsc::Receiver<Event>,
    ) -> Result<(), Broken> {
        let mut watch = Watch::default();
        loop {
            let event = match timeout(watch_interval(self.next), happened.recv()).await {
                Ok(Some(event)) => Some(event),
                Ok(None) | Err(_) => None,
            };
            if let Some(event) = event {
                self.take(event).await?;
            }
            if let (true, Some(after)) = (self.durable_here, &mut self.durable_downstream) {
                let mut replicas = vec![self.server.worker];
                replicas.append(after);
                return tell(to_writer, &BlockReply::Written { replicas }).await;
            }
            let agreed = self.here.min(self.downstream);
            if agreed > self.told {
                self.told = agreed;
                tell(to_writer, &BlockReply::Acknowledged { len_bytes: agreed }).await?;
            }
            self.check_progress(&mut watch)?;
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::WrittenHere(len_bytes) => self.here = self.here.max(len_bytes),
            Event::WrittenDownstream(len_bytes) => self.downstream = self.downstream.max(len_bytes),
            Event::DurableHere(replica) => {
                // Reported before the writer is told: who completes the file finds a replica known.
                self.server.report(BlockReport::Received(vec![replica])).await;
                self.durable_here = true;
            }
            Event::DurableDownstream(workers) => self.durable_downstream = Some(workers),
            Event::FailedHere(error) => return Err(Broken::Here(self.server.failed(error))),
            Event::FailedDownstream(failure) => {
                let reply = self.server.downstream_failed(self.block, failure.worker, failure.cause);
                return Err(Broken::Here(reply));
            }
            Event::UpstreamBroke(error) => return Err(Broken::Upstream(error)),
        }
        Ok(())
    }

    /// The next worker owes progress while something was forwarded that it has not acknowledged.
    fn check_progress(&self, watch: &mut Watch) -> Result<(), Broken> {
        let Some((worker, stall)) = self.next else { return Ok(()) };
        let owes =
            self.durable_downstream.is_none() && self.forwarded.0.load(Ordering::Relaxed) > self.downstream;
        if !owes || watch.seen != self.downstream {
            *watch = Watch { seen: self.downstream, since: None };
        }
        if !owes {
            return Ok(());
        }
        let since = *watch.since.get_or_insert_with(Instant::now);
        if since.elapsed() <= stall {
            return Ok(());
        }
        let cause = RemoteError::Stalled(stall);
        Err(Broken::Here(self.server.downstream_failed(self.block, worker, cause)))
    }
}

/// Since when the next worker stands still, and where.
#[derive(Default)]
struct Watch {
    seen: u64,
    since: Option<Instant>,
}

/// How often to look whether the next worker still moves.
fn watch_interval(next: Option<(WorkerId, Duration)>) -> Duration {
    next.map_or(Duration::MAX, |(_, stall)| stall / 20)
}

async fn tell(to_writer: &mut skep_wire::channel::Sender, reply: &BlockReply) -> Result<(), Broken> {
    match timeout(BLOCK_REPLY_DEADLINE, to_writer.send(reply)).await {
        Ok(sent) => sent.map_err(Broken::Upstream),
        Err(_) => Err(Broken::Upstream(ChannelError::Deadline(BLOCK_REPLY_DEADLINE))),
    }
}

/// Takes what a writer still sends until it has read that it failed: closing at once could destroy that message.
async fn drain(channel: &mut Channel) {
    let rest = async { while channel.receive_any::<Finish>().await.is_ok() {} };
    let _ = timeout(BLOCK_REPLY_DEADLINE, rest).await;
}
