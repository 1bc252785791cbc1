//! Why a job could not be submitted or did not succeed.

use super::JobsError;
use crate::model::JobId;
use skep_hdfs::client::ClientError;
use std::{error::Error, io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error("the variable SKEP_SUBMIT cannot be read ({reason}); start the program with `skep submit`")]
    Environment { reason: String },
    #[error("cannot read the cluster secret {}", path.display())]
    Secret { path: PathBuf, source: io::Error },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot store {} in the cluster as {target}", path.display())]
    Upload { path: PathBuf, target: String, source: ClientError },
    #[error("{} changed while it was read; submit again", path.display())]
    Changed { path: PathBuf },
    #[error("cannot plan the job")]
    Plan(#[source] Box<dyn Error + Send + Sync>),
    #[error("cannot submit the job")]
    Submit(#[source] JobsError),
    #[error("{job} can no longer be watched; it may still be running: `skep jobs show {job}`")]
    Watch { job: JobId, source: JobsError },
    #[error("cannot print the results of {job}")]
    Print { job: JobId, source: io::Error },
}
