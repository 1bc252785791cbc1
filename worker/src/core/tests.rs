//! The core against a model world, and the rules that have a name.

use super::{Core, Event, Exit, Life, Output, Resources, StartFault, Tick};
use crate::limits;
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, Done, Executable, FaultKind, JobConf, JobId, Outcome, PartId, Program,
        Round, StageId,
    },
    protocol::{
        task::TaskOrder,
        worker::{JobHeader, Launch, Progress, WorkerTell},
    },
};
use skep_wire::JobToken;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

fn token() -> JobToken {
    serde_json::from_value(serde_json::json!(vec![0u8; 32])).unwrap()
}

fn header(job: u64) -> Box<JobHeader> {
    Box::new(JobHeader {
        job: JobId(job),
        name: format!("job {job}"),
        user: "ada".to_owned(),
        program: Program { executable: Executable::Skep, arguments: Vec::new(), files: Vec::new() },
        conf: JobConf { task_timeout: Duration::from_secs(10), ..JobConf::default() },
        token: token(),
        memory_bytes: 1 << 30,
    })
}

fn attempt(job: u64, part: u32) -> AttemptId {
    AttemptId {
        job: JobId(job),
        stage: StageId(0),
        round: Round(0),
        part: PartId(part),
        attempt: AttemptNumber(0),
    }
}

fn launch(id: AttemptId, memory_bytes: u64) -> Launch {
    Launch {
        attempt: id,
        payload: Vec::new(),
        memory_bytes,
        inputs: Vec::new(),
        partitions: 0,
        deliver_to: Vec::new(),
    }
}

fn exit(how: &str) -> Exit {
    Exit { how: how.to_owned(), out_of_memory: false, last_lines: "boom".to_owned() }
}

fn core(slots: u32) -> Core {
    let mut core = Core::new(Resources { slots, memory_bytes: 1000 });
    core.on(Tick(0), Event::Connected { jobs: Vec::new() });
    core
}

fn drain(core: &mut Core) -> Vec<Output> {
    let mut outputs = Vec::new();
    while let Some(output) = core.poll() {
        outputs.push(output);
        core.check();
    }
    outputs
}

fn on(core: &mut Core, at: u64, event: Event) -> Vec<Output> {
    core.on(Tick(at), event);
    core.check();
    drain(core)
}

/// A core with one ready process of job 1 in which these parts run.
fn running(slots: u32, parts: u32) -> (Core, Life) {
    let mut core = core(slots);
    on(&mut core, 0, Event::Job(header(1)));
    let launches = (0..parts).map(|part| launch(attempt(1, part), 10)).collect();
    let outputs = on(&mut core, 0, Event::Launch(launches));
    let [Output::Start { life, .. }] = outputs[..] else { panic!("no start: {outputs:?}") };
    on(&mut core, 0, Event::Spawned { life });
    let outputs = on(&mut core, 0, Event::Hello { life });
    assert!(matches!(&outputs[..], [Output::Send { order: TaskOrder::Run(_), .. }]));
    (core, life)
}

fn outcomes(outputs: &[Output]) -> BTreeMap<AttemptId, Outcome> {
    let mut found = BTreeMap::new();
    for output in outputs {
        if let Output::TellMaster(WorkerTell::Outcomes(batch)) = output {
            found.extend(batch.iter().cloned());
        }
    }
    found
}

fn kind(outcome: &Outcome) -> Option<FaultKind> {
    match outcome {
        Outcome::Failed { kind, .. } => Some(*kind),
        _ => None,
    }
}

#[test]
fn attempts_beyond_the_slots_wait_and_run_when_one_ends() {
    let (mut core, life) = running(2, 3);
    let outputs = on(
        &mut core,
        1,
        Event::Ended { life, attempt: attempt(1, 0), outcome: Outcome::Done(Done::default()) },
    );
    assert!(outcomes(&outputs).contains_key(&attempt(1, 0)));
    let sent = outputs.iter().any(|output| {
        matches!(output, Output::Send { order: TaskOrder::Run(launches), .. } if launches[0].attempt == attempt(1, 2))
    });
    assert!(sent, "{outputs:?}");
}

