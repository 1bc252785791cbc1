//! The scheduler: a pure state machine. This file only holds the state and hands events to where they are understood.
//!
//! ```text
//! event                       understood in   what may follow
//! Submit, Kill                submit          Submitted, Answered; a job begins, or ends
//! Join                        join            Joined; attempts adopted, requeued or killed; outputs checked
//! Suspect, Alive, Leaving     members         offers stop or begin
//! Gone                        members         attempts start elsewhere, outputs are lost
//! Outcomes, Progress          settle          Noted; a task is done (commit), retried (retry), or waits for
//! OutputsLost                 lineage         its producers to run again (lineage)
//! Resize, Provider*, Storage  resize, drain   Resized, Drain, Leave, provider orders
//! Tick                        alarm           pauses, budgets and graces end
//! ```
//!
//! Durable state is the [`ledger`]; everything else is rebuilt from it and from what workers report. Launches are decided
//! in [`Core::poll`], once the shell has handed in all events it has: [`place`] says which worker gets which task, in
//! the order of [`share`]. [`check`] asserts every invariant.
//!
//! Not here: gangs, and second attempts of slow tasks. The arbiter in [`commit`] already allows any number of attempts.

mod alarm;
mod check;
mod cleanup;
mod commit;
mod drain;
pub mod event;
mod exclude;
mod flow;
pub mod history;
mod job;
mod join;
mod launch;
pub mod ledger;
mod lineage;
mod members;
mod place;
mod ready;
pub mod record;
mod resize;
mod retry;
mod settle;
mod share;
mod spec;
mod stage;
mod submit;
mod task;
mod timers;
mod view;
mod why;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

