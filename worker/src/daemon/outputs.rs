//! Shuffle outputs that this worker keeps for the stages that consume them.

use super::node::Node;
use skep_jobs::{
    model::{AttemptId, JobId, Segment},
    protocol::task::{KeptData, TaskReply},
};
use skep_wire::Channel;

impl Node {
    pub fn outputs(&self) -> Vec<AttemptId> {
        Vec::new()
    }

    pub async fn keep(&self, attempt: AttemptId, segments: Vec<Segment>, data: KeptData) -> TaskReply {
        let _ = (segments, data);
        TaskReply::Failed {
            reason: format!("this worker keeps no shuffle output ({attempt})"),
            disk_full: false,
        }
    }

    pub async fn drop_outputs(&self, outputs: Vec<AttemptId>) {
        let _ = outputs;
    }

    pub async fn drop_outputs_of(&self, job: JobId) {
        let _ = job;
    }

    pub fn keep_outputs_of(&self, jobs: &[JobId]) {
        let _ = jobs;
    }

    pub async fn serve_shuffle(&self, channel: Channel) {
        let _ = channel;
    }
}
