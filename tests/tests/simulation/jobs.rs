//! Random jobs: three stages that exchange data, with results for the client or with files and a commit.

use super::program;
use rand::{Rng, rngs::StdRng};
use skep_jobs::model::{
    Determinism, Executable, FinishSpec, JobConf, JobSpec, Program, StageId, StageInput, StageOutput,
    StageSpec, TaskSpec,
};
use skep_wire::codec;
use std::time::Duration;

pub fn random(rng: &mut StdRng) -> Vec<JobSpec> {
    (0..rng.random_range(1..4)).map(|token| one(rng, token)).collect()
}

fn one(rng: &mut StdRng, token: u64) -> JobSpec {
    let writes = rng.random_bool(0.5);
    let tasks: Vec<usize> = (0..3).map(|_| rng.random_range(1..5)).collect();
    // Whether each task of the next stage reads all of it.
    let replicated: Vec<bool> = (0..2).map(|_| rng.random_bool(0.2)).collect();
    let stages = (0..3).map(|index| {
        let varies = index < 2 && rng.random_bool(0.4);
        let task = |_| TaskSpec {
            payload: program::payload(token, index == 0, varies),
            preferred: Vec::new(),
            input_bytes: 1,
        };
        StageSpec {
            name: format!("stage {index}"),
            tasks: (0..tasks[index]).map(task).collect(),
            inputs: index
                .checked_sub(1)
                .map(|before| match replicated[before] {
                    true => StageInput::Replicated(StageId(before as u32)),
                    false => StageInput::Shuffle(StageId(before as u32)),
                })
                .into_iter()
                .collect(),
            output: match index {
                0 | 1 if replicated[index] => StageOutput::Shuffle { partitions: 1 },
                0 | 1 => StageOutput::Shuffle { partitions: tasks[index + 1] as u32 },
                _ if writes => StageOutput::Sink,
                _ => StageOutput::Result,
            },
            determinism: if varies { Determinism::Varies } else { Determinism::Exact },
        }
    });
    let finish = FinishSpec {
        commit: codec::encode(&token),
        abort: codec::encode(&token),
        outputs: vec![format!("/out/{token}")],
    };
    JobSpec {
        name: format!("job of token {token}"),
        user: "somebody".to_owned(),
        token,
        program: Program { executable: Executable::Skep, arguments: Vec::new(), files: Vec::new() },
        conf: JobConf { task_timeout: Duration::from_secs(20), ..JobConf::default() },
        stages: stages.collect(),
        finish: writes.then_some(finish),
    }
}
