//! Attempts: how they wait for a slot, run, are stopped, and end.
//!
//! ```text
//!            slot, memory and process        ended by its process
//!   Queued ───────────────────────► Running ─────────────────────► (outcome, until it is noted)
//!     │                               │ kill, timeout      ▲ ended, or its process was ended
//!     │ kill                          ▼                    │
//!     └──────► (outcome)           Stopping ───────────────┘
//! ```

use super::{Core, Life, Output, Tick, process::Ending, process::Process};
use crate::limits;
use skep_jobs::{
    model::{AttemptId, FaultKind, JobId, Outcome},
    protocol::{
        task::TaskOrder,
        worker::{Launch, Progress, WorkerTell},
    },
};
use std::{collections::BTreeMap, mem};

pub(super) struct Attempt {
    /// Taken when it is sent to its process.
    pub launch: Option<Box<Launch>>,
    pub memory_bytes: u64,
    pub phase: Phase,
}

#[derive(Debug)]
pub(super) enum Phase {
    Queued,
    Running { life: Life, changed: Tick },
    Stopping { life: Life, until: Tick, blame: Blame },
}

/// Why an attempt was told to stop.
#[derive(Debug)]
pub(super) enum Blame {
    /// The master's will.
    Killed,
    Timeout {
        quiet_ms: u64,
    },
}

impl Blame {
    pub fn outcome(&self) -> Outcome {
        match self {
            Blame::Killed => Outcome::Killed,
            Blame::Timeout { quiet_ms } => Outcome::Failed {
                kind: FaultKind::Timeout,
                message: format!(
                    "the task read, wrote and reported nothing for {} s; if it needs longer, raise the limit with \
                     `--conf task.timeout=SECONDS`",
                    quiet_ms / 1000
                ),
            },
        }
    }
}

impl Phase {
    pub fn life(&self) -> Option<Life> {
        match self {
            Phase::Queued => None,
            Phase::Running { life, .. } | Phase::Stopping { life, .. } => Some(*life),
        }
    }
}

impl Core {
    pub(super) fn on_launch(&mut self, launch: Launch) {
        let id = launch.attempt;
        if let Some(unnoted) = self.unnoted.get_mut(&id) {
            // The master did not see how it ended: say it again.
            unnoted.told = false;
            return;
        }
        if self.attempts.contains_key(&id) {
            self.stale += 1;
            return;
        }
        match self.refusal(&launch) {
            Err(Duplicate) => self.stale += 1,
            Ok(Some(reason)) => self.end(id, Outcome::Refused { reason }),
            Ok(None) => {
                let memory_bytes = launch.memory_bytes;
                let attempt = Attempt { launch: Some(Box::new(launch)), memory_bytes, phase: Phase::Queued };
                self.attempts.insert(id, attempt);
                self.queue.push_back(id);
            }
        }
    }

    /// Why the worker does not take a launch, if it does not.
    fn refusal(&self, launch: &Launch) -> Result<Option<String>, Duplicate> {
        let Some(job) = self.jobs.get(&launch.attempt.job) else {
            return Ok(Some(format!("the worker was not told what {} is", launch.attempt.job)));
        };
        if job.noted.set.contains(&launch.attempt) || job.over {
            return Err(Duplicate);
        }
        if self.is_draining() {
            return Ok(Some("the worker is draining".to_owned()));
        }
        if launch.memory_bytes > self.resources.memory_bytes {
            return Ok(Some(format!(
                "the task needs {} MiB, the worker has {} MiB for all its tasks",
                launch.memory_bytes >> 20,
                self.resources.memory_bytes >> 20
            )));
        }
        let queued_max = self.resources.slots as usize * limits::QUEUED_PER_SLOT_MAX;
        Ok((self.queue.len() >= queued_max).then(|| format!("{queued_max} tasks wait here already")))
    }

    /// Gives free slots and memory to queued attempts whose process is ready, and starts processes for the others.
    pub(super) fn start_queued(&mut self) {
        if self.queue.is_empty() || self.leaving.as_ref().is_some_and(|leaving| leaving.ending) {
            return;
        }
        let (mut slots, mut memory_bytes) = self.free();
        let mut batches: BTreeMap<Life, Vec<Launch>> = BTreeMap::new();
        let mut to_start = Vec::new();
        for id in mem::take(&mut self.queue) {
            let Some(attempt) = self.attempts.get_mut(&id) else { continue };
            let ready = match self.jobs.get(&id.job).map(|job| &job.process) {
                Some(Process::Ready { life }) => Some(*life),
                Some(Process::Absent) => {
                    to_start.push(id.job);
                    None
                }
                _ => None,
            };
            let fits = slots > 0 && attempt.memory_bytes <= memory_bytes;
            match (ready.filter(|_| fits), attempt.launch.take()) {
                (Some(life), Some(launch)) => {
                    slots -= 1;
                    memory_bytes -= attempt.memory_bytes;
                    attempt.phase = Phase::Running { life, changed: self.now };
                    batches.entry(life).or_default().push(*launch);
                }
                (_, launch) => {
                    attempt.launch = launch;
                    self.queue.push_back(id);
                }
            }
        }
        to_start.dedup();
        for job in to_start {
            if matches!(self.jobs.get(&job).map(|job| &job.process), Some(Process::Absent)) {
                self.start_process(job);
            }
        }
        for (life, launches) in batches {
            self.out.push_back(Output::Send { life, order: TaskOrder::Run(launches) });
        }
    }