#[test]
fn an_outcome_is_repeated_on_each_new_connection_until_it_is_noted() {
    let (mut core, life) = running(1, 1);
    on(&mut core, 1, Event::Disconnected);
    let ended = Event::Ended { life, attempt: attempt(1, 0), outcome: Outcome::Done(Done::default()) };
    assert!(outcomes(&on(&mut core, 2, ended)).is_empty());
    assert_eq!(core.inventory().outcomes.len(), 1);
    on(&mut core, 3, Event::Connected { jobs: vec![JobId(1)] });
    on(&mut core, 4, Event::Disconnected);
    let outputs = on(&mut core, 5, Event::Connected { jobs: vec![JobId(1)] });
    assert!(outcomes(&outputs).contains_key(&attempt(1, 0)));
    on(&mut core, 6, Event::Noted(vec![attempt(1, 0)]));
    assert!(core.inventory().outcomes.is_empty());
}

#[test]
fn a_launch_that_arrives_after_its_outcome_was_noted_does_not_run_again() {
    let (mut core, life) = running(1, 1);
    on(&mut core, 1, Event::Ended { life, attempt: attempt(1, 0), outcome: Outcome::Done(Done::default()) });
    on(&mut core, 2, Event::Noted(vec![attempt(1, 0)]));
    let outputs = on(&mut core, 3, Event::Launch(vec![launch(attempt(1, 0), 10)]));
    assert!(outputs.is_empty(), "{outputs:?}");
    assert_eq!(core.stale(), 1);
}

#[test]
fn an_attempt_without_progress_times_out_and_its_neighbours_are_preempted() {
    let (mut core, life) = running(2, 2);
    let progress = Progress {
        attempt: attempt(1, 1),
        input_bytes: 1,
        input_records: 1,
        shuffled_bytes: 0,
        output_records: 0,
        counters: BTreeMap::new(),
        status: None,
    };
    on(&mut core, 9_000, Event::Progress { life, progress: vec![progress] });
    assert_eq!(core.deadline(), Some(Tick(10_000)));
    let outputs = on(&mut core, 10_000, Event::Tick);
    assert!(matches!(&outputs[..], [Output::Send { order: TaskOrder::Kill { .. }, .. }]), "{outputs:?}");
    let outputs = on(&mut core, 10_000 + limits::KILL_GRACE_MS, Event::Tick);
    assert!(matches!(&outputs[..], [Output::Kill { .. }]), "{outputs:?}");
    let ended = outcomes(&on(&mut core, 14_000, Event::Exited { life, exit: exit("signal SIGKILL") }));
    assert_eq!(kind(&ended[&attempt(1, 0)]), Some(FaultKind::Timeout));
    assert_eq!(kind(&ended[&attempt(1, 1)]), Some(FaultKind::Preempted));
}

#[test]
fn a_process_that_dies_by_itself_is_the_users_fault_and_its_last_lines_are_told() {
    let (mut core, life) = running(1, 2);
    let outputs = on(&mut core, 5, Event::Exited { life, exit: exit("exit code 3") });
    let ended = outcomes(&outputs);
    let Outcome::Failed { kind: FaultKind::User, message } = &ended[&attempt(1, 0)] else {
        panic!("{ended:?}")
    };
    assert!(message.contains("exit code 3") && message.contains("boom"), "{message}");
    // The one that waited was not in it: a new process is started for it.
    assert_eq!(ended.len(), 1);
    assert!(outputs.iter().any(|output| matches!(output, Output::Start { .. })));
}

