//! The one task that owns the scheduler: requests in, records to the journal, everything else out once those are durable.

use crate::{
    MasterError,
    clock::Clock,
    core::{Core, event::Event, event::Output},
    effects::{Effect, Effects},
    gate::Gate,
    limits::{BATCH_MAX, WATCH_PAUSE},
    requests::{Pending, Tickets},
    stored::{self, Restored},
    watchers::Watchers,
};
use skep_hdfs::journal::{Journal, JournalError, Lsn, Section};
use skep_jobs::model::JobId;
use std::collections::BTreeSet;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub use crate::requests::Request;

pub struct Owner {
    pub(crate) core: Core,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    durable: watch::Receiver<Lsn>,
    pub(crate) gate: Gate<Effect>,
    pub(crate) effects: Effects,
    pub(crate) tickets: Tickets,
    pub(crate) watchers: Watchers,
    /// The scheduler's state is stored as of here.
    snapshot_at: Lsn,
    snapshot_every_records: u64,
    snapshot: Option<tokio::task::JoinHandle<Result<(), JournalError>>>,
}

impl Owner {
    pub fn new(
        restored: Restored,
        clock: Clock,
        journal: Journal,
        snapshot_every_records: u64,
        effects: Effects,
    ) -> Owner {
        let Restored { core, newest, snapshot_at } = restored;
        Owner {
            core,
            clock,
            durable: journal.durable(),
            journal,
            gate: Gate::new(newest),
            effects,
            tickets: Tickets::default(),
            watchers: Watchers::default(),
            snapshot_at,
            snapshot_every_records,
            snapshot: None,
        }
    }

    /// Until it is stopped, or nothing can be made durable any more.
    pub async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Request>,
        stop: CancellationToken,
    ) -> Result<(), MasterError> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            self.settle().await;
            let wake = self.wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = self.durable.changed() => if changed.is_err() { return Err(self.failure().await) },
                taken = inbox.recv_many(&mut batch, BATCH_MAX) => match taken {
                    0 => break,
                    _ => batch.drain(..).for_each(|request| self.take(request)),
                },
                () = sleep_until(wake) => self.core.on(self.clock.now(), Event::Tick),
            }
        }
        self.core.on(self.clock.now(), Event::Tick);
        self.settle().await;
        let _ = self.journal.wait(self.gate.newest()).await;
        Ok(())
    }

    async fn failure(&self) -> MasterError {
        let error = self.journal.wait(Lsn(u64::MAX)).await.err();
        MasterError::Stopped(error.map(|error| error.to_string()).unwrap_or_default())
    }

    fn wake(&self) -> Instant {
        let far = Instant::now() + std::time::Duration::from_secs(3600);
        let deadline = self.core.deadline().map_or(far, |tick| self.clock.instant(tick));
        if self.watchers.is_empty() { deadline } else { deadline.min(Instant::now() + WATCH_PAUSE) }
    }

    /// Does all that follows from what was taken in.
    async fn settle(&mut self) {
        let urgent = self.drain();
        self.answer_watchers(&urgent);
        let durable = *self.durable.borrow_and_update();
        while let Some(effect) = self.gate.release(durable) {
            self.effects.apply(effect).await;
        }
        self.effects.flush();
        self.snapshot_if_due().await;
    }

    /// Appends the records, and holds everything else until they are durable. Returns the jobs whose state changed.
    fn drain(&mut self) -> BTreeSet<JobId> {
        let mut urgent = BTreeSet::new();
        let mut records = Vec::new();
        let mut effects = Vec::new();
        while let Some(output) = self.core.poll() {
            match output {
                Output::Persist(record) => records.push((Section::Scheduler, stored::encode_record(record))),
                Output::Changed { urgent: false, .. } => {}
                Output::Changed { job, urgent: true } => drop(urgent.insert(job)),
                Output::Submitted { ticket, .. }
                | Output::Answered { ticket, .. }
                | Output::Joined { ticket, .. }
                | Output::Resized { ticket, .. } => {
                    if let Some(pending) = self.tickets.take(ticket) {
                        effects.push(Effect::Answer(pending, output));
                    }
                }
                output => effects.push(Effect::Output(output)),
            }
        }
        if !records.is_empty() {
            let lsn = self.journal.append(records);
            self.gate.appended(lsn);
        }
        effects.into_iter().for_each(|effect| self.gate.hold(effect));
        if !urgent.is_empty() {
            self.effects.publish_living(self.core.living_ids());
        }
        urgent
    }

    /// Stores the state whole now and then, so that a restart is quick. One at a time, encoded elsewhere.
    async fn snapshot_if_due(&mut self) {
        if let Some(running) = self.snapshot.take_if(|running| running.is_finished())
            && let Ok(Err(error)) = running.await
        {
            tracing::warn!(%error, "the scheduler's snapshot was not stored; the next one is tried later");
        }
        // All of this section's records up to here are in the ledger: nobody else appends any.
        let lsn = self.journal.newest();
        let is_due = self.journal.wants_snapshot(Section::Scheduler)
            || lsn.0.saturating_sub(self.snapshot_at.0) >= self.snapshot_every_records;
        if !is_due || self.snapshot.is_some() {
            return;
        }
        self.snapshot_at = lsn;
        let (journal, ledger) = (self.journal.clone(), self.core.ledger().clone());
        self.snapshot = Some(tokio::spawn(async move {
            let encode = move || stored::encode_snapshot(&ledger);
            match tokio::task::spawn_blocking(encode).await {
                Ok(state) => journal.snapshot(Section::Scheduler, lsn, state).await,
                Err(error) => Err(JournalError::Closed(error.to_string())),
            }
        }));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.core.on(self.clock.now(), event);
    }

    pub(crate) fn ticket(&mut self, pending: Pending) -> crate::core::event::Ticket {
        self.tickets.add(pending)
    }
}
