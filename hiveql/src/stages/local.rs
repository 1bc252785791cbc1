//! A stage graph on threads of this process: for a warehouse without a cluster, and the reference for one with it. The
//! same fragments are encoded, decoded and run; only the scheduler is missing.

use super::{StageGraph, fragments::FragmentError, fragments::Fragments, results, spec};
use crate::{executor::QueryProgram, functions::SessionFacts};
use datafusion::{config::ConfigOptions, execution::SendableRecordBatchStream};
use skep_jobs::local::{self, LocalError, LocalOptions, Report};

#[derive(Debug, thiserror::Error)]
pub enum LocalQueryError {
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    #[error(transparent)]
    Run(#[from] LocalError),
    #[error("the result cannot be read: {0}")]
    Result(#[from] datafusion::common::DataFusionError),
}

/// Runs all stages to their end; blocks the calling thread, which must not be one of a runtime.
pub fn run(
    graph: &StageGraph,
    facts: &SessionFacts,
    config: &ConfigOptions,
    options: &LocalOptions,
) -> Result<SendableRecordBatchStream, LocalQueryError> {
    let fragments = Fragments::encode(graph, facts, config, None)?;
    // What is lost on the way to another process is lost here too.
    let program = QueryProgram::new(Fragments::from_arguments(&fragments.arguments()?)?);
    let stages = options.runtime.block_on(spec::stages(graph, None))?;
    let run = local::run_stages(&program, &stages, None, options, &mut Report::silent())?;
    let schema = graph.stages.last().map(|stage| stage.plan.schema()).ok_or(FragmentError::NoStage(0))?;
    Ok(results::stream_of(results::decode(&run.task_results)?, schema, options.stores.clone()))
}
