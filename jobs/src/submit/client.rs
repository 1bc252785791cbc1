//! The calls of service `jobs`, for everyone who asks the master about jobs and the cluster.

use super::limits;
use crate::{
    model::{JobId, JobSpec, JobSummary, JobView, PartId, StageId, TaskView},
    protocol::{
        JOBS_SERVICE,
        client::{ClusterView, JobAnswer, JobCall, JobError, JobReply, LogPart, ResizePlan, Wait},
    },
};
use skep_wire::{CallError, Credential, DialError, Dialer, Endpoint, Redial};
use std::time::{Duration, Instant};

/// A call about jobs did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JobsError {
    #[error("the master at {master} does not answer; is it running? (`skep status --master ...`, `skep up`)")]
    Away { master: Endpoint, source: CallError },
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("the master answered something else than {expected}: use the same release on both sides")]
    Protocol { expected: &'static str },
}

impl JobsError {
    /// Whether the same call may succeed later: the master is restarting, or its machine is out of reach.
    pub fn retryable(&self) -> bool {
        match self {
            JobsError::Away { source, .. } => source.retryable(),
            JobsError::Job(error) => matches!(error, JobError::Unavailable(_)),
            JobsError::Protocol { .. } => false,
        }
    }

    /// Nobody listens at the master's address.
    pub fn nobody_listens(&self) -> bool {
        matches!(self, JobsError::Away { source: CallError::Dial(dial), .. } if DialError::nobody_listens(dial))
    }
}

/// Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct JobsClient {
    redial: Redial,
    master: Endpoint,
}

impl JobsClient {
    pub fn new(master: Endpoint, credential: Credential) -> JobsClient {
        JobsClient { redial: Redial::new(Dialer::new(credential), master.clone(), JOBS_SERVICE), master }
    }

    pub fn master(&self) -> &Endpoint {
        &self.master
    }

    /// One try.
    pub async fn call_once(&self, call: &JobCall, deadline: Duration) -> Result<JobReply, JobsError> {
        let answer: Result<JobAnswer, CallError> = self.redial.call(call, deadline).await;
        match answer {
            Ok(answer) => Ok(answer?),
            Err(source) => Err(JobsError::Away { master: self.master.clone(), source }),
        }
    }

    /// Asks again, with growing pauses, for as long as `patience` lasts and the failure may pass. Every call of this
    /// service may be repeated.
    pub async fn call(&self, call: &JobCall, patience: Duration) -> Result<JobReply, JobsError> {
        let begun = Instant::now();
        let mut pause = limits::RETRY_PAUSE_MIN;
        loop {
            match self.call_once(call, limits::CALL_DEADLINE).await {
                Err(error) if error.retryable() && begun.elapsed() + pause < patience => {
                    tracing::debug!(%error, "asking the master again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(limits::RETRY_PAUSE_MAX);
                }
                other => return other,
            }
        }
    }

    async fn ask(&self, call: JobCall) -> Result<JobReply, JobsError> {
        self.call(&call, limits::FIRST_CALL_PATIENCE).await
    }

    /// The spec's token makes a repeated submission answer with the same job.
    pub async fn submit(&self, spec: JobSpec) -> Result<JobId, JobsError> {
        match self.call(&JobCall::Submit(Box::new(spec)), limits::MASTER_PATIENCE).await? {
            JobReply::Submitted(job) => Ok(job),
            _ => Err(JobsError::Protocol { expected: "Submitted" }),
        }
    }

    /// One try: answers when the job's version is above `after`, or after a while.
    pub async fn watch(&self, job: JobId, after: u64, wait: Duration) -> Result<JobView, JobsError> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let call = JobCall::Watch { job, after, wait_ms };
        match self.call_once(&call, wait + limits::CALL_DEADLINE).await? {
            JobReply::Job(view) => Ok(*view),
            _ => Err(JobsError::Protocol { expected: "Job" }),
        }
    }

    /// The job as it is now.
    pub async fn job(&self, job: JobId) -> Result<JobView, JobsError> {
        match self.ask(JobCall::Watch { job, after: 0, wait_ms: 0 }).await? {
            JobReply::Job(view) => Ok(*view),
            _ => Err(JobsError::Protocol { expected: "Job" }),
        }
    }

    /// Newest first.
    pub async fn list(&self, limit: u32) -> Result<Vec<JobSummary>, JobsError> {
        match self.ask(JobCall::List { limit }).await? {
            JobReply::Jobs(jobs) => Ok(jobs),
            _ => Err(JobsError::Protocol { expected: "Jobs" }),
        }
    }

    /// Those that are not over and have an owner.
    pub async fn owned(&self) -> Result<Vec<(JobId, String)>, JobsError> {
        match self.ask(JobCall::Owned).await? {
            JobReply::Owned(jobs) => Ok(jobs),
            _ => Err(JobsError::Protocol { expected: "Owned" }),
        }
    }

    pub async fn tasks(&self, job: JobId, limit: u32) -> Result<Vec<TaskView>, JobsError> {
        match self.ask(JobCall::Tasks { job, limit }).await? {
            JobReply::Tasks(tasks) => Ok(tasks),
            _ => Err(JobsError::Protocol { expected: "Tasks" }),
        }
    }

    pub async fn kill(&self, job: JobId, user: String) -> Result<(), JobsError> {
        match self.ask(JobCall::Kill { job, user }).await? {
            JobReply::Done => Ok(()),
            _ => Err(JobsError::Protocol { expected: "Done" }),
        }
    }

    pub async fn why(&self, job: JobId) -> Result<Vec<Wait>, JobsError> {
        match self.ask(JobCall::Why { job }).await? {
            JobReply::Why(waits) => Ok(waits),
            _ => Err(JobsError::Protocol { expected: "Why" }),
        }
    }

    pub async fn logs(
        &self,
        job: JobId,
        task: Option<(StageId, PartId)>,
        bytes_max: u64,
    ) -> Result<Vec<LogPart>, JobsError> {
        match self.ask(JobCall::Logs { job, task, bytes_max }).await? {
            JobReply::Logs(parts) => Ok(parts),
            _ => Err(JobsError::Protocol { expected: "Logs" }),
        }
    }

    pub async fn status(&self) -> Result<ClusterView, JobsError> {
        match self.ask(JobCall::Status).await? {
            JobReply::Status(view) => Ok(*view),
            _ => Err(JobsError::Protocol { expected: "Status" }),
        }
    }

    pub async fn resize(
        &self,
        core: Option<u32>,
        task: Option<u32>,
        plan: bool,
    ) -> Result<ResizePlan, JobsError> {
        match self.ask(JobCall::Resize { core, task, plan }).await? {
            JobReply::Plan(plan) => Ok(plan),
            _ => Err(JobsError::Protocol { expected: "Plan" }),
        }
    }
}
