//! Shuffle of a task on a cluster: output goes to the store of this worker when it is a core worker, and is delivered to
//! another one when it is not; input is fetched from whoever holds it.

use super::limits;
use crate::{
    limits::FETCH_PATIENCE,
    protocol::task::{TaskCall, TaskReply, Welcome},
    shuffle::{FetchOptions, deliver, fetch},
    task_program::{FetchedInput, OpenInput, PublishedOutput, ShuffleFault, ShuffleHost, SortedInput},
};
use skep_hdfs::WorkerId;
use skep_wire::{Credential, Dialer, Peer};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::runtime::Handle;

pub(super) struct ClusterShuffle {
    worker_link: Peer,
    runtime: Handle,
    worker: WorkerId,
    host: String,
    dialer: Dialer,
    /// Inputs opened so far: each has files of its own name in its attempt's scratch directory.
    opened: AtomicU64,
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
            opened: AtomicU64::new(0),
        }
    }

    fn next_stem(&self) -> String {
        format!("input{}", self.opened.fetch_add(1, Relaxed))
    }

    fn options<'a>(&'a self, request: &OpenInput<'a>, stem: &'a str) -> FetchOptions<'a> {
        FetchOptions {
            dialer: &self.dialer,
            runtime: &self.runtime,
            host: &self.host,
            memory_bytes: request.memory_bytes,
            scratch: request.scratch,
            stem,
            patience: FETCH_PATIENCE,
            cancel: request.cancel,
            moved_bytes: request.moved_bytes,
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
        if output.deliver_to.is_empty() {
            return self.runtime.block_on(self.keep(output));
        }
        // A file stays in the attempt's scratch directory, which goes with the attempt.
        let PublishedOutput { attempt, segments, data, deliver_to, moved_bytes } = output;
        let delivered = deliver(&self.dialer, deliver_to, attempt, &segments, &data, moved_bytes);
        Ok(Some(self.runtime.block_on(delivered)?))
    }

    fn open(&self, request: OpenInput<'_>) -> Result<Box<dyn SortedInput>, ShuffleFault> {
        let stem = self.next_stem();
        let options = self.options(&request, &stem);
        Ok(Box::new(fetch::open(request.pieces, request.holders, request.partition, &options)?))
    }

    fn fetch(&self, request: OpenInput<'_>) -> Result<FetchedInput, ShuffleFault> {
        let stem = self.next_stem();
        let options = self.options(&request, &stem);
        let (pieces, spilled_bytes) =
            fetch::open_opaque(request.pieces, request.holders, request.partition, &options)?;
        Ok(FetchedInput { pieces, spilled_bytes })
    }
}
