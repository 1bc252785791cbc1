//! The task process of a job.
//!
//! ```text
//!           first launch          hello             job over, did not stop, over memory, connection lost, leaving
//!  Absent ───────────────► Starting ────► Ready ─────────────────────────────────────────────────┐
//!    ▲ ▲                      │                                                                    ▼
//!    │ └──── start failed ────┴──────────────── the same, or no hello in time ────────────────► Ending
//!    └───────────────────────────── exited (from any state) ───────────────────────────────────────┘
//! ```

use super::{
    Core, Exit, Life, Output, StartFault, Tick,
    attempt::{Attempt, Phase},
};
use crate::limits;
use skep_jobs::{
    model::{AttemptId, FaultKind, JobId, Outcome},
    protocol::task::TaskOrder,
};

#[derive(Debug)]
pub(super) enum Process {
    Absent,
    /// `hello_until` is set once the process runs.
    Starting {
        life: Life,
        hello_until: Option<Tick>,
    },
    Ready {
        life: Life,
    },
    /// `kill_at`: when to end it by force; `None`: that was asked for.
    Ending {
        life: Life,
        why: Ending,
        kill_at: Option<Tick>,
    },
}

/// Why the worker ends a process: decides what its attempts are told to have died of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    JobOver,
    WorkerLeaves,
    NoHello,
    LinkLost,
    /// This attempt was told to stop and did not.
    DidNotStop(AttemptId),
    OverMemory {
        peak_bytes: u64,
        limit_bytes: u64,
    },
}

impl Process {
    pub fn life(&self) -> Option<Life> {
        match self {
            Process::Absent => None,
            Process::Starting { life, .. } | Process::Ready { life } | Process::Ending { life, .. } => {
                Some(*life)
            }
        }
    }

    pub fn deadline(&self) -> Option<Tick> {
        match self {
            Process::Starting { hello_until, .. } => *hello_until,
            Process::Ending { kill_at, .. } => *kill_at,
            Process::Absent | Process::Ready { .. } => None,
        }
    }
}

impl Core {
    pub(super) fn start_process(&mut self, id: JobId) {
        let life = Life(self.next_life);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        self.next_life += 1;
        self.lives.insert(life, id);
        job.process = Process::Starting { life, hello_until: None };
        self.out.push_back(Output::Start { life, header: job.header.clone() });
    }

    pub(super) fn on_spawned(&mut self, life: Life) {
        let until = self.now.after_ms(limits::HELLO_DEADLINE_MS);
        match self.process_mut(life) {
            Some(Process::Starting { hello_until, .. }) => *hello_until = Some(until),
            // It was told to end before it was there; the order to end it reached the shell first.
            Some(Process::Ending { .. }) => {}
            _ => self.stale += 1,
        }
    }

    pub(super) fn on_hello(&mut self, life: Life) {
        match self.process_mut(life) {
            Some(process @ Process::Starting { .. }) => *process = Process::Ready { life },
            Some(Process::Ending { .. }) => {}
            _ => self.stale += 1,
        }
    }

    pub(super) fn on_start_failed(&mut self, life: Life, fault: &StartFault) {
        let Some(id) = self.lives.remove(&life) else {
            self.stale += 1;
            return;
        };
        self.process_is_gone(id);
        self.fail_queued(id, fault.kind, &fault.message);
    }

    pub(super) fn on_link_lost(&mut self, life: Life) {
        if matches!(self.process_mut(life), Some(Process::Ready { .. })) {
            self.end_process_later(life, Ending::LinkLost, limits::LINK_LOST_GRACE_MS);
        }
    }

    pub(super) fn on_over_memory(&mut self, life: Life, peak_bytes: u64, limit_bytes: u64) {
        let over_memory = Ending::OverMemory { peak_bytes, limit_bytes };
        // It was struck at once: the end of its link, which may be heard of first, only follows from that.
        if let Some(Process::Ending { why: why @ Ending::LinkLost, .. }) = self.process_mut(life) {
            *why = over_memory.clone();
        }
        self.end_process(life, over_memory);
    }

    /// Ends a process now. One that is ending already keeps its first reason.
    pub(super) fn end_process(&mut self, life: Life, why: Ending) {
        let Some(process) = self.process_mut(life) else {
            self.stale += 1;
            return;
        };
        match process {
            Process::Ending { kill_at: None, .. } | Process::Absent => return,
            Process::Ending { kill_at, .. } => *kill_at = None,
            other => *other = Process::Ending { life, why, kill_at: None },
        }
        self.out.push_back(Output::Kill { life });
    }

    /// Gives a process some time to end by itself.
    fn end_process_later(&mut self, life: Life, why: Ending, grace_ms: u64) {
        let kill_at = Some(self.now.after_ms(grace_ms));
        if let Some(process @ (Process::Starting { .. } | Process::Ready { .. })) = self.process_mut(life) {
            *process = Process::Ending { life, why, kill_at };
        }
    }

    /// Ends the process of a job that is over: gently when it is idle; else what runs in it is of no use to anybody.
    pub(super) fn end_process_of_job_over(&mut self, id: JobId, idle: bool) {
        let Some(job) = self.jobs.get(&id) else { return };
        match job.process {
            Process::Absent => self.forget_job(id),
            Process::Ready { life } if idle => {
                self.out.push_back(Output::Send { life, order: TaskOrder::Exit });
                self.end_process_later(life, Ending::JobOver, limits::EXIT_GRACE_MS);
            }
            Process::Starting { life, .. } | Process::Ready { life } => {
                self.end_process(life, Ending::JobOver);
            }
            Process::Ending { .. } => {}
        }
    }

