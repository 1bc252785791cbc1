//! The executor against a worker in this process: orders in, what it tells out.

use super::link::{Ending, Session};
use crate::{
    model::{
        AttemptId, AttemptNumber, Done, FaultKind, JobConf, JobId, Outcome, PartId, Round, Segment, StageId,
    },
    protocol::{
        TASK_SERVICE,
        task::{KeptData, TaskCall, TaskOrder, TaskReply, TaskTell, Welcome},
        worker::Launch,
    },
    task_program::{BuildError, BuildProgram, PublishedOutput, TaskContext, TaskProgram},
};
use skep_hdfs::WorkerId;
use skep_wire::{Connection, Credential, Endpoint, Identity, Mode, Peer, Secret, Service};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const GUARD: Duration = Duration::from_secs(60);
const JOB: JobId = JobId(3);

/// What a program of these tests does: the payload says it.
struct Obedient;

impl TaskProgram for Obedient {
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome {
        let done =
            |result: &str| Outcome::Done(Done { result: result.as_bytes().to_vec(), ..Done::default() });
        match launch.payload.as_slice() {
            b"scratch" => {
                std::fs::create_dir_all(&context.scratch).unwrap();
                std::fs::write(context.scratch.join("spill"), b"x").unwrap();
                done(context.scratch.to_str().unwrap())
            }
            b"panic" => panic!("out of luck"),
            b"wait" => {
                while !context.cancel.is_raised() {
                    thread::sleep(Duration::from_millis(2));
                }
                Outcome::Killed
            }
            b"count" => {
                context.progress.count("lines", 5);
                context.log.lines(b"counted\n");
                while !context.cancel.is_raised() {
                    thread::sleep(Duration::from_millis(2));
                }
                done("")
            }
            b"publish" => {
                let data = KeptData::Memory(b"abc".to_vec());
                let segments = vec![Segment { len_bytes: 3, records: 1, crc: 0 }];
                let output = PublishedOutput {
                    attempt: launch.attempt,
                    segments,
                    data,
                    deliver_to: &launch.deliver_to,
                    moved_bytes: &context.progress.shuffled_bytes,
                };
                let holder = context.shuffle.publish(output).unwrap();
                Outcome::Done(Done { holder, ..Done::default() })
            }
            _ => done("ok"),
        }
    }
}

fn attempt(part: u32) -> AttemptId {
    AttemptId { job: JOB, stage: StageId(1), round: Round(0), part: PartId(part), attempt: AttemptNumber(0) }
}

fn launch(part: u32, command: &str) -> Launch {
    Launch {
        attempt: attempt(part),
        payload: command.as_bytes().to_vec(),
        memory_bytes: 1 << 20,
        inputs: Vec::new(),
        partitions: 0,
        deliver_to: Vec::new(),
    }
}

/// The worker's side of the link.
struct Desk {
    welcome: Welcome,
    tells: mpsc::Sender<TaskTell>,
    kept: Mutex<Vec<AttemptId>>,
}

impl Service for Desk {
    type Call = TaskCall;
    type Answer = TaskReply;
    type Tell = TaskTell;

    async fn call(&self, _from: &Peer, call: TaskCall) -> TaskReply {
        match call {
            TaskCall::Hello { process } => {
                assert_eq!(process, std::process::id());
                TaskReply::Welcome(Box::new(self.welcome.clone()))
            }
            TaskCall::Keep { attempt, .. } => {
                self.kept.lock().unwrap().push(attempt);
                TaskReply::Kept
            }
        }
    }

    async fn tell(&self, _from: &Peer, message: TaskTell) {
        self.tells.send(message).unwrap();
    }
}

struct Rig {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    peer: Peer,
    desk: Arc<Desk>,
    tells: mpsc::Receiver<TaskTell>,
    executor: JoinHandle<Ending>,
    worker_gone: Arc<AtomicBool>,
}

