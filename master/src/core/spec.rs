//! What a submitted graph must be like, so that nothing behind this door has to doubt it.

use super::stage::producer;
use crate::limits::{PARTITIONS_MAX, STAGES_PER_JOB_MAX, TASKS_PER_JOB_MAX};
use skep_jobs::model::{JobSpec, StageInput, StageOutput, StageSpec};

/// Why a graph is not one that can run; for the user to read.
pub fn fault(spec: &JobSpec) -> Option<String> {
    let tasks: usize = spec.stages.iter().map(|stage| stage.tasks.len()).sum();
    if spec.stages.is_empty() {
        return Some("it has no stages".to_owned());
    }
    if spec.stages.len() > STAGES_PER_JOB_MAX {
        return Some(format!("it has {} stages, the limit is {STAGES_PER_JOB_MAX}", spec.stages.len()));
    }
    if tasks > TASKS_PER_JOB_MAX {
        return Some(format!("it has {tasks} tasks, the limit is {TASKS_PER_JOB_MAX}; use larger splits"));
    }
    if spec.conf.attempts_max == 0 || spec.conf.weight == 0 {
        return Some("the number of attempts and the weight must be at least 1".to_owned());
    }
    let mut stages = spec.stages.iter().enumerate();
    stages.find_map(|(index, stage)| {
        stage_fault(spec, index, stage).map(|fault| format!("stage {index} ({}): {fault}", stage.name))
    })
}

fn stage_fault(spec: &JobSpec, index: usize, stage: &StageSpec) -> Option<String> {
    if let StageOutput::Shuffle { partitions } = stage.output
        && !(1..=PARTITIONS_MAX).contains(&partitions)
    {
        return Some(format!("{partitions} shuffle partitions, must be 1 to {PARTITIONS_MAX}"));
    }
    stage.inputs.iter().find_map(|input| {
        let from = producer(input).0 as usize;
        let Some(source) = spec.stages.get(from).filter(|_| from < index) else {
            return Some(format!("its input stage {from} does not come before it"));
        };
        match (input, source.output) {
            (StageInput::Shuffle(_), StageOutput::Shuffle { partitions }) => (partitions as usize
                != stage.tasks.len())
            .then(|| format!("{} tasks read {partitions} partitions of stage {from}", stage.tasks.len())),
            (StageInput::Broadcast(_), StageOutput::Result) => None,
            (StageInput::Replicated(_), StageOutput::Shuffle { partitions }) => (partitions != 1)
                .then(|| format!("every task reads all of stage {from}, which has {partitions} partitions")),
            (_, output) => Some(format!("it cannot read {output:?} of stage {from} as {input:?}")),
        }
    })
}