use crate::limits::{RESTART_HOLD, RETURN_GRACE};
use event::{Event, Output, Session, Tell, Tick};
use job::Job;
use ledger::Ledger;
use record::Record;
use skep_hdfs::WorkerId;
use skep_jobs::model::{JobId, PartId, StageId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use timers::{Alarm, Timers};
use worker::Worker;

/// The output of one finished task.
type OutputKey = (JobId, StageId, PartId);

pub struct Core {
    now: Tick,
    ledger: Ledger,
    jobs: BTreeMap<JobId, Job>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Core workers that stay: those that shuffle output can be delivered to.
    cores: BTreeSet<WorkerId>,
    /// Shuffle outputs of living jobs by the core worker that holds them.
    holdings: BTreeMap<WorkerId, BTreeSet<OutputKey>>,
    shares: share::Shares,
    offers: place::Offers,
    timers: Timers,
    /// Workers that were there before the restart and have not come back.
    awaited: BTreeSet<WorkerId>,
    /// After a restart: no launches before then, or before all awaited workers are back.
    hold: Option<Tick>,
    resize: resize::Resize,
    last_session: u64,
    last_version: u64,
    /// Turns with each launch that needs core workers to deliver to.
    delivery_turn: usize,
    /// Messages that were about something older than what is known.
    stale: u64,
    out: VecDeque<Output>,
}

impl Core {
    /// An empty ledger is a new cluster.
    pub fn restore(now: Tick, snapshot: Option<Ledger>, log: impl IntoIterator<Item = Record>) -> Core {
        let ledger = Ledger::replay(snapshot, log);
        let mut core = Core {
            now,
            jobs: BTreeMap::new(),
            workers: BTreeMap::new(),
            cores: BTreeSet::new(),
            holdings: BTreeMap::new(),
            shares: share::Shares::default(),
            offers: place::Offers::default(),
            timers: Timers::default(),
            awaited: BTreeSet::new(),
            hold: None,
            resize: resize::Resize::default(),
            last_session: 0,
            last_version: 0,
            delivery_turn: 0,
            stale: 0,
            out: VecDeque::new(),
            ledger,
        };
        core.begin_term();
        core.await_workers();
        let jobs: Vec<JobId> = core.ledger.jobs.keys().copied().collect();
        jobs.into_iter().for_each(|job| core.revive(job));
        core
    }

    /// Total: an event that is stale or makes no sense is counted and dropped.
    pub fn on(&mut self, now: Tick, event: Event) {
        self.now = self.now.max(now);
        self.ring();
        match event {
            Event::Submit { ticket, spec } => self.on_submit(ticket, *spec),
            Event::Kill { ticket, job, user } => self.on_kill(ticket, job, &user),
            Event::Join { ticket, joining } => self.on_join(ticket, *joining),
            Event::Suspect { worker, epoch } => self.on_suspect(worker, epoch, true),
            Event::Alive { worker, epoch } => self.on_suspect(worker, epoch, false),
            Event::Gone { worker, epoch, why } => self.on_gone(worker, epoch, &why),
            Event::Leaving { worker, epoch, within } => self.on_leaving(worker, epoch, within),
            Event::Outcomes { worker, epoch, outcomes } => self.on_outcomes(worker, epoch, outcomes),
            Event::Progress { worker, epoch, progress } => self.on_progress(worker, epoch, progress),
            Event::OutputsLost { worker, epoch, outputs } => self.on_outputs_lost(worker, epoch, &outputs),
            Event::Resize { ticket, core, task, plan } => self.on_resize(ticket, core, task, plan),
            Event::Storage(facts) => self.on_storage(facts),
            Event::ProviderJoined { session, name, core, task } => {
                self.on_provider_joined(session, name, core, task);
            }
            Event::ProviderGone { session } => self.on_provider_gone(session),
            Event::StartFailed { role, reason } => self.on_start_failed(role, reason),
            Event::Tick => {}
        }
    }

    /// The next thing to do; `None` when there is nothing until the next event or [`Core::deadline`].
    pub fn poll(&mut self) -> Option<Output> {
        if self.out.is_empty() {
            self.place();
        }
        self.out.pop_front()
    }

    pub fn deadline(&self) -> Option<Tick> {
        self.timers.next()
    }

    /// All that must survive, as of everything that was polled.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Messages dropped because something newer was known.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// Every life of the master but the first has a term of its own, so that no attempt number is given twice.
    fn begin_term(&mut self) {
        if self.ledger.next_job > 0 || self.ledger.next_worker > 0 {
            let term = self.ledger.term + 1;
            self.record(Record::Term(term));
        }
    }

    fn await_workers(&mut self) {
        let present = self.ledger.workers.iter().filter(|(_, known)| known.present);
        self.awaited = present.map(|(worker, _)| *worker).collect();
        if self.awaited.is_empty() {
            return;
        }
        let hold = self.now.after(RESTART_HOLD);
        self.hold = Some(hold);
        self.timers.set(hold, Alarm::Hold);
        for &worker in &self.awaited {
            self.timers.set(self.now.after(RETURN_GRACE), Alarm::Return(worker));
        }
    }

    /// The one way in which durable state changes.
    fn record(&mut self, record: Record) {
        self.ledger.apply(&record);
        self.out.push_back(Output::Persist(record));
    }

    /// To a worker on its present session; nothing when it is not registered.
    fn tell(&mut self, worker: WorkerId, tell: Tell) {
        if let Some(entry) = self.workers.get(&worker) {
            self.out.push_back(Output::Tell { worker, session: entry.session, tell });
        }
    }

    fn next_session(&mut self) -> Session {
        self.last_session += 1;
        Session(self.last_session)
    }

    /// A session for a provider's connection, from the same count.
    pub fn provider_session(&mut self) -> Session {
        self.next_session()
    }

    /// The job's view is another one now. Versions go on counting through restarts: they begin at the clock.
    fn changed(&mut self, job: JobId, urgent: bool) {
        self.last_version = (self.last_version + 1).max(self.now.0 << 10);
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.version = self.last_version;
        }
        self.out.push_back(Output::Changed { job, urgent });
    }
}
