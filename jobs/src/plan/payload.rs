//! What travels in a task. Written by the client when it compiles a plan, read by the same program in a task process.

use super::{
    exchange::sample::{Sample, Scale},
    fault::TaskFault,
};
use crate::{sink::commit::OutputPlan, source::SplitWork};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Of the plan that the client compiled.
    pub fingerprint: u64,
    pub work: Work,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    Task {
        input: TaskInput,
        /// Of the output file, in a stage that writes files.
        part_number: u32,
    },
    Commit(OutputPlan),
    Abort(OutputPlan),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskInput {
    Split(SplitWork),
    /// A few places of a split, for a sampling stage.
    SampledSplit(SplitWork, Scale),
    /// The task's partition of the stages before it.
    Partition,
}

impl Payload {
    pub fn encode(&self) -> Vec<u8> {
        skep_wire::codec::encode(self)
    }

    /// Reads a payload of the plan with this fingerprint.
    pub fn decode(bytes: &[u8], fingerprint: u64) -> Result<Work, TaskFault> {
        let payload: Payload = skep_wire::codec::decode(bytes)
            .map_err(|error| TaskFault::Undecodable(format!("the task cannot be read: {error}")))?;
        if payload.fingerprint != fingerprint {
            return Err(TaskFault::Undecodable(
                "the program built another plan here than at the client: a job must depend on nothing but its arguments"
                    .to_owned(),
            ));
        }
        Ok(payload.work)
    }
}

/// Reads a sample that another task of this plan made.
pub fn decode_sample(bytes: &[u8]) -> Result<Sample, TaskFault> {
    skep_wire::codec::decode(bytes)
        .map_err(|error| TaskFault::Undecodable(format!("a sample cannot be read: {error}")))
}
