//! What a worker puts into the environment of a task process.

use super::{TaskProcessError, unsafe_environment};
use crate::{
    model::JobId,
    protocol::task::{TASK_JOB_VARIABLE, TASK_SOCKET_VARIABLE, TASK_TOKEN_VARIABLE},
};
use skep_wire::JobToken;
use std::{env, path::PathBuf};

#[derive(Debug)]
pub(super) struct TaskEnvironment {
    pub socket: PathBuf,
    pub job: JobId,
    pub token: JobToken,
}

/// Whether a worker started this process to run tasks.
pub fn is_task_process() -> bool {
    env::var_os(TASK_SOCKET_VARIABLE).is_some()
}

impl TaskEnvironment {
    /// Reads the variables and removes the token, so that commands that tasks start do not inherit it.
    pub fn take() -> Result<TaskEnvironment, TaskProcessError> {
        let read = |variable| {
            env::var(variable).map_err(|_| TaskProcessError::Environment { variable, problem: "not set" })
        };
        let malformed = |variable| TaskProcessError::Environment { variable, problem: "malformed" };
        let job = read(TASK_JOB_VARIABLE)?.parse().map_err(|_| malformed(TASK_JOB_VARIABLE))?;
        let token =
            JobToken::from_hex(&read(TASK_TOKEN_VARIABLE)?).ok_or_else(|| malformed(TASK_TOKEN_VARIABLE))?;
        let socket = PathBuf::from(read(TASK_SOCKET_VARIABLE)?);
        unsafe_environment::remove(TASK_TOKEN_VARIABLE);
        Ok(TaskEnvironment { socket, job, token })
    }
}
