//! Why an attempt did not end well, and the outcome that the scheduler decides on.

use crate::{formats::FormatError, stages::fragments::FragmentError};
use datafusion::{arrow::error::ArrowError, common::DataFusionError};
use skep_jobs::{
    model::{FaultKind, Outcome},
    shuffle::ShuffleError,
    task_program::ShuffleFault,
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug, thiserror::Error)]
pub(super) enum TaskFault {
    #[error("the attempt was told to stop")]
    Cancelled,
    #[error(transparent)]
    Query(#[from] DataFusionError),
    #[error(transparent)]
    Shuffle(#[from] ShuffleFault),
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    #[error("the attempt does not fit the query: {0}")]
    Unfit(String),
    #[error("cannot start the task's own runtime: {0}")]
    Runtime(#[source] io::Error),
    #[error("scratch directory {path}: {source}")]
    Scratch { path: String, source: io::Error },
    #[error("the result cannot be kept in {directory}: {reason}")]
    Answer { directory: String, reason: String },
}

impl From<ShuffleError> for TaskFault {
    fn from(error: ShuffleError) -> TaskFault {
        TaskFault::Shuffle(error.into())
    }
}

impl From<ArrowError> for TaskFault {
    fn from(error: ArrowError) -> TaskFault {
        TaskFault::Query(error.into())
    }
}

impl TaskFault {
    pub fn into_outcome(self) -> Outcome {
        let kind = match &self {
            TaskFault::Cancelled | TaskFault::Shuffle(ShuffleFault::Cancelled) => return Outcome::Killed,
            TaskFault::Shuffle(ShuffleFault::Lost(pieces)) => return Outcome::LostInput(pieces.clone()),
            TaskFault::Shuffle(ShuffleFault::Disk { .. }) | TaskFault::Scratch { .. } => {
                FaultKind::WorkerDisk
            }
            TaskFault::Shuffle(ShuffleFault::Worker(_)) | TaskFault::Runtime(_) => FaultKind::Worker,
            TaskFault::Fragment(_) | TaskFault::Unfit(_) => FaultKind::Undecodable,
            TaskFault::Answer { .. } => FaultKind::Data,
            TaskFault::Query(error) => kind_of(error),
        };
        let message = match &self {
            TaskFault::Query(error) => error.strip_backtrace(),
            other => other.to_string(),
        };
        Outcome::Failed { kind, message }
    }
}

fn kind_of(error: &DataFusionError) -> FaultKind {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => FaultKind::OutOfMemory,
        DataFusionError::ObjectStore(_) => FaultKind::Data,
        DataFusionError::IoError(_) => FaultKind::WorkerDisk,
        DataFusionError::External(source) if source.is::<FormatError>() => FaultKind::Data,
        _ => FaultKind::User,
    }
}

/// The first fault of the shuffle. Operators wrap errors as they like; what became of this one is known here.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstFault(Arc<Mutex<Option<ShuffleFault>>>);

impl FirstFault {
    /// Keeps the fault and gives an error for the operators.
    pub fn note(&self, fault: ShuffleFault) -> DataFusionError {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(fault.clone());
        DataFusionError::External(Box::new(fault))
    }

    pub fn take(&self) -> Option<ShuffleFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
