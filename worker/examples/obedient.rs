//! What the tests of this crate run as other processes: a job's program whose tasks do what their payload says, and, with
//! the argument `worker`, a worker that can be killed, with `warden` beside it.

use skep_jobs::{
    model::{Done, FaultKind, Outcome, Segment},
    protocol::{
        client::Role,
        task::KeptData,
        worker::{Launch, LaunchInput},
    },
    task,
    task_program::{OpenInput, PublishedOutput, RecordBatch, ShuffleFault, TaskContext, TaskProgram},
};
use skep_wire::Secret;
use skep_worker::{WorkerOptions, process::warden, run};
use std::{
    env,
    error::Error,
    path::PathBuf,
    process::{Command, ExitCode, exit},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    if task::is_task_process() {
        return task::run(&|_| Ok(Arc::new(Obedient)));
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words[..] {
        ["worker", role, master, secret, data] => worker(role, master, secret, data),
        ["warden", mark, life] => warden::keep_watch(mark, life).map(drop).map_err(Box::from),
        _ => Err("worker ROLE MASTER SECRET DATA, or warden MARK LIFE".into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn worker(role: &str, master: &str, secret: &str, data: &str) -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_hex(secret).ok_or("the secret is not in hexadecimal")?;
    let role = if role == "core" { Role::Core } else { Role::Task };
    let mut options = WorkerOptions::new(role, master.parse()?, PathBuf::from(data), secret);
    options.slots = Some(2);
    options.owns_process = true;
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(run(options, CancellationToken::new()))?)
}

struct Obedient;

impl TaskProgram for Obedient {
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome {
        let command = String::from_utf8_lossy(&launch.payload);
        let (verb, object) = command.split_once(' ').unwrap_or((&command, ""));
        match verb {
            "process" => return done(std::process::id().to_string()),
            "print" => println!("{object}"),
            "tagged" => context.log.lines(format!("{object}\n").as_bytes()),
            "panic" => out_of_luck(),
            "exit" => {
                println!("farewell");
                exit(object.parse().unwrap_or(1));
            }
            "slow" => thread::sleep(Duration::from_millis(700)),
            "wait" => return wait(context),
            "stubborn" => return never_end(),
            "eat" => eat(),
            "fetch" => return fetch(launch, context),
            "publish" => return publish(launch, context, object),
            "ok" => {}
            other => return Outcome::Failed { kind: FaultKind::Undecodable, message: other.to_owned() },
        }
        done(String::new())
    }
}

fn done(result: String) -> Outcome {
    Outcome::Done(Done { result: result.into_bytes(), ..Done::default() })
}

#[expect(clippy::panic, reason = "what user code does")]
fn out_of_luck() {
    panic!("no luck today");
}

fn wait(context: &TaskContext) -> Outcome {
    while !context.cancel.is_raised() {
        thread::sleep(Duration::from_millis(5));
    }
    Outcome::Killed
}

/// Does not look whether it should stop, and has children that left its group, its session, or lost their parent.
fn never_end() -> Outcome {
    let script = "setsid sleep 1000 & (sleep 1000 &); sleep 1000";
    let _ = Command::new("/bin/sh").args(["-c", script]).status();
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1u8; 10 << 20]);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Hands the text over as the one partition of a shuffle output.
fn publish(launch: &Launch, context: &TaskContext, text: &str) -> Outcome {
    let path = context.scratch.join("output");
    let segment = Segment { len_bytes: text.len() as u64, records: 1, crc: 0 };
    let written = std::fs::create_dir_all(&context.scratch).and_then(|()| std::fs::write(&path, text));
    let output = PublishedOutput {
        attempt: launch.attempt,
        segments: vec![segment],
        data: KeptData::File(path),
        deliver_to: &launch.deliver_to,
        moved_bytes: &context.progress.shuffled_bytes,
    };
    match (written, context.shuffle.publish(output)) {
        (Ok(()), Ok(holder)) => Outcome::Done(Done { holder, segments: vec![segment], ..Done::default() }),
        (_, Err(error)) => Outcome::Failed { kind: FaultKind::Worker, message: error.to_string() },
        (Err(error), _) => Outcome::Failed { kind: FaultKind::WorkerDisk, message: error.to_string() },
    }
}

/// Reads its input and says how many records that were.
fn fetch(launch: &Launch, context: &TaskContext) -> Outcome {
    match count_records(launch, context) {
        Ok(records) => done(records.to_string()),
        Err(error) => Outcome::Failed { kind: FaultKind::Worker, message: error.to_string() },
    }
}

fn count_records(launch: &Launch, context: &TaskContext) -> Result<usize, ShuffleFault> {
    let [LaunchInput::Shuffle { pieces, holders }] = &launch.inputs[..] else {
        return Err(ShuffleFault::Worker("it brings no input".to_owned()));
    };
    let mut input = context.shuffle.open(OpenInput {
        pieces,
        holders,
        partition: launch.attempt.part.0,
        memory_bytes: context.memory_bytes,
        scratch: &context.scratch,
        cancel: &context.cancel,
        moved_bytes: &context.progress.shuffled_bytes,
    })?;
    let (mut batch, mut records) = (RecordBatch::new(), 0);
    loop {
        input.fill(&mut batch)?;
        if batch.is_empty() {
            return Ok(records);
        }
        records += batch.len();
    }
}
