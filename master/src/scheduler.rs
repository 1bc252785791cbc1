//! The task that owns the scheduler's core, and the handle that everybody else has.
//!
//! Events are taken in batches; what they changed is appended to the journal as one record; every other output, and every
//! answer to a reader, waits until what was appended before it is durable.

use crate::{
    core::{
        Core,
        event::{Event, Joined, Joining, Output, Session, Tick, Ticket},
        record::StoredRecord,
    },
    limits::{BATCH_MAX, CHANGES_EVERY, INBOX_MAX},
    outbox::{Outboxes, ProviderLink},
};
use skep_hdfs::{
    WorkerId,
    journal::{Journal, Lsn, Section},
};
use skep_jobs::{
    model::{JobId, JobSpec},
    protocol::{
        client::{JobError, ResizePlan},
        worker::RegisterError,
    },
};
use skep_wire::Peer;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Looks at the core and gives what is to be done with the answer once it may leave.
type Question = Box<dyn FnOnce(&Core) -> Reply + Send>;
type Reply = Box<dyn FnOnce() + Send>;

pub enum Message {
    Event(Event),
    Submit {
        spec: Box<JobSpec>,
        answer: oneshot::Sender<Result<JobId, JobError>>,
    },
    Kill {
        job: JobId,
        user: String,
        answer: oneshot::Sender<Result<(), JobError>>,
    },
    Resize {
        core: Option<u32>,
        task: Option<u32>,
        plan: bool,
        answer: oneshot::Sender<Result<ResizePlan, JobError>>,
    },
    Join {
        joining: Box<Joining>,
        peer: Peer,
        answer: oneshot::Sender<Result<Joined, RegisterError>>,
    },
    Provider {
        peer: Peer,
        name: String,
        core: u32,
        task: u32,
        answer: oneshot::Sender<Session>,
    },
    Ask(Question),
    /// Wakes whenever the job changes.
    Follow {
        job: JobId,
        answer: oneshot::Sender<watch::Receiver<()>>,
    },
    Blocks {
        worker: WorkerId,
        command: skep_hdfs::protocol::control::BlockCommand,
    },
}

/// Who waits for the answer to a ticket.
enum Asker {
    Submit(oneshot::Sender<Result<JobId, JobError>>),
    Kill(oneshot::Sender<Result<(), JobError>>),
    Resize(oneshot::Sender<Result<ResizePlan, JobError>>),
    Join(Peer, oneshot::Sender<Result<Joined, RegisterError>>),
}

/// What waits for durability.
enum Held {
    Output(Output),
    Reply(Reply),
}

/// Milliseconds since 1970, counted on from the process's start by a clock that never goes back.
pub struct Clock {
    wall_ms: u64,
    start: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock { wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX), start: Instant::now() }
    }

    pub fn now(&self) -> Tick {
        Tick(self.wall_ms).after(self.start.elapsed())
    }
}

/// A handle on the running scheduler; cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    inbox: mpsc::Sender<Message>,
}

impl Scheduler {
    pub async fn send(&self, message: Message) -> bool {
        self.inbox.send(message).await.is_ok()
    }

    pub async fn event(&self, event: Event) {
        self.send(Message::Event(event)).await;
    }

    /// Reads the core; the answer says nothing that is not durable. `None`: the master is stopping.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        let question: Question = Box::new(move |core| {
            let found = question(core);
            Box::new(move || drop(sender.send(found)))
        });
        self.send(Message::Ask(question)).await;
        answer.await.ok()
    }

    /// Sends what `make` makes of a reply channel, and waits for the reply.
    pub async fn answer<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.send(make(sender)).await;
        answer.await.ok()
    }

    /// Returns when the scheduler has ended: the journal failed, or the process stops.
    pub async fn ended(&self) {
        self.inbox.closed().await;
    }
}

pub struct Owner {
    core: Core,
    clock: Clock,
    journal: Journal,
    appended: Lsn,
    held: VecDeque<(Lsn, Held)>,
    askers: BTreeMap<Ticket, Asker>,
    last_ticket: u64,
    outboxes: Outboxes,
    provider: Option<ProviderLink>,
    last_provider: u64,
    followers: BTreeMap<JobId, watch::Sender<()>>,
    changed: BTreeSet<JobId>,
    changes_due: Instant,
}

