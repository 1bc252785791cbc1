//! Every invariant of the core. Tests call it after each event.

use super::{Core, attempt::Phase, process::Process};
use std::collections::BTreeSet;

impl Core {
    /// Panics, naming what is broken.
    pub fn check(&self) {
        self.check_resources();
        self.check_queue();
        self.check_processes();
        for (id, attempt) in &self.attempts {
            assert!(!self.unnoted.contains_key(id), "{id} both lives and has ended");
            let job = self.jobs.get(&id.job);
            assert!(job.is_some_and(|job| !job.over), "{id} lives, its job does not");
            let queued = matches!(attempt.phase, Phase::Queued);
            assert_eq!(queued, attempt.launch.is_some(), "{id}: exactly a queued attempt holds its launch");
        }
    }

    fn check_resources(&self) {
        let running: Vec<_> =
            self.attempts.values().filter(|attempt| attempt.phase.life().is_some()).collect();
        let memory_bytes: u64 = running.iter().map(|attempt| attempt.memory_bytes).sum();
        assert!(running.len() <= self.resources.slots as usize, "{} attempts run at once", running.len());
        assert!(memory_bytes <= self.resources.memory_bytes, "{memory_bytes} bytes are granted");
    }

    fn check_queue(&self) {
        let queued: BTreeSet<_> = self.queue.iter().copied().collect();
        assert_eq!(queued.len(), self.queue.len(), "an attempt is queued twice");
        let waiting: BTreeSet<_> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| matches!(attempt.phase, Phase::Queued))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(queued, waiting, "the queue is not the set of queued attempts");
    }

    fn check_processes(&self) {
        for (id, job) in &self.jobs {
            assert_eq!(*id, job.header.job);
            if let Some(life) = job.process.life() {
                assert_eq!(self.lives.get(&life), Some(id), "{life} is not on the list of lives");
            }
            assert!(
                !(job.over && matches!(job.process, Process::Absent)),
                "{id} is over and was not forgotten"
            );
        }
        for (life, id) in &self.lives {
            let of_job = self.jobs.get(id).and_then(|job| job.process.life());
            assert_eq!(of_job, Some(*life), "{life} has no job");
        }
        for (id, attempt) in &self.attempts {
            if let Some(life) = attempt.phase.life() {
                assert_eq!(self.lives.get(&life), Some(&id.job), "{id} runs in a process that is gone");
                let process = &self.jobs[&id.job].process;
                let can_run = matches!(process, Process::Ready { .. } | Process::Ending { .. });
                assert!(can_run, "{id} runs in a process that has not started");
            }
        }
    }
}