#[test]
fn a_process_over_its_memory_is_ended_and_the_message_gives_peak_limit_and_advice() {
    // It is struck before the core hears why: its link may be lost first.
    for link_is_lost_first in [false, true] {
        let (mut core, life) = running(1, 1);
        if link_is_lost_first {
            on(&mut core, 4, Event::LinkLost { life });
        }
        let over_memory = Event::OverMemory { life, peak_bytes: 300 << 20, limit_bytes: 200 << 20 };
        let outputs = on(&mut core, 5, over_memory);
        assert!(matches!(&outputs[..], [Output::Kill { .. }]), "{outputs:?}");
        let ended = outcomes(&on(&mut core, 6, Event::Exited { life, exit: exit("signal SIGKILL") }));
        let Outcome::Failed { kind: FaultKind::OutOfMemory, message } = &ended[&attempt(1, 0)] else {
            panic!("{ended:?}")
        };
        for part in ["300 MiB", "200 MiB", "--conf task.memory="] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_failed_start_is_told_with_its_own_kind() {
    let mut core = core(1);
    on(&mut core, 0, Event::Job(header(1)));
    let outputs = on(&mut core, 0, Event::Launch(vec![launch(attempt(1, 0), 10)]));
    let [Output::Start { life, .. }] = outputs[..] else { panic!("{outputs:?}") };
    let fault = StartFault { kind: FaultKind::WorkerDisk, message: "no room".to_owned() };
    let ended = outcomes(&on(&mut core, 1, Event::StartFailed { life, fault }));
    assert_eq!(kind(&ended[&attempt(1, 0)]), Some(FaultKind::WorkerDisk));
}

#[test]
fn a_process_that_never_says_hello_is_ended_and_the_message_asks_for_a_job_binary() {
    let mut core = core(1);
    on(&mut core, 0, Event::Job(header(1)));
    let outputs = on(&mut core, 0, Event::Launch(vec![launch(attempt(1, 0), 10)]));
    let [Output::Start { life, .. }] = outputs[..] else { panic!("{outputs:?}") };
    on(&mut core, 1, Event::Spawned { life });
    let outputs = on(&mut core, 1 + limits::HELLO_DEADLINE_MS, Event::Tick);
    assert!(matches!(&outputs[..], [Output::Kill { .. }]), "{outputs:?}");
    let ended = outcomes(&on(&mut core, 70_000, Event::Exited { life, exit: exit("signal SIGKILL") }));
    let Outcome::Failed { kind: FaultKind::User, message } = &ended[&attempt(1, 0)] else {
        panic!("{ended:?}")
    };
    assert!(message.contains("Skep job binary"), "{message}");
}

#[test]
fn a_job_that_the_master_does_not_name_any_more_is_ended_and_removed() {
    let (mut core, life) = running(1, 2);
    on(&mut core, 1, Event::Disconnected);
    let outputs = on(&mut core, 2, Event::Connected { jobs: Vec::new() });
    assert!(matches!(&outputs[..], [Output::Kill { .. }]), "{outputs:?}");
    let outputs = on(&mut core, 3, Event::Exited { life, exit: exit("signal SIGKILL") });
    assert!(matches!(&outputs[..], [Output::RemoveJob { job: JobId(1) }]), "{outputs:?}");
}

#[test]
fn a_draining_worker_refuses_at_no_cost_and_says_once_that_it_is_empty() {
    let (mut core, life) = running(1, 1);
    on(&mut core, 1, Event::Drain(true));
    let refused = outcomes(&on(&mut core, 2, Event::Launch(vec![launch(attempt(1, 7), 10)])));
    assert!(matches!(refused[&attempt(1, 7)], Outcome::Refused { .. }));
    on(&mut core, 3, Event::Ended { life, attempt: attempt(1, 0), outcome: Outcome::Done(Done::default()) });
    on(&mut core, 4, Event::OutputsHeld(1));
    let outputs = on(&mut core, 5, Event::Noted(vec![attempt(1, 0), attempt(1, 7)]));
    assert!(outputs.is_empty(), "it still holds shuffle output: {outputs:?}");
    let outputs = on(&mut core, 6, Event::OutputsHeld(0));
    assert!(matches!(&outputs[..], [Output::TellMaster(WorkerTell::Empty)]), "{outputs:?}");
    assert!(on(&mut core, 7, Event::Tick).is_empty());
}

#[test]
fn a_stopped_worker_waits_for_its_attempts_and_at_the_second_word_ends_at_once() {
    let (mut core, life) = running(1, 1);
    let outputs = on(&mut core, 0, Event::Stop { grace_ms: 5_000 });
    assert!(matches!(&outputs[..], [Output::TellMaster(WorkerTell::Leaving { within_ms: 5_000 })]));
    assert!(on(&mut core, 1, Event::Tick).is_empty());
    let outputs = on(&mut core, 2, Event::Stop { grace_ms: 5_000 });
    assert!(matches!(&outputs[..], [Output::Kill { .. }]), "{outputs:?}");
    let outputs = on(&mut core, 3, Event::Exited { life, exit: exit("signal SIGKILL") });
    assert_eq!(kind(&outcomes(&outputs)[&attempt(1, 0)]), Some(FaultKind::Preempted));
    assert!(matches!(outputs.last(), Some(Output::Finish { forget: false })), "{outputs:?}");
}

/// What the world outside does with the core's outputs, at random but to an end.
struct World {
    core: Core,
    rng: StdRng,
    now: u64,
    /// Processes, and whether they have said hello.
    processes: BTreeMap<Life, bool>,
    inside: BTreeMap<Life, BTreeSet<AttemptId>>,
    ran: BTreeSet<AttemptId>,
    launched: BTreeSet<AttemptId>,
    /// What the master saw of each attempt that it launched.
    seen: BTreeMap<AttemptId, Outcome>,
    over: BTreeSet<JobId>,
    removed: BTreeSet<JobId>,
    connected: bool,
    finished: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut world = World {
            core: Core::new(Resources { slots: 3, memory_bytes: 100 }),
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            processes: BTreeMap::new(),
            inside: BTreeMap::new(),
            ran: BTreeSet::new(),
            launched: BTreeSet::new(),
            seen: BTreeMap::new(),
            over: BTreeSet::new(),
            removed: BTreeSet::new(),
            connected: false,
            finished: false,
        };
        world.connect();
        world
    }

    fn feed(&mut self, event: Event) {
        self.core.on(Tick(self.now), event);
        self.core.check();
        while let Some(output) = self.core.poll() {
            self.core.check();
            self.take(output);
        }
    }

    fn take(&mut self, output: Output) {
        assert!(!self.finished, "after the end: {output:?}");
        match output {
            Output::Start { life, .. } => assert!(self.processes.insert(life, false).is_none()),
            Output::Send { life, order: TaskOrder::Run(launches) } => {
                assert_eq!(self.processes.get(&life), Some(&true), "an order before hello");
                for launch in launches {
                    assert!(self.ran.insert(launch.attempt), "{} runs twice", launch.attempt);
                    self.inside.entry(life).or_default().insert(launch.attempt);
                }
            }
            Output::Send { .. } | Output::Kill { .. } => {}
            Output::TellMaster(WorkerTell::Outcomes(batch)) => {
                assert!(self.connected);
                self.seen.extend(batch);
            }
            Output::TellMaster(_) => assert!(self.connected),
            Output::RemoveJob { job } => {
                assert!(self.over.contains(&job));
                self.removed.insert(job);
            }
            Output::Finish { .. } => {
                assert!(self.processes.is_empty(), "processes are left behind");
                self.finished = true;
            }
        }
    }

    fn connect(&mut self) {
        self.seen.extend(self.core.inventory().outcomes);
        self.connected = true;
        let jobs = (0..3).map(JobId).filter(|job| !self.over.contains(job)).collect();
        self.feed(Event::Connected { jobs });
        let living: Vec<u64> = (0..3).filter(|job| !self.over.contains(&JobId(*job))).collect();
        living.into_iter().for_each(|job| self.feed(Event::Job(header(job))));
    }

    fn some_life(&mut self) -> Option<Life> {
        let lives: Vec<Life> = self.processes.keys().copied().collect();
        (!lives.is_empty()).then(|| lives[self.rng.random_range(0..lives.len())])
    }

    fn die(&mut self, life: Life) {
        self.processes.remove(&life);
        self.inside.remove(&life);
        self.feed(Event::Exited { life, exit: exit("exit code 1") });
    }

    fn some_attempt(&mut self) -> AttemptId {
        attempt(self.rng.random_range(0..3), self.rng.random_range(0..30))
    }

    fn step_of_a_process(&mut self, fair: bool) {
        let Some(life) = self.some_life() else { return };
        if !self.processes[&life] {
            self.feed(Event::Spawned { life });
            match self.rng.random_range(0..10) {
                0 if !fair => self.die(life),
                1 if !fair => {
                    self.processes.remove(&life);
                    let fault = StartFault { kind: FaultKind::Worker, message: "no".to_owned() };
                    self.feed(Event::StartFailed { life, fault });
                }
                _ => {
                    self.processes.insert(life, true);
                    self.feed(Event::Hello { life });
                }
            }
            return;
        }
        let first = self.inside.get(&life).and_then(|inside| inside.first().copied());
        match (first, self.rng.random_range(0..12)) {
            (_, 0) if !fair => self.die(life),
            (_, 1) if !fair => self.feed(Event::OverMemory { life, peak_bytes: 2, limit_bytes: 1 }),
            (_, 2) if !fair => self.feed(Event::LinkLost { life }),
            (Some(attempt), _) => {
                self.inside.get_mut(&life).unwrap().remove(&attempt);
                self.feed(Event::Ended { life, attempt, outcome: Outcome::Done(Done::default()) });
            }
            (None, _) => {}
        }
    }

    fn step(&mut self) {
        self.now += self.rng.random_range(0..400);
        match self.rng.random_range(0..20) {
            0..=5 => {
                let id = self.some_attempt();
                if self.connected && !self.over.contains(&id.job) {
                    self.launched.insert(id);
                    let memory_bytes = self.rng.random_range(0..120);
                    self.feed(Event::Launch(vec![launch(id, memory_bytes)]));
                }
            }
            6..=12 => self.step_of_a_process(false),
            13 => {
                let attempts = vec![self.some_attempt()];
                self.feed(Event::Kill { attempts, reason: "because".to_owned() });
            }
            14 => {
                self.connected = false;
                self.feed(Event::Disconnected);
                if self.rng.random_bool(0.7) {
                    self.connect();
                }
            }
            15 if self.connected => {
                let noted = self.seen.keys().copied().collect();
                self.feed(Event::Noted(noted));
            }
            16 if self.rng.random_bool(0.1) => {
                let job = JobId(self.rng.random_range(0..3));
                self.over.insert(job);
                self.feed(Event::JobOver(job));
            }
            17 => {
                let on = self.rng.random_bool(0.3);
                self.feed(Event::Drain(on));
            }
            18 => {
                let life = Life(self.rng.random_range(1000..1005));
                self.feed(Event::Exited { life, exit: exit("?") });
            }
            _ => self.feed(Event::Tick),
        }
    }

    /// No more faults: everything that was launched must come to an end that the master sees.
    fn calm(&mut self) {
        if !self.connected {
            self.connect();
        }
        for _ in 0..2_000 {
            self.step_of_a_process(true);
            if let Some(deadline) = self.core.deadline() {
                self.now = self.now.max(deadline.0.min(self.now + 50));
            }
            self.feed(Event::Tick);
            let lives: Vec<Life> = self.processes.keys().copied().collect();
            let ending = lives.into_iter().filter(|life| self.is_ending(*life)).collect::<Vec<_>>();
            ending.into_iter().for_each(|life| self.die(life));
        }
    }

    fn is_ending(&mut self, life: Life) -> bool {
        matches!(self.core.process_mut(life), Some(super::Process::Ending { kill_at: None, .. }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_launched_attempt_gets_an_outcome_and_nothing_is_left(seed in any::<u64>()) {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.calm();
        for id in world.launched.clone() {
            let forgotten = world.over.contains(&id.job);
            prop_assert!(forgotten || world.seen.contains_key(&id), "{} has no outcome", id);
        }
        world.over.extend((0..3).map(JobId));
        (0..3).for_each(|job| world.feed(Event::JobOver(JobId(job))));
        world.calm();
        prop_assert!(world.processes.is_empty());
        prop_assert_eq!(world.removed.len(), 3);
        world.feed(Event::Stop { grace_ms: 1_000 });
        prop_assert!(world.finished);
    }
}
