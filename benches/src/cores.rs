//! Events per second of each core on one thread: whole life cycles, every output taken, nothing persisted. By the thread's
//! own time, so that what else the machine does counts little.

use rustix::time::{ClockId, clock_gettime};
use skep_hdfs::{
    ClientId, Epoch, WorkerId,
    core::{self as namespace, event as named},
    limits::BLOCK_BYTES_DEFAULT,
    protocol::{
        control::{BlockReport, Capacity, Replica},
        namespace::{Location, NamespaceCall, Operation, Reply, WrittenBlock},
    },
};
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, Determinism, Done, Executable, JobConf, JobId, JobSpec, Outcome, PartId,
        Program, Round, Segment, StageId, StageOutput, StageSpec, TaskSpec,
    },
    protocol::{
        client::Role,
        task::TaskOrder,
        worker::{JobHeader, Launch, WorkerTell},
    },
};
use skep_master::core::{self as scheduler, event as scheduled};
use skep_wire::{Endpoint, JobToken};
use skep_worker::core as daemon;
use std::{collections::VecDeque, time::Duration};

const WORKERS: u32 = 20;
const SLOTS: u32 = 8;

/// Events and the time that they took.
pub struct Rate {
    pub events: u64,
    pub time: Duration,
}

impl Rate {
    pub fn per_second(&self) -> f64 {
        self.events as f64 / self.time.as_secs_f64()
    }
}

/// The time that this thread has run.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn location(worker: u32) -> Location {
    Location {
        worker: WorkerId(worker),
        endpoint: Endpoint::Tcp(format!("10.0.0.{worker}:7000")),
        host: format!("host-{worker}"),
        socket: None,
    }
}

fn program() -> Program {
    Program { executable: Executable::Skep, arguments: Vec::new(), files: Vec::new() }
}

/// One job of so many tasks with shuffle output on twenty workers: every outcome is one event, and brings the next launch.
pub fn scheduler(tasks: usize) -> Rate {
    let now = scheduled::Tick(1_000);
    let mut core = scheduler::Core::restore(now, None, Vec::new());
    for worker in 1..=WORKERS {
        let joining = scheduled::Joining {
            worker: None,
            epoch: Epoch(1),
            role: Role::Core,
            location: location(worker),
            process: worker,
            slots: SLOTS,
            memory_bytes: u64::from(SLOTS) << 30,
            draining: false,
            running: Vec::new(),
            outcomes: Vec::new(),
            outputs: Vec::new(),
        };
        let ticket = scheduled::Ticket(u64::from(worker));
        core.on(now, scheduled::Event::Join { ticket, joining: Box::new(joining) });
    }
    let mut running = VecDeque::new();
    let begin = own_time();
    let mut events = 1;
    core.on(now, scheduled::Event::Submit { ticket: scheduled::Ticket(0), spec: Box::new(wide_job(tasks)) });
    take_launches(&mut core, &mut running);
    while let Some((worker, attempt)) = running.pop_front() {
        let outcomes = vec![(attempt, done(attempt, worker))];
        core.on(now, scheduled::Event::Outcomes { worker, epoch: Epoch(1), outcomes });
        events += 1;
        take_launches(&mut core, &mut running);
    }
    let time = own_time() - begin;
    assert!(events > tasks as u64, "every task ran");
    Rate { events, time }
}

fn wide_job(tasks: usize) -> JobSpec {
    let task = || TaskSpec { payload: Vec::new(), preferred: Vec::new(), input_bytes: 1 };
    JobSpec {
        name: "wide".to_owned(),
        user: "somebody".to_owned(),
        token: 1,
        program: program(),
        conf: JobConf::default(),
        stages: vec![StageSpec {
            name: "only".to_owned(),
            tasks: (0..tasks).map(|_| task()).collect(),
            inputs: Vec::new(),
            output: StageOutput::Shuffle { partitions: 1 },
            determinism: Determinism::Exact,
        }],
        finish: None,
    }
}

fn take_launches(core: &mut scheduler::Core, running: &mut VecDeque<(WorkerId, AttemptId)>) {
    while let Some(output) = core.poll() {
        if let scheduled::Output::Tell { worker, tell: scheduled::Tell::Launch(launch), .. } = output {
            running.push_back((worker, launch.attempt));
        }
    }
}

fn done(_: AttemptId, worker: WorkerId) -> Outcome {
    Outcome::Done(Done { segments: vec![Segment::default()], holder: Some(worker), ..Done::default() })
}

/// Files of one block, each created, allocated, reported by three workers, completed and looked up: seven events.
pub fn namespace(files: u64) -> Rate {
    let now = named::Tick(1_000);
    let mut core = namespace::Core::restore(None, Vec::new(), now);
    let capacity = Capacity { total_bytes: 1 << 50, used_bytes: 0, free_bytes: 1 << 50 };
    for worker in 1..=WORKERS {
        core.on(
            now,
            named::Event::Joined {
                location: location(worker),
                epoch: Epoch(1),
                capacity,
                draining: false,
                replicas: Vec::new(),
            },
        );
    }
    let mut caller = Caller { core, now, calls: 0 };
    let begin = own_time();
    for number in 0..files {
        caller.write_file(number);
    }
    Rate { events: caller.calls + files * 3, time: own_time() - begin }
}

