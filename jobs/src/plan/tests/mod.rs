//! Every operator against an obvious reference, on random input, through the local runner: with several split sizes,
//! numbers of partitions and memory grants, so that splitting, spilling and merging all take part.

mod errors;
mod input;
mod operators;
mod output;

use super::{Collected, Plan, compile, program::PlanProgram};
use crate::{
    conf,
    local::{self, LocalOptions, LocalRun, Report},
    model::JobConf,
    record::Record,
};
use skep_hdfs::stores::Stores;
use std::sync::OnceLock;

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap())
}

fn run_with(plan: &Plan, conf: JobConf) -> Result<LocalRun, String> {
    let program = PlanProgram::new(plan).map_err(|error| error.to_string())?;
    let stores = Stores::local();
    let compiled = runtime()
        .block_on(compile::compile(&program, &stores, &conf, 3))
        .map_err(|error| error.to_string())?;
    let options = LocalOptions { threads: 2, conf, stores, runtime: runtime().handle().clone() };
    local::run(&program, &compiled, &options, &mut Report::silent()).map_err(|error| error.to_string())
}

fn run(plan: &Plan) -> Result<LocalRun, String> {
    run_with(plan, JobConf::default())
}

/// Splits of about `split_bytes`, and a grant that is far too small for anything.
fn cramped(split_bytes: usize, partitions: usize) -> JobConf {
    conf::parse([
        format!("input.split.bytes={}", split_bytes.max(1)),
        format!("job.partitions={partitions}"),
        "task.memory=1".to_owned(),
    ])
    .unwrap()
}

fn collected<T: Record>(plan: &Plan, conf: JobConf, result: &Collected<T>) -> Vec<T> {
    run_with(plan, conf).unwrap().collected(result).unwrap()
}

/// A file with these lines.
fn text_file(folder: &tempfile::TempDir, name: &str, lines: &[String]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path.display().to_string()
}