impl Rig {
    fn start(slots: u32) -> Rig {
        Rig::with_program(slots, &|_| Ok(Arc::new(Obedient)))
    }

    fn with_program(slots: u32, build: BuildProgram<'static>) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (tells_in, tells) = mpsc::channel();
        let desk = Arc::new(Desk {
            welcome: welcome(folder.path(), slots),
            tells: tells_in,
            kept: Mutex::default(),
        });
        let inside = runtime.enter();
        let (own, other) = Connection::pair(TASK_SERVICE, Mode::Calls, Identity::Job(JOB.to_string()));
        let peer = Peer::start(own, desk.clone());
        drop(inside);
        let worker_gone = Arc::new(AtomicBool::new(false));
        let gone = worker_gone.clone();
        let executor = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let token = Secret::random().token_for(&JOB.to_string());
            let credential = Credential::Job { job: JOB.to_string(), token };
            let worker_gone = Arc::new(move || gone.store(true, Relaxed));
            let session = Session { runtime: &runtime, job: JOB, credential, worker_gone };
            let ending = session.serve(other, build).unwrap();
            runtime.shutdown_background();
            ending
        });
        Rig { folder, runtime, peer, desk, tells, executor, worker_gone }
    }

    fn order(&self, order: TaskOrder) {
        self.runtime.block_on(self.peer.tell(&order)).unwrap();
    }

    fn run(&self, launches: Vec<Launch>) {
        self.order(TaskOrder::Run(launches));
    }

    fn kill(&self, part: u32) {
        self.order(TaskOrder::Kill { attempts: vec![attempt(part)], reason: "because".to_owned() });
    }

    fn tell(&self) -> TaskTell {
        self.tells.recv_timeout(GUARD).expect("something is told")
    }

    /// The next outcome, whatever is told before it.
    fn outcome(&self) -> (AttemptId, Outcome) {
        loop {
            if let TaskTell::Ended(attempt, outcome) = self.tell() {
                return (attempt, outcome);
            }
        }
    }

    fn wait_started(&self, part: u32) {
        while !matches!(self.tell(), TaskTell::Started(started) if started == attempt(part)) {}
    }
}

fn welcome(folder: &Path, slots: u32) -> Welcome {
    Welcome {
        job: JOB,
        worker: WorkerId(4),
        host: "here".to_owned(),
        user: "ada".to_owned(),
        conf: JobConf::default(),
        arguments: vec!["--flag".to_owned()],
        master: Endpoint::Unix(PathBuf::from("/nowhere")),
        scratch: folder.join("scratch"),
        work: folder.to_path_buf(),
        slots,
    }
}

#[test]
fn each_attempt_gets_a_scratch_directory_that_is_gone_when_it_has_ended() {
    let rig = Rig::start(2);
    rig.run(vec![launch(0, "scratch")]);
    let (_, Outcome::Done(done)) = rig.outcome() else { panic!("it failed") };
    let scratch = PathBuf::from(String::from_utf8(done.result).unwrap());
    assert_eq!(scratch, rig.folder.path().join("scratch").join(attempt(0).file_stem()));
    assert!(!scratch.exists());
}

#[test]
fn a_panic_fails_its_attempt_and_the_others_go_on() {
    let rig = Rig::start(1);
    rig.run(vec![launch(0, "panic"), launch(1, "ok")]);
    let (first, Outcome::Failed { kind, message }) = rig.outcome() else { panic!("it did not fail") };
    assert_eq!((first, kind), (attempt(0), FaultKind::User));
    assert!(message.contains("out of luck"), "{message}");
    assert!(matches!(rig.outcome(), (second, Outcome::Done(_)) if second == attempt(1)));
}