impl Owner {
    /// Starts the task; it ends when every handle is gone or the journal fails.
    pub fn start(core: Core, clock: Clock, journal: Journal, appended: Lsn, outboxes: Outboxes) -> Scheduler {
        let (inbox, messages) = mpsc::channel(INBOX_MAX);
        let owner = Owner {
            core,
            clock,
            journal,
            appended,
            held: VecDeque::new(),
            askers: BTreeMap::new(),
            last_ticket: 0,
            outboxes,
            provider: None,
            last_provider: 0,
            followers: BTreeMap::new(),
            changed: BTreeSet::new(),
            changes_due: Instant::now(),
        };
        tokio::spawn(owner.run(messages));
        Scheduler { inbox }
    }

    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut durable = self.journal.durable();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            self.append();
            let newest = *durable.borrow_and_update();
            self.release(newest);
            self.tell_followers();
            self.snapshot();
            tokio::select! {
                biased;
                changed = durable.changed() => if changed.is_err() { break },
                count = messages.recv_many(&mut batch, BATCH_MAX) => if count == 0 { break },
                () = tokio::time::sleep(self.pause()) => self.core.on(self.clock.now(), Event::Tick),
            }
            for message in batch.drain(..) {
                self.take(message);
            }
        }
        tracing::info!("the scheduler has ended");
    }

    fn pause(&self) -> Duration {
        let now = self.clock.now();
        let core = self.core.deadline().map_or(1_000, |deadline| deadline.ms_since(now).max(1));
        let core = Duration::from_millis(core);
        if self.changed.is_empty() {
            core
        } else {
            core.min(self.changes_due.saturating_duration_since(Instant::now()))
        }
    }

    fn ticket(&mut self, asker: Asker) -> Ticket {
        self.last_ticket += 1;
        self.askers.insert(Ticket(self.last_ticket), asker);
        Ticket(self.last_ticket)
    }

    fn take(&mut self, message: Message) {
        let event = match message {
            Message::Event(event) => {
                if let Event::ProviderGone { session } = &event
                    && self.provider.as_ref().is_some_and(|provider| provider.session == *session)
                {
                    self.provider = None;
                }
                event
            }
            Message::Submit { spec, answer } => {
                Event::Submit { ticket: self.ticket(Asker::Submit(answer)), spec }
            }
            Message::Kill { job, user, answer } => {
                Event::Kill { ticket: self.ticket(Asker::Kill(answer)), job, user }
            }
            Message::Resize { core, task, plan, answer } => {
                Event::Resize { ticket: self.ticket(Asker::Resize(answer)), core, task, plan }
            }
            Message::Join { joining, peer, answer } => {
                Event::Join { ticket: self.ticket(Asker::Join(peer, answer)), joining }
            }
            Message::Provider { peer, name, core, task, answer } => {
                self.last_provider += 1;
                let session = Session(self.last_provider);
                self.provider = Some(ProviderLink::start(session, peer));
                // Whoever offered may be gone already.
                let _ = answer.send(session);
                Event::ProviderJoined { session, name, core, task }
            }
            Message::Ask(question) => {
                let reply = question(&self.core);
                // What the core decided while it was asked comes first.
                self.append();
                return self.held.push_back((self.appended, Held::Reply(reply)));
            }
            Message::Follow { job, answer } => {
                let follower = self.followers.entry(job).or_insert_with(|| watch::Sender::new(()));
                let _ = answer.send(follower.subscribe());
                return;
            }
            Message::Blocks { worker, command } => return self.outboxes.blocks(worker, command),
        };
        self.core.on(self.clock.now(), event);
    }

    /// Everything that the events changed becomes one record; everything else waits for it.
    fn append(&mut self) {
        let mut entries = Vec::new();
        let mut outputs = Vec::new();
        while let Some(output) = self.core.poll() {
            match output {
                Output::Persist(record) => {
                    entries.push((Section::Scheduler, skep_wire::codec::encode(&StoredRecord::V1(record))));
                }
                other => outputs.push(other),
            }
        }
        if !entries.is_empty() {
            self.appended = self.journal.append(entries);
        }
        self.held.extend(outputs.into_iter().map(|output| (self.appended, Held::Output(output))));
    }

    fn release(&mut self, durable: Lsn) {
        while self.held.front().is_some_and(|(until, _)| *until <= durable) {
            match self.held.pop_front() {
                Some((_, Held::Reply(reply))) => reply(),
                Some((_, Held::Output(output))) => self.perform(output),
                None => {}
            }
        }
        self.outboxes.flush();
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Persist(_) => {}
            Output::Tell { worker, session, tell } => self.outboxes.tell(worker, session, tell),
            Output::Submitted { ticket, answer } => {
                if let Some(Asker::Submit(asker)) = self.askers.remove(&ticket) {
                    let _ = asker.send(answer);
                }
            }
            Output::Answered { ticket, answer } => {
                if let Some(Asker::Kill(asker)) = self.askers.remove(&ticket) {
                    let _ = asker.send(answer);
                }
            }
            Output::Resized { ticket, answer } => {
                if let Some(Asker::Resize(asker)) = self.askers.remove(&ticket) {
                    let _ = asker.send(answer);
                }
            }
            Output::Joined { ticket, answer } => {
                if let Some(Asker::Join(peer, asker)) = self.askers.remove(&ticket) {
                    if let Ok(joined) = &answer {
                        self.outboxes.open(joined.worker, joined.session, peer);
                    }
                    let _ = asker.send(answer);
                }
            }
            Output::StorageDrain { worker, draining } => self.outboxes.storage_drain(worker, draining),
            Output::Provider { session, order } => match &self.provider {
                Some(provider) if provider.session == session => provider.order(order),
                _ => tracing::debug!(?order, "the provider for which this was is gone"),
            },
            Output::Changed { job, urgent } => {
                if self.changed.is_empty() {
                    self.changes_due = Instant::now() + CHANGES_EVERY;
                }
                self.changed.insert(job);
                if urgent {
                    self.changes_due = Instant::now();
                }
            }
        }
    }

    /// Wakes those who watch jobs that changed; not for each task.
    fn tell_followers(&mut self) {
        if self.changed.is_empty() || Instant::now() < self.changes_due {
            return;
        }
        for job in std::mem::take(&mut self.changed) {
            if let Some(follower) = self.followers.get(&job) {
                follower.send_replace(());
            }
        }
        self.followers.retain(|_, follower| follower.receiver_count() > 0);
    }

    /// Now and then the ledger replaces the log, so that the next start is fast.
    fn snapshot(&mut self) {
        if !self.journal.wants_snapshot(Section::Scheduler) {
            return;
        }
        // All of this section's entries up to there are in the ledger: nobody else appends any.
        let (state, lsn) = (skep_wire::codec::encode(self.core.ledger()), self.journal.newest());
        let stored = self.journal.snapshot(Section::Scheduler, lsn, state);
        tokio::spawn(async move {
            if let Err(error) = stored.await {
                tracing::error!(%error, "the scheduler's snapshot could not be stored");
            }
        });
    }
}

/// The core as the journal remembers it, and the newest position of its section.
pub fn restore(now: Tick, replay: skep_hdfs::journal::Replay) -> Result<(Core, Lsn), crate::MasterError> {
    let failed = |lsn, error: skep_wire::codec::DecodeError| crate::MasterError::Record {
        lsn,
        reason: error.to_string(),
    };
    let mut newest = Lsn(0);
    let mut snapshot = None;
    if let Some((lsn, bytes)) = replay.snapshot {
        newest = Lsn(lsn);
        snapshot = Some(skep_wire::codec::decode_stored(&bytes).map_err(|error| failed(lsn, error))?);
    }
    let mut log = Vec::with_capacity(replay.entries.len());
    for (lsn, bytes) in replay.entries {
        newest = newest.max(Lsn(lsn));
        let StoredRecord::V1(record) =
            skep_wire::codec::decode_stored(&bytes).map_err(|error| failed(lsn, error))?;
        log.push(record);
    }
    Ok((Core::restore(now, snapshot, log), newest))
}
