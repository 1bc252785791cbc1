//! A core with a clock, a journal and hand-made workers, and jobs to give it.

use crate::core::{
    Core,
    event::{Event, Joining, Output, Tell, Tick, Ticket},
    ledger::Ledger,
    record::Record,
};
use skep_hdfs::{Epoch, WorkerId, protocol::namespace::Location};
use skep_jobs::{
    model::{
        AttemptId, Determinism, Done, Executable, FaultKind, FinishSpec, JobConf, JobId, JobSpec, JobState,
        Outcome, Program, Segment, StageId, StageInput, StageOutput, StageSpec, TaskSpec,
    },
    protocol::{
        client::{JobError, ResizePlan, Role},
        provider::ProviderOrder,
        worker::{Launch, RegisterError},
    },
};
use std::{collections::BTreeMap, time::Duration};

pub fn location(worker: u32) -> Location {
    Location {
        worker: WorkerId(worker),
        endpoint: skep_wire::Endpoint::Tcp(format!("127.0.0.1:{}", 7000 + worker)),
        host: format!("host-{worker}"),
        socket: None,
    }
}

pub fn joining(worker: u32, epoch: u64, role: Role, slots: u32) -> Joining {
    Joining {
        worker: (worker > 0).then_some(WorkerId(worker)),
        epoch: Epoch(epoch),
        role,
        location: location(worker),
        process: 100 + worker,
        slots,
        memory_bytes: u64::from(slots) << 30,
        draining: false,
        running: Vec::new(),
        outcomes: Vec::new(),
        outputs: Vec::new(),
    }
}

/// A stage of `tasks` tasks.
pub fn stage(tasks: usize, inputs: &[StageInput], output: StageOutput) -> StageSpec {
    let task = |index| TaskSpec { payload: vec![index as u8], preferred: Vec::new(), input_bytes: 1 };
    StageSpec {
        name: "work".to_owned(),
        tasks: (0..tasks).map(task).collect(),
        inputs: inputs.to_vec(),
        output,
        determinism: Determinism::Exact,
    }
}

pub fn job(token: u64, stages: Vec<StageSpec>) -> JobSpec {
    JobSpec {
        name: format!("job of token {token}"),
        user: "somebody".to_owned(),
        token,
        program: Program { executable: Executable::Skep, arguments: Vec::new(), files: Vec::new() },
        conf: JobConf { locality_wait: Duration::from_millis(300), ..JobConf::default() },
        stages,
        finish: None,
    }
}

/// `maps` tasks, shuffled into `reduces` tasks whose results go to the client.
pub fn two_stages(token: u64, maps: usize, reduces: usize) -> JobSpec {
    let map = stage(maps, &[], StageOutput::Shuffle { partitions: reduces as u32 });
    let reduce = stage(reduces, &[StageInput::Shuffle(StageId(0))], StageOutput::Result);
    job(token, vec![map, reduce])
}

/// `tasks` tasks that write files, and a commit.
pub fn writing(token: u64, tasks: usize) -> JobSpec {
    let mut spec = job(token, vec![stage(tasks, &[], StageOutput::Sink)]);
    spec.finish = Some(FinishSpec {
        commit: b"commit".to_vec(),
        abort: b"abort".to_vec(),
        outputs: vec!["/out".to_owned()],
    });
    spec
}

pub fn failure(kind: FaultKind) -> Outcome {
    Outcome::Failed { kind, message: "it broke".to_owned() }
}

#[derive(Default)]
pub struct Answers {
    pub submitted: Vec<Result<JobId, JobError>>,
    pub answered: Vec<Result<(), JobError>>,
    pub joined: Vec<Result<WorkerId, RegisterError>>,
    pub resized: Vec<Result<ResizePlan, JobError>>,
    pub provider: Vec<ProviderOrder>,
}

pub struct Rig {
    pub core: Core,
    pub now: Tick,
    pub log: Vec<Record>,
    pub told: Vec<(WorkerId, Tell)>,
    /// What each worker has and has not answered for.
    pub launched: BTreeMap<AttemptId, (WorkerId, Launch)>,
    pub answers: Answers,
    epochs: BTreeMap<WorkerId, Epoch>,
}

impl Rig {
    pub fn new() -> Rig {
        let now = Tick(1_000_000);
        Rig {
            core: Core::restore(now, None, Vec::new()),
            now,
            log: Vec::new(),
            told: Vec::new(),
            launched: BTreeMap::new(),
            answers: Answers::default(),
            epochs: BTreeMap::new(),
        }
    }

