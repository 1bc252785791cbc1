//! Calls of clients about jobs and the cluster.

use super::Services;
use crate::{
    limits::{LOG_BYTES_MAX, LOGS_DEADLINE, WATCH_MAX},
    scheduler::Message,
};
use skep_hdfs::{
    ClientId, Epoch, WorkerId,
    protocol::namespace::{NamespaceCall, Operation, Reply},
};
use skep_jobs::{
    model::{JobId, PartId, StageId},
    protocol::{
        client::{ClusterView, JobAnswer, JobCall, JobError, JobReply, LogPart},
        worker::{MasterCall, MasterCallAnswer},
    },
};
use skep_wire::{Peer, Service};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Control connections that can be asked for logs.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<BTreeMap<WorkerId, (Epoch, Peer)>>>);

impl Connections {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, (Epoch, Peer)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn opened(&self, worker: WorkerId, epoch: Epoch, peer: Peer) {
        self.lock().insert(worker, (epoch, peer));
    }

    /// Unless a newer connection took its place.
    pub fn closed(&self, worker: WorkerId, epoch: Epoch) {
        let mut all = self.lock();
        if all.get(&worker).is_some_and(|(known, peer)| *known == epoch && peer.is_closed()) {
            all.remove(&worker);
        }
    }

    fn all(&self) -> Vec<(WorkerId, Peer)> {
        self.lock().iter().map(|(worker, (_, peer))| (*worker, peer.clone())).collect()
    }
}

pub struct Clients(pub Arc<Services>);

impl Service for Clients {
    type Call = JobCall;
    type Answer = JobAnswer;
    type Tell = ();

    async fn call(&self, _from: &Peer, call: JobCall) -> JobAnswer {
        let stopping = || JobError::Unavailable("it is stopping".to_owned());
        let scheduler = &self.0.scheduler;
        match call {
            JobCall::Submit(spec) => {
                let answer = scheduler.answer(|answer| Message::Submit { spec, answer }).await;
                answer.ok_or_else(stopping)?.map(JobReply::Submitted)
            }
            JobCall::Kill { job, user } => {
                let answer = scheduler.answer(|answer| Message::Kill { job, user, answer }).await;
                answer.ok_or_else(stopping)?.map(|()| JobReply::Done)
            }
            JobCall::Resize { core, task, plan } => {
                let answer = scheduler.answer(|answer| Message::Resize { core, task, plan, answer }).await;
                answer.ok_or_else(stopping)?.map(JobReply::Plan)
            }
            JobCall::Watch { job, after, wait_ms } => {
                self.watch(job, after, Duration::from_millis(wait_ms)).await
            }
            JobCall::List { limit } => {
                let jobs = scheduler.ask(move |core| core.list(limit as usize)).await;
                jobs.map(JobReply::Jobs).ok_or_else(stopping)
            }
            JobCall::Tasks { job, limit } => {
                let tasks = scheduler.ask(move |core| core.tasks(job, limit as usize)).await;
                tasks.ok_or_else(stopping)?.map(JobReply::Tasks).ok_or(JobError::NoSuchJob(job))
            }
            JobCall::Why { job } => {
                let waits = scheduler.ask(move |core| core.why(job)).await;
                waits.ok_or_else(stopping)?.map(JobReply::Why).ok_or(JobError::NoSuchJob(job))
            }
            JobCall::Logs { job, task, bytes_max } => {
                self.logs(job, task, bytes_max.min(LOG_BYTES_MAX)).await
            }
            JobCall::Status => {
                self.status().await.map(|view| JobReply::Status(Box::new(view))).ok_or_else(stopping)
            }
        }
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}

impl Clients {
    /// Answers when the job's version is above `after`, or with what there is after the wait.
    async fn watch(&self, job: JobId, after: u64, wait: Duration) -> JobAnswer {
        let stopping = || JobError::Unavailable("it is stopping".to_owned());
        let scheduler = &self.0.scheduler;
        let end = tokio::time::Instant::now() + wait.min(WATCH_MAX);
        let follow = scheduler.answer(|answer| Message::Follow { job, answer }).await;
        let mut follow = follow.ok_or_else(stopping)?;
        loop {
            follow.borrow_and_update();
            let last = tokio::time::Instant::now() >= end;
            let news = scheduler.ask(move |core| {
                let version = core.job_version(job)?;
                Some(if version > after || last { core.job_view(job) } else { None })
            });
            match news.await.ok_or_else(stopping)? {
                None => return Err(JobError::NoSuchJob(job)),
                Some(Some(view)) => return Ok(JobReply::Job(Box::new((*view).clone()))),
                Some(None) if last => return Err(JobError::NoSuchJob(job)),
                Some(None) => {}
            }
            tokio::select! {
                changed = follow.changed() => if changed.is_err() { return Err(stopping()) },
                () = tokio::time::sleep_until(end) => {}
            }
        }
    }

