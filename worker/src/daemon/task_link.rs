//! The link to one task process: it says hello, takes orders, reports, and hands its shuffle output over.

use super::{
    node::Node,
    shell::{Input, Linked},
};
use crate::core::{Event, Life};
use skep_jobs::{
    model::{AttemptId, JobId, Segment},
    protocol::task::{KeptData, TaskCall, TaskOrder, TaskReply, TaskTell},
};
use skep_wire::{Connection, Identity, Peer, Service};
use std::{
    path::{Component, Path},
    sync::{Arc, OnceLock},
};
use tokio::sync::{mpsc, oneshot};

/// Serves the link until the process closes it and everything that it sent was handled.
pub(super) async fn serve(node: &Arc<Node>, connection: Connection) {
    let Identity::Job(name) = &connection.identity else { return };
    let Ok(job) = name.parse::<JobId>() else {
        return tracing::warn!(%name, "a token for something that is not a job opened the task service");
    };
    // The last clone of the service goes when the last message was handled.
    let (alive, all_handled) = oneshot::channel::<()>();
    let (orders, order_box) = mpsc::unbounded_channel();
    let life = Arc::new(OnceLock::new());
    let link = TaskLink { node: Arc::clone(node), job, orders, life: Arc::clone(&life), _alive: alive };
    let peer = Peer::start(connection, Arc::new(link));
    send_orders(&peer, order_box).await;
    // Closing from this side would throw away what is not handled yet.
    let _ = all_handled.await;
    drop(peer);
    if let Some(life) = life.get() {
        let _ = node.inputs.send(Input::LinkClosed { life: *life }).await;
    }
}

/// Until the process is gone, or the shell lets go of it.
async fn send_orders(peer: &Peer, mut orders: mpsc::UnboundedReceiver<TaskOrder>) {
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            () = peer.closed() => return,
        };
        let Some(order) = order else { return };
        if peer.tell(&order).await.is_err() {
            return;
        }
    }
}

struct TaskLink {
    node: Arc<Node>,
    job: JobId,
    /// Given to the shell with the hello. Bounded by what the core lets be in a process at a time.
    orders: mpsc::UnboundedSender<TaskOrder>,
    /// Which process it is, once it said hello.
    life: Arc<OnceLock<Life>>,
    _alive: oneshot::Sender<()>,
}

impl Service for TaskLink {
    type Call = TaskCall;
    type Answer = TaskReply;
    type Tell = TaskTell;

    async fn call(&self, _from: &Peer, call: TaskCall) -> TaskReply {
        match call {
            TaskCall::Hello { process } => self.hello(process).await,
            TaskCall::Keep { attempt, segments, data } => self.keep(attempt, segments, data).await,
        }
    }

    async fn tell(&self, _from: &Peer, message: TaskTell) {
        let Some(life) = self.life.get().copied() else {
            return tracing::warn!(job = %self.job, "a process that did not say hello sent {message:?}");
        };
        let event = match message {
            TaskTell::Started(attempt) => return self.on_log(attempt, |log, stem| log.begin(stem)),
            TaskTell::Log(attempt, lines) => {
                return self.on_log(attempt, |log, stem| log.append(stem, &lines));
            }
            TaskTell::Progress(progress) => Event::Progress { life, progress },
            TaskTell::Ended(attempt, outcome) => {
                self.on_log(attempt, |log, stem| log.end(stem));
                Event::Ended { life, attempt, outcome }
            }
        };
        let _ = self.node.inputs.send(Input::Core(event)).await;
    }
}

impl TaskLink {
    async fn hello(&self, process: u32) -> TaskReply {
        let (reply, answer) = oneshot::channel();
        let hello = Input::Hello { job: self.job, process, orders: self.orders.clone(), reply };
        let refused = || TaskReply::Failed {
            reason: format!("the worker did not start process {process} of {}", self.job),
            disk_full: false,
        };
        if self.life.get().is_some() || self.node.inputs.send(hello).await.is_err() {
            return refused();
        }
        match answer.await {
            Ok(Some(Linked { life, welcome })) => {
                // Set once: a second hello was refused above.
                let _ = self.life.set(life);
                TaskReply::Welcome(welcome)
            }
            Ok(None) | Err(_) => refused(),
        }
    }

    async fn keep(&self, attempt: AttemptId, segments: Vec<Segment>, data: KeptData) -> TaskReply {
        let refused = |reason: String| TaskReply::Failed { reason, disk_full: false };
        if attempt.job != self.job {
            return refused(format!("{attempt} is not of {}", self.job));
        }
        if let KeptData::File(path) = &data
            && !is_below(path, &self.node.data.scratch(self.job))
        {
            return refused(format!("{} is not in the job's scratch directory", path.display()));
        }
        self.node.keep(attempt, segments, data).await
    }

    fn on_log(&self, attempt: AttemptId, act: impl FnOnce(&crate::process::JobLog, &str)) {
        if attempt.job != self.job {
            return tracing::warn!(%attempt, job = %self.job, "a process reports an attempt of another job");
        }
        if let Some(log) = self.node.open_log(self.job) {
            act(&log, &attempt.file_stem());
        }
    }
}

/// Whether a path that a task process named lies in the directory, without a way out of it.
fn is_below(path: &Path, directory: &Path) -> bool {
    path.starts_with(directory) && !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_only_hand_over_files_of_its_own_scratch_directory() {
        let scratch = Path::new("/data/scratch/job-1");
        assert!(is_below(Path::new("/data/scratch/job-1/0.0.0.0/out"), scratch));
        for bad in ["/etc/passwd", "/data/scratch/job-1/../job-2/x", "out", "/data/scratch/job-12/x"] {
            assert!(!is_below(Path::new(bad), scratch), "{bad}");
        }
    }
}