    /// Slots and bytes that no running attempt holds.
    pub(super) fn free(&self) -> (u32, u64) {
        let (mut slots, mut memory_bytes) = (self.resources.slots, self.resources.memory_bytes);
        for attempt in self.attempts.values().filter(|attempt| attempt.phase.life().is_some()) {
            slots = slots.saturating_sub(1);
            memory_bytes = memory_bytes.saturating_sub(attempt.memory_bytes);
        }
        (slots, memory_bytes)
    }

    pub(super) fn on_kill(&mut self, id: AttemptId, reason: &str) {
        match self.attempts.get(&id).map(|attempt| &attempt.phase) {
            Some(Phase::Queued) => {
                self.attempts.remove(&id);
                self.queue.retain(|queued| *queued != id);
                self.end(id, Outcome::Killed);
            }
            Some(Phase::Running { life, .. }) => self.stop(id, *life, Blame::Killed, reason.to_owned()),
            Some(Phase::Stopping { .. }) | None => self.stale += 1,
        }
    }

    fn stop(&mut self, id: AttemptId, life: Life, blame: Blame, reason: String) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.phase = Phase::Stopping { life, until: self.now.after_ms(limits::KILL_GRACE_MS), blame };
        }
        if matches!(self.process_mut(life), Some(Process::Ready { .. })) {
            self.out.push_back(Output::Send { life, order: TaskOrder::Kill { attempts: vec![id], reason } });
        }
    }

    pub(super) fn on_progress(&mut self, life: Life, progress: Vec<Progress>) {
        let now = self.now;
        let mut current = Vec::with_capacity(progress.len());
        for one in progress {
            match self.attempts.get_mut(&one.attempt).map(|attempt| &mut attempt.phase) {
                Some(Phase::Running { life: own, changed }) if *own == life => {
                    *changed = now;
                    current.push(one);
                }
                Some(Phase::Stopping { life: own, .. }) if *own == life => {}
                _ => self.stale += 1,
            }
        }
        if self.connected && !current.is_empty() {
            self.out.push_back(Output::TellMaster(WorkerTell::Progress(current)));
        }
    }

    pub(super) fn on_ended(&mut self, life: Life, id: AttemptId, outcome: Outcome) {
        let Some(attempt) = self.attempts.get(&id).filter(|attempt| attempt.phase.life() == Some(life))
        else {
            self.stale += 1;
            return;
        };
        let outcome = match (&attempt.phase, outcome) {
            // It stopped because it was told to: what that was for is what it ended of.
            (Phase::Stopping { blame, .. }, Outcome::Killed | Outcome::Failed { .. }) => blame.outcome(),
            (_, outcome) => outcome,
        };
        self.attempts.remove(&id);
        self.end(id, outcome);
    }

    /// Ends attempts of a job that no process has seen.
    pub(super) fn fail_queued(&mut self, job: JobId, kind: FaultKind, message: &str) {
        let ids: Vec<AttemptId> = self.queue.iter().filter(|id| id.job == job).copied().collect();
        self.queue.retain(|id| id.job != job);
        for id in ids {
            self.attempts.remove(&id);
            self.end(id, Outcome::Failed { kind, message: message.to_owned() });
        }
    }

    pub(super) fn attempt_deadline(&self, attempt: &Attempt) -> Option<Tick> {
        match attempt.phase {
            Phase::Queued => None,
            Phase::Running { life, changed } => {
                let job = self.lives.get(&life).and_then(|job| self.jobs.get(job))?;
                let timeout = u64::try_from(job.header.conf.task_timeout.as_millis()).unwrap_or(u64::MAX);
                (timeout > 0).then(|| changed.after_ms(timeout))
            }
            // Once its process is being ended by force there is nothing to wait for.
            Phase::Stopping { life, until, .. } => {
                let job = self.lives.get(&life).and_then(|job| self.jobs.get(job))?;
                matches!(job.process, Process::Ready { .. }).then_some(until)
            }
        }
    }

    pub(super) fn expire_attempts(&mut self) {
        let now = self.now;
        let late: Vec<AttemptId> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| self.attempt_deadline(attempt).is_some_and(|deadline| deadline <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            match self.attempts.get(&id).map(|attempt| &attempt.phase) {
                Some(Phase::Running { life, changed }) => {
                    let quiet_ms = now.0.saturating_sub(changed.0);
                    let reason = format!("no progress for {} s", quiet_ms / 1000);
                    self.stop(id, *life, Blame::Timeout { quiet_ms }, reason);
                }
                Some(Phase::Stopping { life, .. }) => self.end_process(*life, Ending::DidNotStop(id)),
                Some(Phase::Queued) | None => {}
            }
        }
    }
}

/// The launch was seen, ended and acknowledged before.
struct Duplicate;
