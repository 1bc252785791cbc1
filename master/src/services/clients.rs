//! Calls of clients about jobs and the cluster.

use super::Front;
use crate::{
    owner::Request,
    requests::Question,
    storage::{self, StorageOrder},
};
use skep_hdfs::{
    ClientId, FsPath,
    protocol::namespace::{NamespaceAnswer, NamespaceCall, Operation, Reply},
};
use skep_jobs::protocol::client::{JobAnswer, JobCall, JobError, JobReply};
use skep_wire::{Peer, Service};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

pub struct JobService(pub Arc<Front>);

impl Service for JobService {
    type Call = JobCall;
    type Answer = JobAnswer;
    type Tell = ();

    async fn call(&self, _from: &Peer, call: JobCall) -> JobAnswer {
        let (reply, answer) = oneshot::channel();
        let request = match call {
            JobCall::Submit(spec) => Request::Submit { spec, reply },
            JobCall::Watch { job, after, wait_ms } => {
                Request::Watch { job, after, wait: Duration::from_millis(wait_ms), reply }
            }
            JobCall::Kill { job, user } => Request::Kill { job, user, reply },
            JobCall::List { limit } => Request::Ask { question: Question::List { limit }, reply },
            JobCall::Tasks { job, limit } => Request::Ask { question: Question::Tasks { job, limit }, reply },
            JobCall::Owned => Request::Ask { question: Question::Owned, reply },
            JobCall::Why { job } => Request::Ask { question: Question::Why { job }, reply },
            JobCall::Status => return self.status(reply, answer).await,
            JobCall::Logs { job, task, bytes_max } => return self.0.logs.read(job, task, bytes_max).await,
            JobCall::Resize { core, task, plan } => {
                let replication = self.0.replication().await;
                let facts = storage::facts(&self.0.namespace.view().borrow(), replication);
                Request::Resize { core, task, plan, facts, reply }
            }
        };
        self.ask(request, answer).await
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}

impl JobService {
    async fn ask(&self, request: Request, answer: oneshot::Receiver<JobAnswer>) -> JobAnswer {
        let stopping = || JobError::Unavailable("it is stopping".to_owned());
        self.0.inbox.send(request).await.map_err(|_| stopping())?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// What is stored is asked for, not looked up in the namespace's view, which may be a moment old; and only once the
    /// namespace knows of every worker that the answer calls gone.
    async fn status(
        &self,
        reply: oneshot::Sender<JobAnswer>,
        answer: oneshot::Receiver<JobAnswer>,
    ) -> JobAnswer {
        let mut status = self.ask(Request::Ask { question: Question::Status, reply }, answer).await?;
        self.0.settle().await;
        if let JobReply::Status(view) = &mut status
            && let Ok(Reply::Cluster(storage)) = self.0.look(Operation::Cluster).await
        {
            view.storage = Some(storage);
        }
        Ok(status)
    }
}

impl Front {
    /// Until the namespace has heard what the scheduler decided before.
    async fn settle(&self) {
        let (reply, settled) = oneshot::channel();
        if self.orders.send(StorageOrder::Settle { reply }).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// A question of the master itself to its namespace.
    async fn look(&self, operation: Operation) -> NamespaceAnswer {
        let user = "master".to_owned();
        self.namespace
            .call(NamespaceCall { client: ClientId(0), call: 0, user, worker: None, operation })
            .await
    }

    /// About how many replicas stored files ask for: bytes with replicas, over bytes, rounded up.
    async fn replication(&self) -> u32 {
        match self.look(Operation::Summary { path: FsPath::root() }).await {
            Ok(Reply::Summary(summary)) => {
                let replication = summary.stored_bytes.div_ceil(summary.len_bytes.max(1));
                u32::try_from(replication).unwrap_or(u32::MAX).clamp(1, 64)
            }
            Ok(_) | Err(_) => 1,
        }
    }
}
