//! What a user submits: a graph of stages that the master schedules without knowing what they compute.

use super::ids::StageId;
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use std::{collections::BTreeMap, time::Duration};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: String,
    pub user: String,
    /// Random, chosen by the client: a `Submit` that is repeated with the same token answers with the same job.
    pub token: u64,
    pub program: Program,
    pub conf: JobConf,
    /// Producers before consumers.
    pub stages: Vec<StageSpec>,
    /// What makes the output visible once all stages are done, and what removes its traces otherwise.
    pub finish: Option<FinishSpec>,
}

/// Where job binaries lie in the cluster's storage, named by their SHA-256.
pub const BINARIES_DIRECTORY: &str = "/.skep/binaries";

/// Where results of queries lie in the cluster's storage that are too long for the master: a directory for each query, which
/// its client removes. The master removes what clients left.
pub const RESULTS_DIRECTORY: &str = "/.skep/results";

/// What a worker starts for the tasks of a job: one process per job and worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Program {
    pub executable: Executable,
    /// Its arguments, as the user gave them: the same binary with the same arguments builds the same plan.
    pub arguments: Vec<String>,
    /// Files that are laid into its working directory.
    pub files: Vec<ShippedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Executable {
    /// The worker's own `skep`: for plans that `skep` itself builds (streaming commands).
    Skep,
    /// A job binary, stored in the cluster's storage under its SHA-256 (lower-case hexadecimal).
    Binary { sha256: String, path: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ShippedFile {
    /// Name in the working directory.
    pub name: String,
    pub sha256: String,
    /// Where in the cluster's storage it is.
    pub path: String,
    pub executable: bool,
}

/// Settings of one job. `--conf K=V` sets them; the table in `conf.rs` names, documents and checks the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobConf {
    /// Memory grant of one task, in bytes; 0: the worker's memory divided by its slots.
    pub task_memory_bytes: u64,
    /// Attempts of one task that may fail by the user's code before the job fails.
    pub attempts_max: u32,
    /// A task that reads, writes and reports nothing for this long has failed. Zero: never.
    pub task_timeout: Duration,
    /// How long a stage, since its first refusal, holds out for workers that have its data.
    pub locality_wait: Duration,
    /// Share of the slots relative to other jobs.
    pub weight: u32,
    /// Keys that the job's own code reads (`job.*` and streaming's), passed through.
    pub extra: BTreeMap<String, String>,
}

impl Default for JobConf {
    fn default() -> Self {
        JobConf {
            task_memory_bytes: 0,
            attempts_max: 4,
            task_timeout: Duration::from_secs(600),
            locality_wait: Duration::from_millis(300),
            weight: 1,
            extra: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpec {
    pub name: String,
    pub tasks: Vec<TaskSpec>,
    /// Stages whose shuffle output (all partitions or one per task) or results the tasks read. They must be done
    /// before a task of this stage starts.
    pub inputs: Vec<StageInput>,
    pub output: StageOutput,
    pub determinism: Determinism,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageInput {
    /// Task `i` reads partition `i` of every task of the producer.
    Shuffle(StageId),
    /// Every task reads the results of all tasks of the producer (`StageOutput::Result`), in task order.
    Broadcast(StageId),
    /// Every task reads the one partition of every task of the producer: what is too large for a result.
    Replicated(StageId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutput {
    /// Data exchange with a later stage, into this many partitions.
    Shuffle { partitions: u32 },
    /// Small bytes kept by the master: for later stages and, when the stage is the last, for the client.
    Result,
    /// Files written by a sink; the outcome carries a token for the commit task.
    Sink,
}

/// What a repeated attempt of a task may produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Determinism {
    /// The same bytes.
    Exact,
    /// The same records in another order.
    Unordered,
    /// Anything: a lost output makes the stage and all that consumed it run again in a new round.
    Varies,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// What the task does, in a coding of the program's own.
    pub payload: Vec<u8>,
    /// Workers that hold its input, best first; none: anywhere.
    pub preferred: Vec<WorkerId>,
    pub input_bytes: u64,
}

/// The last task of a job. It runs in the job's own process, so that the master needs no object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishSpec {
    pub commit: Vec<u8>,
    pub abort: Vec<u8>,
    /// Shown in messages: where the output goes.
    pub outputs: Vec<String>,
}
