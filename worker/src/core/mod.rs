//! The worker's book-keeping: which jobs, task processes and attempts there are, what each waits for, and what the
//! master has not yet acknowledged. A pure state machine: it knows no clock, no file and no process; the shell reports
//! what happened as [`Event`]s and carries out the [`Output`]s.
//!
//! * [`event`]: everything that goes in and comes out.
//! * [`process`]: one task process per job, from its start to its end.
//! * [`attempt`]: queue, slots and memory; launching, stopping, timing out, ending.
//! * [`leave`]: draining, being stopped, finishing.
//! * [`check`]: every invariant.
//!
//! Events may come late, twice or about things that are gone: those are counted in `stale` and change nothing.

mod attempt;
mod check;
mod event;
mod leave;
mod process;
#[cfg(test)]
mod tests;

pub use event::{Event, Exit, Life, Output, StartFault, Tick};

use crate::limits;
use attempt::Attempt;
use leave::{Drain, Leaving};
use process::Process;
use skep_jobs::{
    model::{AttemptId, JobId, Outcome},
    protocol::worker::{JobHeader, WorkerTell},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the worker may hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    pub slots: u32,
    pub memory_bytes: u64,
}

/// What a registration says about attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    pub running: Vec<AttemptId>,
    pub outcomes: Vec<(AttemptId, Outcome)>,
    pub draining: bool,
}

pub struct Core {
    resources: Resources,
    now: Tick,
    jobs: BTreeMap<JobId, Job>,
    /// The job of every process that is not yet gone.
    lives: BTreeMap<Life, JobId>,
    next_life: u64,
    attempts: BTreeMap<AttemptId, Attempt>,
    /// Attempts that wait for a slot, for memory or for their process, in the order of their arrival.
    queue: VecDeque<AttemptId>,
    unnoted: BTreeMap<AttemptId, Unnoted>,
    connected: bool,
    drain: Drain,
    leaving: Option<Leaving>,
    /// Shuffle outputs that the worker's store holds.
    outputs_held: u64,
    stale: u64,
    out: VecDeque<Output>,
}

/// An outcome that the master has not acknowledged.
struct Unnoted {
    outcome: Outcome,
    /// Sent on the connection that stands now.
    told: bool,
}

struct Job {
    header: Box<JobHeader>,
    process: Process,
    /// The master said that it is over: it is forgotten once its process is gone.
    over: bool,
    noted: Noted,
}

/// The latest attempts of a job that were acknowledged: a launch that arrives twice must not run twice.
#[derive(Default)]
struct Noted {
    order: VecDeque<AttemptId>,
    set: BTreeSet<AttemptId>,
}

impl Noted {
    fn add(&mut self, attempt: AttemptId) {
        if self.set.insert(attempt) {
            self.order.push_back(attempt);
        }
        if self.order.len() > limits::NOTED_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }
}

impl Core {
    pub fn new(resources: Resources) -> Core {
        Core {
            resources,
            now: Tick(0),
            jobs: BTreeMap::new(),
            lives: BTreeMap::new(),
            next_life: 1,
            attempts: BTreeMap::new(),
            queue: VecDeque::new(),
            unnoted: BTreeMap::new(),
            connected: false,
            drain: Drain::Off,
            leaving: None,
            outputs_held: 0,
            stale: 0,
            out: VecDeque::new(),
        }
    }

    /// Total: a stale or impossible event is counted and dropped.
    pub fn on(&mut self, now: Tick, event: Event) {
        self.now = self.now.max(now);
        match event {
            Event::Connected { jobs } => self.on_connected(&jobs),
            Event::Disconnected => self.on_disconnected(),
            Event::Job(header) => self.on_job(header),
            Event::Launch(launches) => launches.into_iter().for_each(|launch| self.on_launch(launch)),
            Event::Kill { attempts, reason } => {
                attempts.into_iter().for_each(|attempt| self.on_kill(attempt, &reason));
            }
            Event::Noted(attempts) => attempts.into_iter().for_each(|attempt| self.on_noted(attempt)),
            Event::JobOver(job) => self.on_job_over(job),
            Event::Drain(on) => self.on_drain(on),
            Event::Leave { forget } => self.on_leave(forget),
            Event::OutputsHeld(count) => self.outputs_held = count,
            Event::Spawned { life } => self.on_spawned(life),
            Event::StartFailed { life, fault } => self.on_start_failed(life, &fault),
            Event::Hello { life } => self.on_hello(life),
            Event::Progress { life, progress } => self.on_progress(life, progress),
            Event::Ended { life, attempt, outcome } => self.on_ended(life, attempt, outcome),
            Event::LinkLost { life } => self.on_link_lost(life),
            Event::OverMemory { life, peak_bytes, limit_bytes } => {
                self.on_over_memory(life, peak_bytes, limit_bytes);
            }
            Event::Exited { life, exit } => self.on_exited(life, &exit),
            Event::Stop { grace_ms } => self.on_stop(grace_ms),
            Event::Tick => {}
        }
        self.pass_time();
    }

