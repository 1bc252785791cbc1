//! Shuffle outputs that a core worker keeps for the stages that consume them. A task worker keeps none: its tasks deliver
//! theirs to core workers.

use super::{node::Node, shell::Input};
use crate::{
    WorkerError,
    core::Event,
    directory::DataDirectory,
    shuffle::{Mark, ShuffleService, ShuffleStore},
};
use skep_jobs::{
    model::{AttemptId, JobId, Segment},
    protocol::task::{KeptData, TaskReply},
};
use skep_wire::Channel;
use std::{io, sync::Arc};
use tokio::{sync::mpsc, task::spawn_blocking};

pub(super) struct Outputs {
    store: Arc<ShuffleStore>,
    service: ShuffleService,
}

impl Outputs {
    pub fn open(
        data: &DataDirectory,
        memory_bytes: u64,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Outputs, WorkerError> {
        let path = data.shuffle();
        let store = ShuffleStore::open(&path, memory_bytes)
            .map_err(|error| WorkerError::DataDirectory { path, source: io::Error::other(error) })?;
        let store = Arc::new(store);
        let watched = Arc::clone(&store);
        tokio::spawn(async move {
            loop {
                let lost = watched.next_lost().await;
                if inputs.send(Input::OutputsLost(lost)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Outputs { service: ShuffleService::new(Arc::clone(&store)), store })
    }
}

impl Node {
    pub fn outputs(&self) -> Vec<AttemptId> {
        self.outputs.as_ref().map(|outputs| outputs.store.outputs()).unwrap_or_default()
    }

    pub fn outputs_held(&self) -> u64 {
        self.outputs.as_ref().map_or(0, |outputs| outputs.store.len() as u64)
    }

    /// Takes over the output of an attempt that ran here.
    pub async fn keep(&self, attempt: AttemptId, segments: Vec<Segment>, data: KeptData) -> TaskReply {
        let Some(outputs) = &self.outputs else {
            let reason = "this is a task worker, which keeps nothing that others need, and the launch named no core \
                          worker to deliver to; start one with `skep resize --core`";
            return TaskReply::Failed { reason: reason.to_owned(), disk_full: false };
        };
        let store = Arc::clone(&outputs.store);
        match spawn_blocking(move || store.keep(attempt, segments, data)).await {
            Ok(Ok(())) => TaskReply::Kept,
            Ok(Err(error)) => TaskReply::Failed { reason: error.to_string(), disk_full: error.disk_full() },
            Err(error) => TaskReply::Failed { reason: error.to_string(), disk_full: false },
        }
    }

    pub async fn drop_outputs(&self, attempts: Vec<AttemptId>) {
        self.change_outputs(move |store| store.drop_outputs(&attempts)).await;
    }

    pub async fn drop_outputs_of(&self, job: JobId) {
        self.change_outputs(move |store| store.drop_job(job)).await;
    }

    /// To be taken before the master is asked which jobs live.
    pub fn outputs_mark(&self) -> Option<Mark> {
        self.outputs.as_ref().map(|outputs| outputs.store.mark())
    }

    /// Removes what is of no job that lives, as the master said after `asked`.
    pub async fn sweep_outputs(&self, living: Vec<JobId>, asked: Mark) {
        self.change_outputs(move |store| store.sweep(&living.into_iter().collect(), asked)).await;
    }

    async fn change_outputs(&self, change: impl FnOnce(&ShuffleStore) + Send + 'static) {
        let Some(outputs) = &self.outputs else { return };
        let store = Arc::clone(&outputs.store);
        if let Err(error) = spawn_blocking(move || change(&store)).await {
            tracing::error!(%error, "the shuffle store could not be tidied");
        }
        let _ = self.inputs.send(Input::Core(Event::OutputsHeld(self.outputs_held()))).await;
    }

    pub async fn serve_shuffle(&self, channel: Channel) {
        if let Some(outputs) = &self.outputs {
            outputs.service.serve(channel).await;
        }
    }
}
