//! The program that the task processes of these tests run: the payload of a launch says what it does.

use crate::process::{
    roster::MARK_VARIABLE,
    table::{ProcessTable, has_environment},
};
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, Done, Executable, FaultKind, JobConf, JobId, Outcome, PartId, Program,
        Round, StageId,
    },
    protocol::worker::{JobHeader, Launch},
    task,
    task_program::{TaskContext, TaskProgram},
};
use skep_wire::Secret;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

pub const JOB: JobId = JobId(1);

pub fn attempt(job: JobId, part: u32) -> AttemptId {
    AttemptId { job, stage: StageId(0), round: Round(0), part: PartId(part), attempt: AttemptNumber(0) }
}

pub fn header(job: JobId, memory_bytes: u64, secret: &Secret) -> JobHeader {
    JobHeader {
        job,
        name: "test".to_owned(),
        user: "ada".to_owned(),
        program: Program { executable: Executable::Skep, arguments: Vec::new(), files: Vec::new() },
        conf: JobConf::default(),
        token: secret.token_for(&job.to_string()),
        memory_bytes,
    }
}

pub fn launch(attempt: AttemptId, command: &str) -> Launch {
    Launch {
        attempt,
        payload: command.as_bytes().to_vec(),
        memory_bytes: 1 << 20,
        inputs: Vec::new(),
        partitions: 0,
        deliver_to: Vec::new(),
    }
}

/// A stand-in for `skep`: whatever its arguments are, it runs this test program's one "test" that is a task process.
pub fn stand_in(folder: &Path) -> PathBuf {
    let path = folder.join("skep");
    let own = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\nexec {} --exact daemon::tests::task_process_main --nocapture --test-threads=1 -q\n",
        own.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// Living processes of the worker with this data directory.
pub fn marked(data: &Path) -> usize {
    let table = ProcessTable::read().unwrap();
    let living = table.iter().filter(|entry| !entry.zombie);
    living.filter(|entry| has_environment(entry.key.process, MARK_VARIABLE, data.to_str().unwrap())).count()
}

/// Returns at once in the test program itself.
pub fn run_as_task_process() {
    if task::is_task_process() {
        let code = task::run(&|_| Ok(Arc::new(Obedient)));
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

struct Obedient;

impl TaskProgram for Obedient {
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome {
        let command = String::from_utf8(launch.payload.clone()).unwrap();
        let (verb, object) = command.split_once(' ').unwrap_or((&command, ""));
        match verb {
            "process" => return done(std::process::id().to_string()),
            "print" => println!("{object}"),
            "tagged" => context.log.lines(format!("{object}\n").as_bytes()),
            "panic" => panic!("no luck today"),
            "exit" => {
                println!("farewell");
                std::process::exit(object.parse().unwrap());
            }
            "slow" => thread::sleep(Duration::from_millis(700)),
            "wait" => {
                while !context.cancel.is_raised() {
                    thread::sleep(Duration::from_millis(5));
                }
                return Outcome::Killed;
            }
            "stubborn" => {
                let script = "setsid sleep 1000 & (sleep 1000 &); sleep 1000";
                Command::new("/bin/sh").args(["-c", script]).status().unwrap();
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            }
            "eat" => {
                let mut eaten = Vec::new();
                loop {
                    eaten.push(vec![1u8; 10 << 20]);
                    thread::sleep(Duration::from_millis(5));
                }
            }
            "ok" => {}
            other => return Outcome::Failed { kind: FaultKind::Undecodable, message: other.to_owned() },
        }
        done(String::new())
    }
}

fn done(result: String) -> Outcome {
    Outcome::Done(Done { result: result.into_bytes(), ..Done::default() })
}