    async fn status(&self) -> Option<ClusterView> {
        let services = &self.0;
        let (endpoint, started_ms) = (services.endpoint.clone(), services.started_ms);
        let mut view = services
            .scheduler
            .ask(move |core| {
                let targets = &core.ledger().targets;
                ClusterView {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    endpoint,
                    started_ms,
                    workers: core.worker_views(),
                    storage: None,
                    running: core.living(),
                    target_core: targets.core,
                    target_task: targets.task,
                    resize_waits: core.resize_waits(),
                    provider: core.provider_name().map(str::to_owned),
                }
            })
            .await?;
        let heard = services.liveness.heard();
        for worker in &mut view.workers {
            if let Some(heard) = heard.get(&worker.worker) {
                worker.capacity = heard.capacity;
                worker.last_beat_ms_ago = u64::try_from(heard.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            }
        }
        // Asked for, not looked up in the view, which may be a moment old.
        let call = NamespaceCall {
            client: ClientId(0),
            call: 0,
            user: String::new(),
            worker: None,
            operation: Operation::Cluster,
        };
        if let Ok(Reply::Cluster(storage)) = services.namespace.call(call).await {
            view.storage = Some(storage);
        }
        Some(view)
    }

    /// Live logs, from the workers that have some. Those of finished jobs lie under `/.skep/logs/<job>/` in the
    /// cluster's storage too, where clients read them.
    async fn logs(&self, job: JobId, task: Option<(StageId, PartId)>, bytes_max: u64) -> JobAnswer {
        let stopping = || JobError::Unavailable("it is stopping".to_owned());
        let found = self.0.scheduler.ask(move |core| {
            core.job_version(job)?;
            let tasks = core.tasks(job, usize::MAX).unwrap_or_default();
            let stems = task.map(|(stage, part)| {
                let of_task =
                    tasks.iter().filter(|view| (view.attempt.stage, view.attempt.part) == (stage, part));
                of_task.map(|view| view.attempt.file_stem()).collect::<Vec<String>>()
            });
            let hosts: BTreeMap<WorkerId, String> =
                core.worker_views().into_iter().map(|view| (view.worker, view.host)).collect();
            Some((stems, hosts))
        });
        let (stems, hosts) = found.await.ok_or_else(stopping)?.ok_or(JobError::NoSuchJob(job))?;
        let asked = self.0.connections.all().into_iter().map(|(worker, peer)| {
            let call = MasterCall::Logs { job, stems: stems.clone(), bytes_max };
            let host = hosts.get(&worker).cloned().unwrap_or_default();
            async move {
                let MasterCallAnswer::Logs { text, truncated } =
                    peer.call(&call, LOGS_DEADLINE).await.ok()?;
                (!text.is_empty()).then_some(LogPart { worker, host, text, truncated })
            }
        });
        let parts = futures::future::join_all(asked).await;
        Ok(JobReply::Logs(parts.into_iter().flatten().collect()))
    }
}
