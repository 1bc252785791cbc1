//! The core among model workers that crash, lose connections, repeat themselves, and come back late, with a master that is
//! killed at any record; from one seed. After the faults every job must end, and a result must never mix two histories.

use super::rig::{job, joining, stage};
use crate::core::{
    Core,
    event::{Event, Output, Session, StorageFacts, StoredThere, Tell, Tick, Ticket},
    ledger::Ledger,
    record::Record,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::{
    model::{
        AttemptId, Determinism, Done, FaultKind, FinishSpec, JobId, JobSpec, JobState, Outcome, Segment,
        StageId, StageInput, StageOutput,
        outcome::{LossReason, LostPiece},
    },
    protocol::{
        client::Role,
        worker::{Launch, LaunchInput},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Which run of which task a piece of data comes from, back to the beginning.
type History = BTreeSet<(u32, u32, u64)>;

#[derive(Default)]
struct ModelWorker {
    id: u32,
    epoch: u64,
    role_is_core: bool,
    alive: bool,
    session: Option<Session>,
    registering: Option<Ticket>,
    inbox: VecDeque<Tell>,
    jobs: BTreeSet<JobId>,
    running: BTreeMap<AttemptId, Launch>,
    unnoted: BTreeMap<AttemptId, Outcome>,
    outputs: BTreeMap<AttemptId, History>,
    /// The master was not told yet that it is gone.
    vanished: bool,
    left: bool,
}

struct World {
    rng: StdRng,
    core: Core,
    now: Tick,
    log: Vec<Record>,
    /// Put out by the core, not yet done: lost when the master dies.
    pending: VecDeque<Output>,
    workers: Vec<ModelWorker>,
    tickets: u64,
    jobs: BTreeMap<u64, Option<JobId>>,
    specs: Vec<JobSpec>,
    commits: BTreeMap<JobId, u32>,
    calm: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = rng.random_range(2..6);
        let cores = rng.random_range(1..=count);
        let worker = |index: u32| ModelWorker {
            id: index + 1,
            epoch: 1,
            role_is_core: index < cores,
            alive: true,
            ..ModelWorker::default()
        };
        let specs = (0..rng.random_range(1..4)).map(|token| random_job(&mut rng, token, count)).collect();
        let now = Tick(1_000_000);
        World {
            core: Core::restore(now, None, Vec::new()),
            now,
            log: Vec::new(),
            pending: VecDeque::new(),
            workers: (0..count).map(worker).collect(),
            tickets: 0,
            jobs: BTreeMap::new(),
            specs,
            commits: BTreeMap::new(),
            calm: false,
            rng,
        }
    }

    fn on(&mut self, event: Event) {
        self.core.on(self.now, event);
        while let Some(output) = self.core.poll() {
            self.pending.push_back(output);
        }
        self.core.check();
        let unwritten = self.pending.iter().filter_map(|output| match output {
            Output::Persist(record) => Some(record.clone()),
            _ => None,
        });
        let replayed = Ledger::replay(None, self.log.iter().cloned().chain(unwritten));
        assert_eq!(&replayed, self.core.ledger(), "the records do not say what the core believes");
    }

    /// Does some of what the core put out, in order: a record is durable before what follows leaves.
    fn release(&mut self, count: usize) {
        for _ in 0..count {
            let Some(output) = self.pending.pop_front() else { return };
            match output {
                Output::Persist(record) => self.log.push(record),
                Output::Tell { worker, session, tell } => self.deliver(worker, session, tell),
                Output::Submitted { answer, .. } => {
                    let job = answer.expect("the specs are good");
                    let spec = self.core.job_view(job).expect("a job that was answered is known");
                    let token: u64 = spec.summary.name.rsplit(' ').next().unwrap().parse().unwrap();
                    let known = self.jobs.insert(token, Some(job)).flatten();
                    assert!(known.is_none_or(|known| known == job), "one token, two jobs");
                }
                Output::Joined { ticket, answer } => {
                    let worker = self.workers.iter_mut().find(|worker| worker.registering == Some(ticket));
                    if let (Some(worker), Ok(joined)) = (worker, answer) {
                        worker.session = Some(joined.session);
                        worker.registering = None;
                        worker.jobs.retain(|job| joined.jobs.contains(job));
                        let alive = |attempt: &AttemptId| joined.jobs.contains(&attempt.job);
                        worker.outputs.retain(|attempt, _| alive(attempt));
                        worker.running.retain(|attempt, _| alive(attempt));
                    }
                }
                _ => {}
            }
        }
    }

    fn deliver(&mut self, worker: WorkerId, session: Session, tell: Tell) {
        let worker = &mut self.workers[worker.0 as usize - 1];
        if worker.alive && worker.session == Some(session) {
            worker.inbox.push_back(tell);
        }
    }

    fn connect(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if !worker.alive || worker.session.is_some() || worker.registering.is_some() || worker.left {
            return;
        }
        self.tickets += 1;
        let role = if worker.role_is_core { Role::Core } else { Role::Task };
        let mut joining = joining(worker.id, worker.epoch, role, 2);
        joining.running = worker.running.keys().copied().collect();
        joining.outcomes =
            worker.unnoted.iter().map(|(attempt, outcome)| (*attempt, outcome.clone())).collect();
        joining.outputs = worker.outputs.keys().copied().collect();
        worker.registering = Some(Ticket(self.tickets));
        worker.inbox.clear();
        let ticket = Ticket(self.tickets);
        self.on(Event::Join { ticket, joining: Box::new(joining) });
    }

    fn step_worker(&mut self, index: usize) {
        if let Some(tell) = self.workers[index].inbox.pop_front() {
            let twice = !self.calm && self.rng.random_bool(0.05);
            if twice {
                self.handle(index, tell.clone());
            }
            self.handle(index, tell);
        }
    }

    fn handle(&mut self, index: usize, tell: Tell) {
        let worker = &mut self.workers[index];
        match tell {
            Tell::Job(header) => drop(worker.jobs.insert(header.job)),
            Tell::Launch(launch) => {
                assert!(worker.jobs.contains(&launch.attempt.job), "a launch before its job's header");
                if !worker.unnoted.contains_key(&launch.attempt) {
                    worker.running.insert(launch.attempt, *launch);
                }
            }
            Tell::Kill { attempts, .. } => {
                for attempt in attempts {
                    if worker.running.remove(&attempt).is_some() {
                        worker.unnoted.insert(attempt, Outcome::Killed);
                    }
                }
            }
            Tell::Noted(attempts) => attempts.iter().for_each(|attempt| drop(worker.unnoted.remove(attempt))),
            Tell::DropOutputs(attempts) => {
                attempts.iter().for_each(|attempt| drop(worker.outputs.remove(attempt)));
            }
            Tell::JobOver(job) => {
                worker.jobs.remove(&job);
                worker.running.retain(|attempt, _| attempt.job != job);
                worker.unnoted.retain(|attempt, _| attempt.job != job);
                worker.outputs.retain(|attempt, _| attempt.job != job);
            }
            Tell::Drain(_) => {}
            Tell::Leave { .. } => {
                worker.left = true;
                worker.outputs.clear();
                self.die(index);
            }
        }
    }

    /// One running attempt ends, one way or another.
    fn end_one(&mut self, index: usize) {
        let running: Vec<AttemptId> = self.workers[index].running.keys().copied().collect();
        if running.is_empty() {
            return;
        }
        let attempt = running[self.rng.random_range(0..running.len())];
        let Some(launch) = self.workers[index].running.remove(&attempt) else { return };
        let outcome = self.run(index, &launch);
        self.workers[index].unnoted.insert(attempt, outcome);
        self.say(index);
    }

    fn run(&mut self, index: usize, launch: &Launch) -> Outcome {
        if !self.calm && self.rng.random_bool(0.15) {
            let kinds = [FaultKind::User, FaultKind::Worker, FaultKind::WorkerDisk, FaultKind::Preempted];
            return match self.rng.random_range(0..5) {
                4 => Outcome::Refused { reason: "no".to_owned() },
                kind => Outcome::Failed { kind: kinds[kind], message: "it broke".to_owned() },
            };
        }
        let mut history = History::new();
        let mut lost = Vec::new();
        for input in &launch.inputs {
            let LaunchInput::Shuffle { pieces, holders } = input else { continue };
            for piece in pieces {
                assert!(holders.iter().any(|holder| holder.worker == piece.holder));
                let holder = &self.workers[piece.holder.0 as usize - 1];
                match holder.outputs.get(&piece.producer).filter(|_| holder.alive) {
                    Some(read) => history.extend(read),
                    None => lost.push(LostPiece {
                        producer: piece.producer,
                        stage: piece.producer.stage,
                        holder: piece.holder,
                        reason: if holder.alive { LossReason::NotThere } else { LossReason::Unreachable },
                    }),
                }
            }
        }
        if !lost.is_empty() {
            return Outcome::LostInput(lost);
        }
        history.insert((launch.attempt.stage.0, launch.attempt.part.0, self.rng.random()));
        if launch.attempt.stage == StageId::COMMIT {
            *self.commits.entry(launch.attempt.job).or_default() += 1;
        }
        self.keep(index, launch, history)
    }

    fn keep(&mut self, index: usize, launch: &Launch, history: History) -> Outcome {
        let mut done = Done {
            segments: vec![Segment::default(); launch.partitions as usize],
            result: skep_wire::codec::encode(&history),
            ..Done::default()
        };
        if launch.partitions > 0 {
            let holder =
                match launch.deliver_to.iter().find(|to| self.workers[to.worker.0 as usize - 1].alive) {
                    Some(to) => to.worker.0,
                    None if self.workers[index].role_is_core => self.workers[index].id,
                    None => {
                        return Outcome::Failed { kind: FaultKind::Worker, message: "nowhere".to_owned() };
                    }
                };
            done.holder = Some(WorkerId(holder));
            self.workers[holder as usize - 1].outputs.insert(launch.attempt, history);
        }
        Outcome::Done(done)
    }

    fn say(&mut self, index: usize) {
        let worker = &self.workers[index];
        if worker.session.is_some() && worker.alive {
            let outcomes =
                worker.unnoted.iter().map(|(attempt, outcome)| (*attempt, outcome.clone())).collect();
            let (worker, epoch) = (WorkerId(worker.id), Epoch(worker.epoch));
            self.on(Event::Outcomes { worker, epoch, outcomes });
        }
    }

    fn die(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if worker.alive {
            worker.alive = false;
            worker.vanished = true;
            worker.session = None;
            worker.registering = None;
            worker.inbox.clear();
            worker.running.clear();
            worker.unnoted.clear();
            if !worker.role_is_core {
                worker.outputs.clear();
            }
        }
    }

    fn notice(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if worker.vanished {
            worker.vanished = false;
            let (worker, epoch) = (WorkerId(worker.id), Epoch(worker.epoch));
            self.on(Event::Gone { worker, epoch, why: "no beats".to_owned() });
        }
    }

    fn revive(&mut self, index: usize) {
        let keeps = self.rng.random_bool(0.5);
        let worker = &mut self.workers[index];
        if !worker.alive && !worker.left {
            worker.alive = true;
            worker.epoch += 1;
            worker.vanished = false;
            if !keeps {
                worker.outputs.clear();
            }
        }
    }

    fn disconnect(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        worker.session = None;
        worker.registering = None;
        worker.inbox.clear();
    }

    fn restart_master(&mut self) {
        self.pending.clear();
        self.now = self.now.after(Duration::from_millis(100));
        self.core = Core::restore(self.now, None, self.log.clone());
        (0..self.workers.len()).for_each(|index| self.disconnect(index));
        self.on(Event::Tick);
    }

    fn submit(&mut self) {
        let index = self.rng.random_range(0..self.specs.len());
        let spec = Box::new(self.specs[index].clone());
        self.jobs.entry(spec.token).or_default();
        self.tickets += 1;
        self.on(Event::Submit { ticket: Ticket(self.tickets), spec });
    }

    fn fault(&mut self) {
        let index = self.rng.random_range(0..self.workers.len());
        match self.rng.random_range(0..100) {
            0..15 => self.submit(),
            15..23 => self.die(index),
            23..35 => self.notice(index),
            35..50 => self.revive(index),
            50..60 => self.disconnect(index),
            60..64 => self.restart_master(),
            64..72 => self.lose_output(index),
            72..76 => self.false_alarm(index),
            76..79 => {
                let job = JobId(self.rng.random_range(1..4));
                self.on(Event::Kill { ticket: Ticket(0), job, user: "somebody".to_owned() });
            }
            79..84 => self.suspect(index),
            84..88 => {
                let core = Some(self.rng.random_range(1..4));
                let task = Some(self.rng.random_range(0..4));
                self.on(Event::Resize { ticket: Ticket(0), core, task, plan: false });
            }
            _ => self.now = self.now.after(Duration::from_millis(self.rng.random_range(0..3_000))),
        }
    }

    fn lose_output(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        let Some((attempt, _)) = worker.outputs.pop_first() else { return };
        if self.rng.random_bool(0.5) && self.workers[index].session.is_some() {
            let (worker, epoch) = (WorkerId(self.workers[index].id), Epoch(self.workers[index].epoch));
            self.on(Event::OutputsLost { worker, epoch, outputs: vec![attempt] });
        }
    }

    /// A worker that lives is taken for gone; it finds out when it registers again.
    fn false_alarm(&mut self, index: usize) {
        let (worker, epoch) = (WorkerId(self.workers[index].id), Epoch(self.workers[index].epoch));
        self.disconnect(index);
        self.on(Event::Gone { worker, epoch, why: "a partition".to_owned() });
    }

    fn suspect(&mut self, index: usize) {
        let (worker, epoch) = (WorkerId(self.workers[index].id), Epoch(self.workers[index].epoch));
        self.on(Event::Suspect { worker, epoch });
        self.on(Event::Alive { worker, epoch });
    }

    fn step(&mut self) {
        let index = self.rng.random_range(0..self.workers.len());
        match self.rng.random_range(0..10) {
            0..3 => {
                let count = self.rng.random_range(1..6);
                self.release(count);
            }
            3..6 => self.step_worker(index),
            6..8 => self.end_one(index),
            8 => self.connect(index),
            _ if !self.calm => self.fault(),
            _ => {
                self.now = self.now.after(Duration::from_millis(50));
                self.on(Event::Tick);
            }
        }
    }

    /// No more faults: everything that was lost comes back, messages arrive, time passes.
    fn calm_down(&mut self) {
        self.calm = true;
        self.on(Event::Resize { ticket: Ticket(0), core: Some(9), task: Some(9), plan: false });
        for index in 0..self.workers.len() {
            self.notice(index);
            self.workers[index].left = false;
            self.revive(index);
        }
        for _ in 0..400 {
            for index in 0..self.workers.len() {
                self.connect(index);
                self.release(usize::MAX);
                while !self.workers[index].inbox.is_empty() {
                    self.step_worker(index);
                }
                while !self.workers[index].running.is_empty() {
                    self.end_one(index);
                }
                self.say(index);
                self.storage();
                self.release(usize::MAX);
            }
            self.now = self.now.after(Duration::from_secs(1));
            self.on(Event::Tick);
        }
        // An output may be delivered after its job is over: the next registration sweeps it.
        for index in 0..self.workers.len() {
            self.disconnect(index);
            self.connect(index);
        }
        self.release(usize::MAX);
    }

    fn storage(&mut self) {
        let free = StoredThere { draining: true, ..StoredThere::default() };
        let workers = self.workers.iter().map(|worker| (WorkerId(worker.id), free)).collect();
        self.on(Event::Storage(StorageFacts { workers, safe_core_min: 1 }));
    }

    fn check_end(&self, seed: u64) {
        for job in self.jobs.values().flatten() {
            let view = self.core.job_view(*job).expect("an acknowledged job is never forgotten");
            assert!(
                view.summary.state.is_final(),
                "seed {seed}: {job} does not end: {:?} {:?}",
                view,
                self.core.why(*job)
            );
            if view.summary.state == JobState::Succeeded {
                self.check_success(seed, *job, &view.results);
            }
        }
        for worker in &self.workers {
            assert!(worker.outputs.is_empty(), "seed {seed}: outputs are left after all jobs are over");
        }
    }

    fn check_success(&self, seed: u64, job: JobId, results: &[Vec<u8>]) {
        let view = self.core.job_view(job).expect("checked before");
        let token: u64 = view.summary.name.rsplit(' ').next().unwrap().parse().unwrap();
        let spec = self.specs.iter().find(|spec| spec.token == token).unwrap();
        assert!(
            spec.finish.is_none() || self.commits.contains_key(&job),
            "seed {seed}: {job} never committed"
        );
        let mut runs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for result in results {
            let history: History = skep_wire::codec::decode(result).unwrap();
            for (stage, part, run) in history {
                if spec.stages[stage as usize].determinism == Determinism::Varies {
                    let first = *runs.entry((stage, part)).or_insert(run);
                    assert_eq!(first, run, "seed {seed}: {job} mixes two runs of task {stage}.{part}");
                }
            }
        }
    }
}

fn random_job(rng: &mut StdRng, token: u64, workers: u32) -> JobSpec {
    let (first, second, third) = (rng.random_range(1..5), rng.random_range(1..4), rng.random_range(1..4));
    let shuffle = |partitions: usize| StageOutput::Shuffle { partitions: partitions as u32 };
    let last = if rng.random_bool(0.6) { StageOutput::Result } else { StageOutput::Sink };
    let mut stages = vec![
        stage(first, &[], shuffle(second)),
        stage(second, &[StageInput::Shuffle(StageId(0))], shuffle(third)),
        stage(third, &[StageInput::Shuffle(StageId(1))], last),
    ];
    for stage in &mut stages[..2] {
        if rng.random_bool(0.4) {
            stage.determinism = Determinism::Varies;
        }
    }
    for task in &mut stages[0].tasks {
        task.preferred = vec![WorkerId(rng.random_range(1..=workers))];
    }
    let mut spec = job(token, stages);
    if last == StageOutput::Sink {
        spec.finish = Some(FinishSpec { commit: vec![1], abort: vec![2], outputs: vec!["/out".to_owned()] });
    }
    spec
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..600 {
        world.step();
    }
    world.calm_down();
    world.check_end(seed);
}

proptest! {
    #[test]
    fn every_job_ends_and_no_result_mixes_two_histories_whatever_is_lost_repeated_or_late(seed in any::<u64>()) {
        run(seed);
    }
}
