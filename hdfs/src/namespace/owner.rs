//! The task that owns the core: takes events in batches, appends what they changed as one record, and lets everything
//! else out when that is durable. The only place where the namespace meets a clock.

use super::{NamespaceView, gate::Gate, seal};
use crate::{
    WorkerId,
    core::{
        Core,
        event::{Event, Output, Tick, Ticket},
    },
    journal::{Journal, Lsn, Section},
    limits::{NAMESPACE_BATCH, VIEW_INTERVAL},
    protocol::{
        control::BlockCommand,
        namespace::{NamespaceAnswer, NamespaceCall},
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

pub enum Message {
    Call { call: NamespaceCall, answer: oneshot::Sender<NamespaceAnswer> },
    Event(Event),
}

pub fn clock() -> Tick {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Tick(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

pub struct Owner {
    core: Core,
    journal: Journal,
    appended: Lsn,
    gate: Gate<Output>,
    tickets: BTreeMap<Ticket, oneshot::Sender<NamespaceAnswer>>,
    next_ticket: u64,
    view: watch::Sender<Arc<NamespaceView>>,
    view_due: Instant,
    view_stale: bool,
    commands: mpsc::Sender<(WorkerId, BlockCommand)>,
    snapshotting: Arc<AtomicBool>,
}

impl Owner {
    pub fn new(
        core: Core,
        journal: Journal,
        appended: Lsn,
        view: watch::Sender<Arc<NamespaceView>>,
        commands: mpsc::Sender<(WorkerId, BlockCommand)>,
    ) -> Owner {
        Owner {
            core,
            journal,
            appended,
            gate: Gate::new(),
            tickets: BTreeMap::new(),
            next_ticket: 0,
            view,
            view_due: Instant::now(),
            view_stale: false,
            commands,
            snapshotting: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Runs until every handle is gone or the journal fails.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut durable = self.journal.durable();
        let mut batch = Vec::with_capacity(NAMESPACE_BATCH);
        loop {
            tokio::select! {
                biased;
                changed = durable.changed() => if changed.is_err() { break },
                count = messages.recv_many(&mut batch, NAMESPACE_BATCH) => if count == 0 { break },
                () = tokio::time::sleep(self.pause()) => self.core.on(clock(), Event::Tick),
            }
            for message in batch.drain(..) {
                self.take(message);
            }
            self.append();
            let newest = *durable.borrow_and_update();
            self.release(newest).await;
            self.publish();
            self.snapshot();
        }
    }

    /// Until the core wants to be woken, or the view is due.
    fn pause(&self) -> Duration {
        let core = self.core.deadline().map_or(1_000, |deadline| deadline.since(clock()));
        let core = Duration::from_millis(core.max(1));
        if self.view_stale { core.min(self.view_due.saturating_duration_since(Instant::now())) } else { core }
    }

    fn take(&mut self, message: Message) {
        self.view_stale = true;
        let event = match message {
            Message::Event(event) => event,
            Message::Call { call, answer } => {
                self.next_ticket += 1;
                let ticket = Ticket(self.next_ticket);
                self.tickets.insert(ticket, answer);
                Event::Call { ticket, call }
            }
        };
        self.core.on(clock(), event);
    }

    /// Everything that the batch changed becomes one record; everything else waits for it.
    fn append(&mut self) {
        let mut entries = Vec::new();
        let mut outputs = Vec::new();
        while let Some(output) = self.core.poll() {
            match output {
                Output::Persist(record) => entries.push((Section::Namespace, seal(&record))),
                other => outputs.push(other),
            }
        }
        if !entries.is_empty() {
            self.appended = self.journal.append(entries);
            self.view_stale = true;
        }
        for output in outputs {
            self.gate.hold(self.appended, output);
        }
    }

    async fn release(&mut self, durable: Lsn) {
        while let Some(output) = self.gate.release(durable) {
            match output {
                Output::Answer { ticket, answer } => {
                    if let Some(waiting) = self.tickets.remove(&ticket) {
                        // The caller may have given up.
                        let _ = waiting.send(answer);
                    }
                }
                Output::Command { worker, command } => {
                    self.view_stale = true;
                    // Without a membership there is nobody to command.
                    let _ = self.commands.send((worker, command)).await;
                }
                Output::Persist(_) => {}
            }
        }
    }

    /// Readers get a fresh view when something changed, but not for each event.
    fn publish(&mut self) {
        let now = Instant::now();
        if !self.view_stale || now < self.view_due {
            return;
        }
        self.view.send_replace(Arc::new(self.core.view()));
        self.view_stale = false;
        self.view_due = now + VIEW_INTERVAL;
    }

    /// Now and then the state replaces the log, so that the next start is fast.
    fn snapshot(&mut self) {
        if !self.journal.wants_snapshot(Section::Namespace) || self.snapshotting.swap(true, Ordering::AcqRel)
        {
            return;
        }
        // All of this section's entries up to there are in the state: nobody else appends any.
        let (state, journal, lsn) =
            (self.core.durable().clone(), self.journal.clone(), self.journal.newest());
        let running = Arc::clone(&self.snapshotting);
        tokio::spawn(async move {
            let sealed = tokio::task::spawn_blocking(move || seal(&state)).await;
            if let Ok(bytes) = sealed
                && let Err(error) = journal.snapshot(Section::Namespace, lsn, bytes).await
            {
                tracing::error!(%error, "the namespace's snapshot could not be stored");
            }
            running.store(false, Ordering::Release);
        });
    }
}
