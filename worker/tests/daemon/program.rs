//! The job of these tests: its header, its launches, its program, and its processes.

use skep_jobs::{
    model::{AttemptId, AttemptNumber, Executable, JobConf, JobId, PartId, Program, Round, StageId},
    protocol::worker::{JobHeader, Launch},
};
use skep_wire::Secret;
use skep_worker::process::{
    roster::MARK_VARIABLE,
    table::{ProcessTable, has_environment},
};
use std::path::{Path, PathBuf};

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

/// The program of the task processes, which also is a worker when it is told to.
pub fn obedient() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(Path::parent).unwrap().join("examples/obedient");
    assert!(path.exists(), "build it first: cargo build -p skep-worker --example obedient");
    path
}

/// Living processes of the worker with this data directory.
pub fn marked(data: &Path) -> usize {
    let table = ProcessTable::read().unwrap();
    let living = table.iter().filter(|entry| !entry.zombie);
    living.filter(|entry| has_environment(entry.key.process, MARK_VARIABLE, data.to_str().unwrap())).count()
}
