//! Why a task of a plan did not end well, and the outcome that the scheduler decides on.

use crate::{
    model::{FaultKind, Outcome},
    record::Malformed,
    shuffle::ShuffleError,
    sink::SinkError,
    source::SourceError,
    task_program::ShuffleFault,
};

#[derive(Debug, thiserror::Error)]
pub enum TaskFault {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the attempt was told to stop")]
    Cancelled,
    /// The user's code panicked, or a command of the user failed.
    #[error("{0}")]
    User(String),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Shuffle(#[from] ShuffleFault),
    #[error("scratch file {path}: {source}")]
    Scratch { path: String, source: std::io::Error },
    #[error("a record has {len_bytes} bytes; the limit is {}", crate::limits::RECORD_BYTES_MAX)]
    RecordTooLarge { len_bytes: u64 },
    #[error(
        "the results for the client are over {} bytes; save them with `save_text` or `save_records`",
        crate::limits::RESULT_BYTES_MAX
    )]
    ResultTooLarge,
    /// What the client compiled is not what this program makes of the same arguments.
    #[error("{0}")]
    Undecodable(String),
    #[error("cannot start `{command}`: {source}")]
    Spawn { command: String, source: std::io::Error },
}

impl From<ShuffleError> for TaskFault {
    fn from(error: ShuffleError) -> TaskFault {
        if error.is_users() { TaskFault::User(error.to_string()) } else { TaskFault::Shuffle(error.into()) }
    }
}

impl TaskFault {
    pub fn into_outcome(self) -> Outcome {
        let kind = match self {
            TaskFault::Cancelled | TaskFault::Shuffle(ShuffleFault::Cancelled) => return Outcome::Killed,
            TaskFault::Shuffle(ShuffleFault::Lost(pieces)) => return Outcome::LostInput(pieces),
            TaskFault::Shuffle(ShuffleFault::Disk { .. }) | TaskFault::Scratch { .. } => {
                FaultKind::WorkerDisk
            }
            TaskFault::Shuffle(ShuffleFault::Worker(_)) => FaultKind::Worker,
            TaskFault::Malformed(_) | TaskFault::Undecodable(_) => FaultKind::Undecodable,
            TaskFault::User(_)
            | TaskFault::RecordTooLarge { .. }
            | TaskFault::ResultTooLarge
            | TaskFault::Spawn { .. } => FaultKind::User,
            TaskFault::Source(_) | TaskFault::Sink(_) => FaultKind::Data,
        };
        Outcome::Failed { kind, message: self.to_string() }
    }
}
