//! A client that stays: it has its program stored and its connections open, and submits one job after another.

use crate::job;
use skep_jobs::{
    draft,
    model::{JobSpec, JobState, JobView, Program},
    submit::{Draft, Session, SubmitEnvironment},
};
use std::{error::Error, time::Duration};
use tokio::runtime::Runtime;

pub struct WarmClient {
    runtime: Runtime,
    session: Session,
}

/// A job that can be submitted again and again.
pub struct Prepared {
    program: Program,
    draft: Draft,
}

impl WarmClient {
    pub fn open(environment: SubmitEnvironment) -> Result<WarmClient, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let session = {
            let _inside = runtime.enter();
            Session::open(environment)?
        };
        Ok(WarmClient { runtime, session })
    }

    pub fn prepare(&self, args: &job::Args) -> Result<Prepared, Box<dyn Error>> {
        let plan = skep_jobs::program(job::NAME, &job::build, &args.words())?;
        self.runtime.block_on(async {
            let planning = self.session.planning().await?;
            let draft = draft(job::NAME.to_owned(), &plan, &planning).await?;
            Ok(Prepared { program: self.session.store_own_binary(args.words()).await?, draft })
        })
    }

    /// Submits and waits until the job is over.
    pub fn run(&self, prepared: &Prepared) -> Result<JobView, Box<dyn Error>> {
        let Draft { name, conf, stages, finish } = prepared.draft.clone();
        let spec = JobSpec {
            name,
            user: self.session.environment.user.clone(),
            token: rand::random(),
            program: prepared.program.clone(),
            conf,
            stages,
            finish,
        };
        self.runtime.block_on(async {
            let job = self.session.jobs.submit(spec).await?;
            let mut version = 0;
            loop {
                let view = self.session.jobs.watch(job, version, Duration::from_secs(10)).await?;
                if view.summary.state.is_final() {
                    if view.summary.state != JobState::Succeeded {
                        return Err(view.error.unwrap_or_default().into());
                    }
                    return Ok(view);
                }
                version = view.version;
            }
        })
    }
}