    /// The next thing to do; `None`: nothing until the next event.
    pub fn poll(&mut self) -> Option<Output> {
        if self.out.is_empty() {
            self.start_queued();
            self.tell_outcomes();
            self.settle_leaving();
        }
        self.out.pop_front()
    }

    /// When to call `on` with [`Event::Tick`] if nothing else happens.
    pub fn deadline(&self) -> Option<Tick> {
        let processes = self.jobs.values().filter_map(|job| job.process.deadline());
        let attempts = self.attempts.values().filter_map(|attempt| self.attempt_deadline(attempt));
        processes.chain(attempts).chain(self.leaving_deadline()).min()
    }

    /// For a registration that is sent now. The outcomes in it count as told on the connection that is being made.
    pub fn inventory(&mut self) -> Inventory {
        self.unnoted.values_mut().for_each(|unnoted| unnoted.told = true);
        Inventory {
            running: self.attempts.keys().copied().collect(),
            outcomes: self.unnoted.iter().map(|(id, unnoted)| (*id, unnoted.outcome.clone())).collect(),
            draining: self.is_draining(),
        }
    }

    /// Jobs that the worker may still hold files of.
    pub fn jobs(&self) -> Vec<JobId> {
        self.jobs.keys().copied().collect()
    }

    pub fn header(&self, job: JobId) -> Option<&JobHeader> {
        self.jobs.get(&job).map(|job| &*job.header)
    }

    /// Events that came too late or made no sense, since the start.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    fn on_connected(&mut self, living: &[JobId]) {
        self.connected = true;
        let living: BTreeSet<JobId> = living.iter().copied().collect();
        let dead: Vec<JobId> = self.jobs.keys().filter(|job| !living.contains(job)).copied().collect();
        dead.into_iter().for_each(|job| self.on_job_over(job));
        self.repeat_drain_state();
    }

    fn on_disconnected(&mut self) {
        self.connected = false;
        self.unnoted.values_mut().for_each(|unnoted| unnoted.told = false);
    }

    fn on_job(&mut self, header: Box<JobHeader>) {
        match self.jobs.get_mut(&header.job) {
            Some(job) => job.header = header,
            None => {
                let job = Job { header, process: Process::Absent, over: false, noted: Noted::default() };
                self.jobs.insert(job.header.job, job);
            }
        }
    }

    fn on_job_over(&mut self, id: JobId) {
        self.queue.retain(|attempt| attempt.job != id);
        let idle = !self.attempts.iter().any(|(of, attempt)| of.job == id && attempt.phase.life().is_some());
        self.attempts.retain(|attempt, _| attempt.job != id);
        self.unnoted.retain(|attempt, _| attempt.job != id);
        match self.jobs.get_mut(&id) {
            Some(job) => {
                job.over = true;
                self.end_process_of_job_over(id, idle);
            }
            // Files of it may lie there from an earlier life of this worker.
            None => self.out.push_back(Output::RemoveJob { job: id }),
        }
    }

    fn on_noted(&mut self, attempt: AttemptId) {
        if self.unnoted.remove(&attempt).is_none() {
            self.stale += 1;
            return;
        }
        if let Some(job) = self.jobs.get_mut(&attempt.job) {
            job.noted.add(attempt);
        }
    }

    /// Records how an attempt ended; it leaves with the next batch.
    fn end(&mut self, attempt: AttemptId, outcome: Outcome) {
        self.unnoted.insert(attempt, Unnoted { outcome, told: false });
    }

    fn tell_outcomes(&mut self) {
        if !self.connected {
            return;
        }
        let mut batch = Vec::new();
        for (attempt, unnoted) in self.unnoted.iter_mut().filter(|(_, unnoted)| !unnoted.told) {
            unnoted.told = true;
            batch.push((*attempt, unnoted.outcome.clone()));
        }
        if !batch.is_empty() {
            self.out.push_back(Output::TellMaster(WorkerTell::Outcomes(batch)));
        }
    }

    fn pass_time(&mut self) {
        self.expire_attempts();
        self.expire_processes();
    }
}
