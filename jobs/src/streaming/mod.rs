//! Hadoop Streaming's contract: any executable is a mapper, combiner or reducer that reads lines on standard input and
//! writes `key<TAB>value` lines on standard output.
//!
//! * [`StreamingJob`] is what the user asked for; client and task process build the same plan of it.
//! * [`command`] runs one command and moves bytes in and out; [`stderr`] listens to what it reports.
//! * [`map`], [`combine`], [`reduce`] are the operators; [`fields`] cut lines into keys and values.
//! * [`words`] splits a command line as Hadoop does; [`environment`] is what commands find in theirs.

mod combine;
mod command;
mod descendants;
mod environment;
mod fields;
mod map;
mod reduce;
mod stderr;
#[cfg(test)]
mod tests;
mod words;

use crate::{
    plan::{
        Dataset, Plan,
        exchange::{Exchange, ExchangeSide, ExchangeWriter, Partitioning, keyed::KeyedWriter},
        program::PlanProgram,
    },
    sink::LineSink,
    source::lines::{LineForm, TextFiles},
    task_program::{BuildError, TaskProgram},
};
use combine::CombineCommand;
use map::MapCommand;
use reduce::{IdentityReduce, ReduceCommand};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// First argument of a program that is a streaming job.
pub const PROGRAM: &str = "streaming";

/// A reducer of this name (or none at all, with 0 reducers) makes the mapper's output the result.
const NO_REDUCER: &str = "NONE";

/// A streaming job, as the user asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamingJob {
    /// Files, directories or globs.
    pub inputs: Vec<String>,
    pub output: String,
    pub mapper: String,
    pub combiner: Option<String>,
    /// Without one, the mapper's output is sorted and written as it is.
    pub reducer: Option<String>,
    /// 0: the mapper's output is the result. `None`: as for any job (`job.partitions`).
    pub reducers: Option<u32>,
    /// Further variables for the commands (`-cmdenv`).
    pub environment: BTreeMap<String, String>,
}

type Pairs = (Vec<u8>, Vec<u8>);

impl StreamingJob {
    /// Arguments of the program ([`crate::model::Program`]) that runs this job.
    pub fn arguments(&self) -> Result<Vec<String>, BuildError> {
        let job = serde_json::to_string(self).map_err(|error| BuildError::Arguments(error.to_string()))?;
        Ok(vec![PROGRAM.to_owned(), job])
    }

    /// What `skep task` runs: the program as a task process wants it.
    pub fn build(arguments: &[String]) -> Result<Arc<dyn TaskProgram>, BuildError> {
        Ok(Arc::new(StreamingJob::program(arguments)?))
    }

    /// The program of such arguments, in the client and in task processes alike.
    pub fn program(arguments: &[String]) -> Result<PlanProgram, BuildError> {
        match arguments {
            [name, job] if name == PROGRAM => {
                let job: StreamingJob = serde_json::from_str(job).map_err(|error| {
                    BuildError::Arguments(format!("the streaming job cannot be read: {error}"))
                })?;
                let plan = Plan::new();
                job.add_to(&plan);
                PlanProgram::new(&plan)
            }
            _ => Err(BuildError::Arguments(format!("`{PROGRAM}` and a job were expected"))),
        }
    }

    fn is_map_only(&self) -> bool {
        self.reducers == Some(0) || self.reducer.as_deref() == Some(NO_REDUCER)
    }

    fn add_to(&self, plan: &Plan) {
        let commands = [Some(&self.mapper), self.combiner.as_ref(), self.reducer.as_ref()];
        for command in commands.into_iter().flatten() {
            if let Err(error) = words::split(command) {
                plan.refuse(error.to_string());
            }
        }
        if self.is_map_only() && self.combiner.is_some() {
            plan.refuse("a combiner has no effect without a reducer");
        }
        let patterns = self.inputs.clone();
        let lines: Dataset<Vec<u8>> = plan.source("text", TextFiles { patterns, form: LineForm::ForCommand });
        let map = MapCommand::new(self, self.is_map_only());
        if self.is_map_only() {
            let output: Dataset<Vec<u8>> = lines.narrow("mapper", map);
            return output.save(self.output.clone(), Arc::new(LineSink::<Vec<u8>>::new()));
        }
        let pairs: Dataset<Pairs> = lines.narrow("mapper", map);
        let writer: Arc<dyn ExchangeWriter> = match &self.combiner {
            Some(combiner) => Arc::new(CombineCommand::new(combiner, self)),
            None => Arc::new(KeyedWriter::<Vec<u8>, Vec<u8>>::new()),
        };
        let side = ExchangeSide { input: pairs.node, writer };
        let mut exchange = match &self.reducer {
            Some(reducer) => {
                Exchange::new(vec![side], Arc::new(ReduceCommand::new(reducer, self)), Partitioning::Hash)
            }
            None => Exchange::new(vec![side], Arc::new(IdentityReduce), Partitioning::Hash),
        };
        exchange.partitions = self.reducers;
        let name = if self.reducer.is_some() { "reducer" } else { "sort" };
        let output: Dataset<Vec<u8>> = pairs.exchanged(name, exchange);
        output.save(self.output.clone(), Arc::new(LineSink::<Vec<u8>>::new()));
    }
}
