//! A plan as a program: what a task process runs its attempts with.

use super::{
    Plan,
    fault::TaskFault,
    graph::Graph,
    panics,
    payload::{Payload, Work},
    stage_run::StageRun,
    stages::{self, Stage},
};
use crate::{
    model::{Done, Outcome},
    protocol::worker::{Launch, LaunchInput},
    sink::{
        PartToken, SinkError,
        commit::{self, OutputPlan},
    },
    source::block_on,
    task_program::{BuildError, TaskContext, TaskProgram},
};
use std::sync::atomic::Ordering::Relaxed;

pub struct PlanProgram {
    pub(super) graph: Graph,
    pub(super) stages: Vec<Stage>,
    pub(super) fingerprint: u64,
}

impl PlanProgram {
    /// Takes the graph out of the plan. Refuses a plan with mistakes, or without an output.
    pub fn new(plan: &Plan) -> Result<PlanProgram, BuildError> {
        let graph = plan.take_graph();
        if !graph.errors.is_empty() {
            return Err(BuildError::Plan(graph.errors.join("\n")));
        }
        if graph.sinks.is_empty() && graph.results.is_empty() {
            let reason = "it has no output: end it with save_text, save_records, show, count or collect";
            return Err(BuildError::Plan(reason.to_owned()));
        }
        let stages = stages::cut(&graph);
        let fingerprint = stages::fingerprint(&graph, &stages);
        Ok(PlanProgram { graph, stages, fingerprint })
    }

    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn run_task(&self, launch: &Launch, context: &TaskContext) -> Result<super::batch::StageEnd, TaskFault> {
        match Payload::decode(&launch.payload, self.fingerprint)? {
            Work::Task { input, part_number } => {
                let index = launch.attempt.stage.0 as usize;
                let stage = self
                    .stages
                    .get(index)
                    .ok_or_else(|| TaskFault::Undecodable(format!("the plan has no stage {index}")))?;
                StageRun { graph: &self.graph, stage, launch, context }.run(&input, part_number)
            }
            Work::Commit(output) => {
                let tokens = part_tokens(launch)?;
                block_on(context, commit::commit(&context.stores, &output, tokens))?;
                Ok(Default::default())
            }
            Work::Abort(output) => self.abort(&output, launch, context),
        }
    }

    fn abort(
        &self,
        output: &OutputPlan,
        launch: &Launch,
        context: &TaskContext,
    ) -> Result<super::batch::StageEnd, TaskFault> {
        let tokens = part_tokens(launch)?;
        block_on(context, commit::abort(&context.stores, output, launch.attempt.job, tokens))?;
        Ok(Default::default())
    }
}

fn part_tokens(launch: &Launch) -> Result<Vec<PartToken>, TaskFault> {
    let commits = launch.inputs.iter().filter_map(|input| match input {
        LaunchInput::Commits(commits) => Some(commits),
        _ => None,
    });
    commits
        .flatten()
        .filter(|(_, token)| !token.is_empty())
        .map(|(_, token)| {
            skep_wire::codec::decode(token).map_err(|error| SinkError::BadToken(error.to_string()).into())
        })
        .collect()
}

impl TaskProgram for PlanProgram {
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome {
        match panics::catch(|| self.run_task(launch, context)) {
            Err(fault) => fault.into_outcome(),
            Ok(end) => {
                let progress = &context.progress;
                Outcome::Done(Done {
                    segments: end.segments,
                    holder: end.holder,
                    result: end.result,
                    commit: end.commit,
                    counters: progress.counters(),
                    input_records: progress.input_records.load(Relaxed),
                    output_records: progress.output_records.load(Relaxed),
                    input_bytes: progress.input_bytes.load(Relaxed),
                    output_bytes: progress.output_bytes.load(Relaxed),
                    spilled_bytes: progress.spilled_bytes.load(Relaxed),
                })
            }
        }
    }
}
