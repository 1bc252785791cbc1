//! Every invariant of the core, checked after each event in tests.

use super::{
    Core,
    job::Job,
    ledger::{JobLedger, Phase},
    stage::Flow,
    task::TaskState,
};
use skep_jobs::model::{AttemptId, AttemptNumber, JobId, PartId, StageId};

impl Core {
    /// Panics with the first invariant that does not hold. O(state).
    pub fn check(&self) {
        assert!(self.jobs.keys().eq(self.ledger.jobs.keys()), "the ledger and the core know other jobs");
        for (id, job) in &self.jobs {
            self.check_job(*id, job);
        }
        self.check_workers();
        self.check_holdings();
        self.check_shares();
        let cores =
            self.workers.iter().filter(|(_, there)| there.is_core() && there.stays()).map(|(id, _)| id);
        assert!(self.cores.iter().eq(cores), "the set of core workers that stay is wrong");
        assert!(
            self.awaited.iter().all(|worker| !self.workers.contains_key(worker)),
            "awaits one that is there"
        );
        assert!(self.hold.is_none() || !self.awaited.is_empty(), "launches are held for nobody");
    }

    fn check_job(&self, id: JobId, job: &Job) {
        let ledger = &self.ledger.jobs[&id];
        for (attempt, running) in &job.running {
            let there = self.workers.get(&running.worker);
            assert!(
                there.is_some_and(|there| there.running.contains(attempt)),
                "{attempt}: not on its worker"
            );
        }
        assert!(ledger.phase == Phase::Running || job.stages.iter().all(|stage| stage.ready.is_empty()));
        assert_eq!(
            matches!(ledger.phase, Phase::Aborting(_)),
            job.cleanup.is_some(),
            "{id}: clean-up and phase"
        );
        let stages = (0..job.stages.len() as u32).map(StageId).chain(self.finish_stage(id));
        for stage in stages {
            self.check_stage(id, job, ledger, stage);
        }
    }

    fn check_stage(&self, id: JobId, job: &Job, ledger: &JobLedger, stage: StageId) {
        let Some(entry) = job.stage(stage) else { return };
        assert_eq!(
            job.open.contains(&stage),
            !entry.ready.is_empty(),
            "{id} stage {stage}: open and ready differ"
        );
        let running =
            job.running.keys().filter(|attempt| attempt.stage == stage && self.is_of_now(**attempt));
        let phase = ledger.phase;
        assert_eq!(
            running.count(),
            entry.running as usize,
            "{id} stage {stage}: running attempts ({phase:?})"
        );
        let mut delayed = 0;
        for (part, task) in entry.tasks.iter().enumerate() {
            let part = PartId(part as u32);
            self.check_task(id, job, ledger, stage, part);
            delayed += u32::from(matches!(task.state, TaskState::Delayed { .. }));
        }
        assert_eq!(delayed, entry.delayed, "{id} stage {stage}: pauses");
        if let (Some(known), Phase::Running) = (ledger.stage(stage), ledger.phase) {
            assert_eq!(
                known.is_complete(),
                entry.flow == Flow::Done,
                "{id} stage {stage}: done and flow differ"
            );
            let done = known.tasks.iter().flatten().count();
            assert_eq!(done, known.done as usize, "{id} stage {stage}: done tasks");
        }
    }

    fn check_task(&self, id: JobId, job: &Job, ledger: &JobLedger, stage: StageId, part: PartId) {
        let Some(entry) = job.stage(stage) else { return };
        let state = entry.tasks[part.0 as usize].state;
        let attempt = AttemptNumber(0);
        let first = AttemptId { job: id, stage, round: self.round(id, stage), part, attempt };
        let runs = ledger.phase == Phase::Running || self.finish_stage(id) == Some(stage);
        let attempts = if runs { job.attempts_of(first).count() } else { 0 };
        let done = ledger.phase == Phase::Running
            && ledger.stage(stage).is_some_and(|stage| stage.finished(part).is_some());
        assert_eq!(entry.ready.contains(part), state == TaskState::Ready, "{first}: index and state differ");
        match state {
            TaskState::Done => assert!(done || ledger.phase != Phase::Running, "{first}: done for nobody"),
            TaskState::Running => assert!(attempts > 0 || !runs, "{first}: runs nowhere"),
            TaskState::Ready | TaskState::Delayed { .. } => {
                assert_eq!(entry.flow, Flow::Open, "{first}: ready in a stage that is not open");
                assert!(!done, "{first}: ready though done");
            }
            TaskState::Idle => {
                assert!(!done, "{first}: idle though done");
                assert!(entry.flow != Flow::Open, "{first}: forgotten in an open stage");
            }
        }
    }

    fn check_workers(&self) {
        for (id, there) in &self.workers {
            assert!(
                self.ledger.workers.get(id).is_some_and(|known| known.present),
                "{id}: not in the ledger"
            );
            let grant = |attempt: &AttemptId| {
                let running = self.jobs.get(&attempt.job).and_then(|job| job.running.get(attempt));
                let running = running.filter(|running| running.worker == *id);
                assert!(running.is_some(), "{attempt}: {id} has it, its job does not");
                running.map_or(0, |running| running.grant_bytes)
            };
            let used: u64 = there.running.iter().map(grant).sum();
            assert_eq!(used, there.used_bytes, "{id}: memory in use");
        }
    }

    fn check_holdings(&self) {
        for (worker, held) in &self.holdings {
            assert!(held.is_empty() || self.workers.contains_key(worker) || self.awaited.contains(worker));
            for (job, stage, part) in held {
                let stage = self.ledger.jobs.get(job).and_then(|job| job.stage(*stage));
                let holder = stage.and_then(|stage| stage.finished(*part)).and_then(|done| done.done.holder);
                assert_eq!(holder, Some(*worker), "{job} {part:?}: held by {worker} for nobody");
            }
        }
    }
}