    pub(super) fn on_exited(&mut self, life: Life, exit: &Exit) {
        let Some(id) = self.lives.get(&life).copied() else {
            self.stale += 1;
            return;
        };
        let why = match self.process_mut(life) {
            Some(Process::Ending { why, .. }) => Some(why.clone()),
            Some(Process::Starting { .. }) => {
                self.lives.remove(&life);
                self.process_is_gone(id);
                return self.fail_queued(id, FaultKind::User, &died_before_hello(exit));
            }
            _ => None,
        };
        self.lives.remove(&life);
        self.process_is_gone(id);
        if why == Some(Ending::NoHello) {
            return self.fail_queued(id, FaultKind::User, &no_hello(exit));
        }
        for (attempt, phase) in self.take_attempts_of(life) {
            let outcome = outcome_of(attempt, &phase, why.as_ref(), exit);
            self.end(attempt, outcome);
        }
    }

    pub(super) fn expire_processes(&mut self) {
        let now = self.now;
        let late: Vec<Life> = self
            .jobs
            .values()
            .filter(|job| job.process.deadline().is_some_and(|deadline| deadline <= now))
            .filter_map(|job| job.process.life())
            .collect();
        late.into_iter().for_each(|life| self.end_process(life, Ending::NoHello));
    }

    fn take_attempts_of(&mut self, life: Life) -> Vec<(AttemptId, Phase)> {
        let of_life = |attempt: &Attempt| attempt.phase.life() == Some(life);
        let ids: Vec<AttemptId> =
            self.attempts.iter().filter(|(_, attempt)| of_life(attempt)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| Some((id, self.attempts.remove(&id)?.phase))).collect()
    }

    fn process_is_gone(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.process = Process::Absent;
        if job.over {
            self.forget_job(id);
        }
    }

    fn forget_job(&mut self, id: JobId) {
        self.jobs.remove(&id);
        self.out.push_back(Output::RemoveJob { job: id });
    }

    pub(super) fn process_mut(&mut self, life: Life) -> Option<&mut Process> {
        let id = self.lives.get(&life)?;
        self.jobs.get_mut(id).map(|job| &mut job.process)
    }
}

/// What an attempt died of when its process ended for the reason `why` (`None`: by itself).
fn outcome_of(attempt: AttemptId, phase: &Phase, why: Option<&Ending>, exit: &Exit) -> Outcome {
    if let Phase::Stopping { blame, .. } = phase {
        return blame.outcome();
    }
    let (kind, message) = match why {
        Some(Ending::OverMemory { peak_bytes, limit_bytes }) => {
            (FaultKind::OutOfMemory, over_memory(*peak_bytes, *limit_bytes))
        }
        Some(Ending::DidNotStop(other)) => (
            FaultKind::Preempted,
            format!(
                "its process was ended because {other} in the same process did not stop when it was told to"
            ),
        ),
        Some(Ending::WorkerLeaves | Ending::JobOver) => {
            (FaultKind::Preempted, format!("{attempt} was ended because its worker leaves"))
        }
        None | Some(Ending::LinkLost | Ending::NoHello) if exit.out_of_memory => {
            (FaultKind::OutOfMemory, killed_by_kernel(exit))
        }
        None => (FaultKind::User, died(exit)),
        Some(Ending::LinkLost | Ending::NoHello) => (FaultKind::User, closed(exit)),
    };
    Outcome::Failed { kind, message }
}

fn with_lines(message: String, exit: &Exit) -> String {
    if exit.last_lines.is_empty() {
        format!("{message}; it printed nothing")
    } else {
        format!("{message}; the last lines that it printed:\n{}", exit.last_lines)
    }
}

fn died(exit: &Exit) -> String {
    with_lines(format!("the task process ended by itself with {}", exit.how), exit)
}

fn closed(exit: &Exit) -> String {
    with_lines(format!("the task process closed its connection to the worker ({})", exit.how), exit)
}

fn died_before_hello(exit: &Exit) -> String {
    with_lines(
        format!(
            "the job's program ended with {} before it asked for a task; is it a Skep job binary, and does it build \
             the same plan when it is started again with the same arguments?",
            exit.how
        ),
        exit,
    )
}

fn no_hello(exit: &Exit) -> String {
    with_lines(
        format!(
            "the job's program did not ask for a task within {} s of its start and was ended; is it a Skep job binary?",
            limits::HELLO_DEADLINE_MS / 1000
        ),
        exit,
    )
}

fn over_memory(peak_bytes: u64, limit_bytes: u64) -> String {
    format!(
        "the job's processes on this worker used {} MiB, their limit is {} MiB; give its tasks more with \
         `--conf task.memory=SIZE`, or let each task hold less",
        peak_bytes >> 20,
        limit_bytes >> 20
    )
}

fn killed_by_kernel(exit: &Exit) -> String {
    with_lines(
        "the kernel ended the task process because the machine had no memory left; lower the worker's `--memory` or \
         `--slots`, or give the job's tasks less with `--conf task.memory=SIZE`"
            .to_owned(),
        exit,
    )
}