#[test]
fn a_kill_reaches_a_running_attempt_and_drops_a_waiting_one() {
    let rig = Rig::start(1);
    rig.run(vec![launch(0, "wait"), launch(1, "ok")]);
    rig.wait_started(0);
    rig.kill(1);
    assert_eq!(rig.outcome(), (attempt(1), Outcome::Killed));
    rig.kill(0);
    assert_eq!(rig.outcome(), (attempt(0), Outcome::Killed));
}

#[test]
fn progress_is_told_when_it_changed_and_not_again() {
    let rig = Rig::start(1);
    rig.run(vec![launch(0, "count")]);
    let (mut logged, mut reports) = (false, Vec::new());
    while !logged || reports.is_empty() {
        match rig.tell() {
            TaskTell::Progress(progress) => reports.extend(progress),
            TaskTell::Log(id, lines) => logged = (id, lines.as_slice()) == (attempt(0), b"counted\n"),
            TaskTell::Started(_) => {}
            other => panic!("{other:?}"),
        }
    }
    // Over more than one period of reporting.
    thread::sleep(super::limits::PROGRESS_EVERY * 3);
    rig.kill(0);
    loop {
        match rig.tell() {
            TaskTell::Progress(progress) => reports.extend(progress),
            TaskTell::Ended(..) => break,
            _ => {}
        }
    }
    let counted = reports.iter().filter(|report| report.counters.get("lines") == Some(&5)).count();
    assert_eq!(counted, 1, "{reports:?}");
}

#[test]
fn output_is_handed_to_the_worker_which_then_is_its_holder() {
    let rig = Rig::start(1);
    rig.run(vec![launch(0, "publish")]);
    let (_, Outcome::Done(done)) = rig.outcome() else { panic!("it failed") };
    assert_eq!(done.holder, Some(WorkerId(4)));
    assert_eq!(*rig.desk.kept.lock().unwrap(), [attempt(0)]);
}

#[test]
fn a_program_that_cannot_be_built_makes_every_attempt_undecodable() {
    let builds: [BuildProgram<'static>; 2] =
        [&|arguments| Err(BuildError::Arguments(arguments.concat())), &|_| panic!("no plan")];
    for (build, reason) in builds.into_iter().zip(["--flag", "no plan"]) {
        let rig = Rig::with_program(1, build);
        rig.run(vec![launch(0, "ok")]);
        let (_, Outcome::Failed { kind, message }) = rig.outcome() else { panic!("it did not fail") };
        assert_eq!(kind, FaultKind::Undecodable);
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn a_process_that_is_told_to_exit_ends_what_runs_first() {
    let rig = Rig::start(1);
    rig.run(vec![launch(0, "wait")]);
    rig.wait_started(0);
    rig.order(TaskOrder::Exit);
    thread::sleep(Duration::from_millis(50));
    assert!(!rig.executor.is_finished());
    rig.peer.close();
    assert_eq!(rig.executor.join().unwrap(), Ending::WorkerGone, "it had not ended");

    let rig = Rig::start(1);
    rig.run(vec![launch(0, "ok")]);
    rig.outcome();
    rig.order(TaskOrder::Exit);
    assert_eq!(rig.executor.join().unwrap(), Ending::Told);
    assert!(!rig.worker_gone.load(Relaxed));
}

#[test]
fn the_end_of_the_worker_is_noticed_while_the_plan_is_still_being_built() {
    static BUILDING: AtomicBool = AtomicBool::new(false);
    static MAY_END: AtomicBool = AtomicBool::new(false);
    let rig = Rig::with_program(1, &|_| {
        BUILDING.store(true, Relaxed);
        wait_for("the end of the test", || MAY_END.load(Relaxed));
        Ok(Arc::new(Obedient))
    });
    wait_for("the plan is being built", || BUILDING.load(Relaxed));
    rig.peer.close();
    wait_for("the end is noticed", || rig.worker_gone.load(Relaxed));
    MAY_END.store(true, Relaxed);
    assert_eq!(rig.executor.join().unwrap(), Ending::WorkerGone);
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < GUARD, "never happened: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