struct Caller {
    core: namespace::Core,
    now: named::Tick,
    calls: u64,
}

impl Caller {
    fn write_file(&mut self, number: u64) {
        let Ok(path) = format!("/folder-{}/file-{number}", number / 1_000).parse::<skep_hdfs::FsPath>()
        else {
            return;
        };
        let create = Operation::Create {
            path: path.clone(),
            overwrite: false,
            replication: Some(3),
            block_bytes: None,
        };
        let Some(Reply::Created { file, .. }) = self.call(create) else { return };
        let add = Operation::AddBlock { file, previous: None, exclude: Vec::new() };
        let Some(Reply::Block(new)) = self.call(add) else { return };
        let replica = Replica {
            block: new.block,
            generation: new.generation,
            len_bytes: BLOCK_BYTES_DEFAULT,
            finalised: true,
        };
        for target in &new.targets {
            let report = BlockReport::Received(vec![replica]);
            self.core.on(self.now, named::Event::Report { worker: target.worker, epoch: Epoch(1), report });
            while self.core.poll().is_some() {}
        }
        let last = WrittenBlock {
            block: new.block,
            generation: new.generation,
            len_bytes: BLOCK_BYTES_DEFAULT,
            replicas: new.targets.iter().map(|target| target.worker).collect(),
        };
        let completed = self.call(Operation::Complete { file, last: Some(last) });
        assert!(matches!(completed, Some(Reply::Status(_))), "the file is complete: {completed:?}");
        let found = self.call(Operation::Status { path });
        assert!(matches!(found, Some(Reply::Status(_))), "the file is found: {found:?}");
    }

    fn call(&mut self, operation: Operation) -> Option<Reply> {
        self.calls += 1;
        let call = NamespaceCall {
            client: ClientId(1 + self.calls / 1_000),
            call: self.calls,
            user: "somebody".to_owned(),
            worker: None,
            operation,
        };
        self.core.on(self.now, named::Event::Call { ticket: named::Ticket(self.calls), call });
        let mut reply = None;
        while let Some(output) = self.core.poll() {
            if let named::Output::Answer { answer, .. } = output {
                reply = answer.ok();
            }
        }
        reply
    }
}

/// Attempts launched, ended and noted: three events each.
pub fn worker(attempts: u32) -> Rate {
    let now = daemon::Tick(1_000);
    let mut core =
        daemon::Core::new(daemon::Resources { slots: SLOTS, memory_bytes: u64::from(SLOTS) << 30 });
    let job = JobId(1);
    let token = JobToken::from_hex(&"00".repeat(32));
    let Some(token) = token else { return Rate { events: 0, time: Duration::ZERO } };
    let header = JobHeader {
        job,
        name: "busy".to_owned(),
        user: "somebody".to_owned(),
        program: program(),
        conf: JobConf::default(),
        token,
        memory_bytes: 1 << 33,
    };
    core.on(now, daemon::Event::Connected { jobs: vec![job] });
    core.on(now, daemon::Event::Job(Box::new(header)));
    let mut life = None;
    let begin = own_time();
    for number in 0..attempts {
        let attempt = AttemptId {
            job,
            stage: StageId(0),
            round: Round(0),
            part: PartId(number),
            attempt: AttemptNumber(0),
        };
        core.on(now, daemon::Event::Launch(vec![launch(attempt)]));
        while let Some(output) = core.poll() {
            if let daemon::Output::Start { life: started, .. } = output {
                life = Some(started);
                core.on(now, daemon::Event::Spawned { life: started });
                core.on(now, daemon::Event::Hello { life: started });
            } else if let daemon::Output::Send { order: TaskOrder::Run(launches), .. } = output {
                debug_assert_eq!(launches.len(), 1);
            }
        }
        let Some(life) = life else { continue };
        core.on(now, daemon::Event::Ended { life, attempt, outcome: Outcome::Done(Done::default()) });
        let mut told = false;
        while let Some(output) = core.poll() {
            told |= matches!(output, daemon::Output::TellMaster(WorkerTell::Outcomes(_)));
        }
        assert!(told, "the outcome is told");
        core.on(now, daemon::Event::Noted(vec![attempt]));
    }
    Rate { events: u64::from(attempts) * 3, time: own_time() - begin }
}

fn launch(attempt: AttemptId) -> Launch {
    Launch {
        attempt,
        payload: Vec::new(),
        memory_bytes: 1 << 30,
        inputs: Vec::new(),
        partitions: 0,
        deliver_to: Vec::new(),
    }
}
