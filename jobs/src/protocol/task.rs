//! Between a task process and its worker, over the worker's Unix socket (service `task`), with the job's token.

use crate::{
    model::{AttemptId, JobConf, JobId, Outcome, Segment},
    protocol::worker::{Launch, Progress},
};
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use skep_wire::Endpoint;
use std::path::PathBuf;

/// Set in the environment of every task process.
pub const TASK_SOCKET_VARIABLE: &str = "SKEP_TASK_SOCKET";
/// `job-17`.
pub const TASK_JOB_VARIABLE: &str = "SKEP_TASK_JOB";
/// The job token in hexadecimal. Removed from the environment as soon as it is read.
pub const TASK_TOKEN_VARIABLE: &str = "SKEP_TASK_TOKEN";

/// Task process → worker, calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TaskCall {
    /// First call. → `Welcome`
    Hello { process: u32 },
    /// Shuffle output of a finished attempt on a core worker: a file in the attempt's scratch directory that the
    /// worker takes over, or small bytes. → `Kept`
    Keep { attempt: AttemptId, segments: Vec<Segment>, data: KeptData },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum KeptData {
    /// Moved by the worker into its shuffle store.
    File(PathBuf),
    Memory(Vec<u8>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TaskReply {
    Welcome(Box<Welcome>),
    Kept,
    Failed { reason: String, disk_full: bool },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub job: JobId,
    pub worker: WorkerId,
    pub host: String,
    pub user: String,
    pub conf: JobConf,
    /// Arguments that build the plan.
    pub arguments: Vec<String>,
    pub master: Endpoint,
    /// The job's scratch directory on this worker; attempts make their own below it.
    pub scratch: PathBuf,
    /// Working directory with the shipped files.
    pub work: PathBuf,
    /// Tasks that may run at the same time here.
    pub slots: u32,
}

/// Worker → task process, one-way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TaskOrder {
    Run(Vec<Launch>),
    Kill {
        attempts: Vec<AttemptId>,
        reason: String,
    },
    /// End when nothing runs.
    Exit,
}

/// Task process → worker, one-way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TaskTell {
    /// The attempt begins now (its lines in the log begin here).
    Started(AttemptId),
    Progress(Vec<Progress>),
    Ended(AttemptId, Outcome),
    /// Lines that belong to one attempt (standard error of a command that it runs).
    Log(AttemptId, Vec<u8>),
}
