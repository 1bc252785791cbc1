//! The job that this program is when a worker starts it: tasks that do nothing, or two stages that do nearly nothing.

use clap::Parser;
use futures::future::BoxFuture;
use skep_hdfs::stores::Stores;
use skep_jobs::{
    plan::{batch::Consumer, fault::TaskFault, scope::TaskScope},
    prelude::*,
    source::{Source, SourceError, Split, SplitSizes, SplitWork},
};

pub const NAME: &str = "nothing";

#[derive(Parser, Clone)]
pub struct Args {
    /// Tasks without input.
    #[arg(long, default_value_t = 1)]
    pub tasks: u32,
    /// Add their records up in a second stage.
    #[arg(long)]
    pub two_stages: bool,
}

impl Args {
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["--tasks".to_owned(), self.tasks.to_string()];
        if self.two_stages {
            words.push("--two-stages".to_owned());
        }
        words
    }
}

pub fn build(plan: &Plan, args: &Args) {
    if args.two_stages {
        let numbers = plan.range(0..1_000).map(|number| (number % 10, number));
        numbers.reduce_by_key(|a, b| a + b).partitions(2).count("keys");
    } else {
        plan.source::<u64>("nothing", Nothing { tasks: args.tasks }).count("records");
    }
}

/// So many splits of no records.
struct Nothing {
    tasks: u32,
}

impl Source for Nothing {
    fn inputs(&self) -> Vec<String> {
        Vec::new()
    }

    fn splits<'a>(&'a self, _: &'a Stores, _: SplitSizes) -> BoxFuture<'a, Result<Vec<Split>, SourceError>> {
        let split = |_| Split { work: SplitWork::Opaque(Vec::new()), preferred: Vec::new(), input_bytes: 0 };
        Box::pin(async move { Ok((0..self.tasks).map(split).collect()) })
    }

    fn read(&self, _: &SplitWork, _: &TaskScope<'_>, _: &mut dyn Consumer) -> Result<(), TaskFault> {
        Ok(())
    }
}