    /// With these workers, each with two slots; ids count from 1.
    pub fn with(core: u32, task: u32) -> Rig {
        let mut rig = Rig::new();
        for worker in 1..=core + task {
            let role = if worker <= core { Role::Core } else { Role::Task };
            rig.join(joining(worker, 1, role, 2));
        }
        rig
    }

    pub fn on(&mut self, event: Event) {
        self.core.on(self.now, event);
        self.drain();
        self.core.check();
        let replayed = Ledger::replay(None, self.log.iter().cloned());
        assert_eq!(&replayed, self.core.ledger(), "the records do not say what the core believes");
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Persist(record) => self.log.push(record),
                Output::Tell { worker, tell, .. } => {
                    if let Tell::Launch(launch) = &tell {
                        self.launched.insert(launch.attempt, (worker, (**launch).clone()));
                    }
                    self.told.push((worker, tell));
                }
                Output::Submitted { answer, .. } => self.answers.submitted.push(answer),
                Output::Answered { answer, .. } => self.answers.answered.push(answer),
                Output::Joined { answer, .. } => self.answers.joined.push(answer.map(|joined| joined.worker)),
                Output::Resized { answer, .. } => self.answers.resized.push(answer),
                Output::Provider { order, .. } => self.answers.provider.push(order),
                Output::StorageDrain { .. } | Output::Changed { .. } | Output::Gone { .. } => {}
            }
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.on(Event::Tick);
    }

    pub fn join(&mut self, joining: Joining) {
        let epoch = joining.epoch;
        self.on(Event::Join { ticket: Ticket(0), joining: Box::new(joining) });
        if let Some(Ok(worker)) = self.answers.joined.last() {
            self.epochs.insert(*worker, epoch);
        }
    }

    pub fn submit(&mut self, spec: JobSpec) -> JobId {
        self.on(Event::Submit { ticket: Ticket(0), spec: Box::new(spec) });
        self.answers.submitted.last().unwrap().clone().unwrap()
    }

    pub fn gone(&mut self, worker: u32) {
        let worker = WorkerId(worker);
        let epoch = self.epochs[&worker];
        self.launched.retain(|_, (on, _)| *on != worker);
        self.on(Event::Gone { worker, epoch, why: "it was killed".to_owned() });
    }

    /// The master dies and comes back from its journal; nobody has registered yet.
    pub fn restart(&mut self) {
        self.now = self.now.after(Duration::from_millis(500));
        self.core = Core::restore(self.now, None, self.log.clone());
        self.drain();
        self.core.check();
    }

    pub fn end(&mut self, attempt: AttemptId, outcome: Outcome) {
        let (worker, _) = self.launched.remove(&attempt).expect("only what was launched can end");
        self.report(worker, attempt, outcome);
    }

    pub fn report(&mut self, worker: WorkerId, attempt: AttemptId, outcome: Outcome) {
        let epoch = self.epochs[&worker];
        self.on(Event::Outcomes { worker, epoch, outcomes: vec![(attempt, outcome)] });
    }

    /// What a worker that did everything right says.
    pub fn done(&self, attempt: AttemptId) -> Outcome {
        let (worker, launch) = &self.launched[&attempt];
        let holder = launch.deliver_to.first().map_or(*worker, |location| location.worker);
        let segment = Segment { len_bytes: 10, records: 1, crc: 7 };
        Outcome::Done(Done {
            segments: vec![segment; launch.partitions as usize],
            holder: (launch.partitions > 0).then_some(holder),
            result: vec![attempt.part.0 as u8],
            commit: format!("{attempt}").into_bytes(),
            ..Done::default()
        })
    }

    pub fn finish(&mut self, attempt: AttemptId) {
        let outcome = self.done(attempt);
        self.end(attempt, outcome);
    }

    /// Attempts that workers have, of one stage.
    pub fn running(&self, stage: u32) -> Vec<AttemptId> {
        self.launched.keys().filter(|attempt| attempt.stage.0 == stage).copied().collect()
    }

    pub fn finish_stage(&mut self, stage: u32) {
        while let Some(attempt) = self.running(stage).first().copied() {
            self.finish(attempt);
        }
    }

    pub fn on_worker(&self, attempt: AttemptId) -> u32 {
        self.launched[&attempt].0.0
    }

    pub fn state(&self, job: JobId) -> JobState {
        self.core.job_view(job).expect("the job is known").summary.state
    }

    pub fn error(&self, job: JobId) -> String {
        self.core.job_view(job).and_then(|view| view.error.clone()).unwrap_or_default()
    }
}
