//! Attempts of this process and the threads that run them: at most as many at a time as the worker has slots, the others
//! wait in order. Threads are started when they are first needed and kept.

use super::{
    attempt::{self, Host, Running},
    limits, panics,
};
use crate::{
    model::{AttemptId, FaultKind, Outcome},
    protocol::{
        task::TaskTell,
        worker::{Launch, Progress},
    },
    task_program::{Cancel, TaskProgress},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};
use tokio::sync::mpsc;

/// Messages to the worker, in order. Never called on an I/O thread: it waits while too many are on their way.
#[derive(Clone)]
pub(super) struct Tells(pub mpsc::Sender<TaskTell>);

impl Tells {
    pub fn send(&self, tell: TaskTell) {
        // The receiver goes away only when the process ends.
        let _ = self.0.blocking_send(tell);
    }
}

pub(super) struct Pool {
    host: Arc<Host>,
    tells: Tells,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Launch>,
    running: BTreeMap<AttemptId, Running>,
    reported: BTreeMap<AttemptId, Progress>,
    threads: u32,
    idle_threads: u32,
}

impl Pool {
    pub fn new(host: Arc<Host>, tells: Tells) -> Arc<Pool> {
        Arc::new(Pool { host, tells, state: Mutex::default(), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues attempts. Says which could not even be queued: the system has no thread for them.
    pub fn launch(self: &Arc<Self>, launches: Vec<Launch>) -> Vec<(AttemptId, Outcome)> {
        let mut state = self.state();
        state.waiting.extend(launches);
        let slots = self.host.welcome.slots.max(1);
        while state.threads < slots && (state.waiting.len() as u64) > u64::from(state.idle_threads) {
            state.threads += 1;
            state.idle_threads += 1;
            let pool = Arc::clone(self);
            let builder =
                thread::Builder::new().name("skep-attempt".to_owned()).stack_size(limits::STACK_BYTES);
            if let Err(error) = builder.spawn(move || pool.work()) {
                state.threads -= 1;
                state.idle_threads -= 1;
                if state.threads == 0 {
                    let message = format!("cannot start a thread for the task: {error}");
                    let outcome = Outcome::Failed { kind: FaultKind::Worker, message };
                    return state.waiting.drain(..).map(|launch| (launch.attempt, outcome.clone())).collect();
                }
                break;
            }
        }
        self.changed.notify_all();
        Vec::new()
    }

    /// Tells a running attempt to stop. Says whether it was still waiting, and is dropped.
    pub fn kill(&self, attempt: AttemptId) -> bool {
        let mut state = self.state();
        if let Some(running) = state.running.get(&attempt) {
            running.cancel.raise();
            return false;
        }
        let before = state.waiting.len();
        state.waiting.retain(|launch| launch.attempt != attempt);
        state.waiting.len() < before
    }

    /// Progress of running attempts that changed since it was last asked for.
    pub fn changed_progress(&self) -> Vec<Progress> {
        let mut state = self.state();
        let State { running, reported, .. } = &mut *state;
        reported.retain(|attempt, _| running.contains_key(attempt));
        let mut changed = Vec::new();
        for (attempt, one) in running.iter() {
            let now = one.progress.snapshot(*attempt);
            if reported.get(attempt) != Some(&now) {
                reported.insert(*attempt, now.clone());
                changed.push(now);
            }
        }
        changed
    }

    /// Returns when no attempt runs or waits.
    pub fn wait_idle(&self) {
        let mut state = self.state();
        while !(state.running.is_empty() && state.waiting.is_empty()) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        loop {
            let (launch, running) = self.next();
            let attempt = launch.attempt;
            self.tells.send(TaskTell::Started(attempt));
            // Panics of the program are its outcome; one of the executor itself must not leave the attempt without an end.
            let run = || attempt::run(&self.host, &launch, &running, &self.tells);
            let outcome =
                panics::catch(&attempt.to_string(), run).unwrap_or_else(|message| Outcome::Failed {
                    kind: FaultKind::Worker,
                    message: format!("the executor failed: {message}"),
                });
            self.tells.send(TaskTell::Ended(attempt, outcome));
            let mut state = self.state();
            state.running.remove(&attempt);
            state.idle_threads += 1;
            self.changed.notify_all();
        }
    }

    fn next(&self) -> (Launch, Running) {
        let mut state = self.state();
        loop {
            if let Some(launch) = state.waiting.pop_front() {
                let running =
                    Running { progress: Arc::new(TaskProgress::default()), cancel: Cancel::default() };
                state.running.insert(launch.attempt, running.clone());
                state.idle_threads -= 1;
                return (launch, running);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
