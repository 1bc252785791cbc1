//! `skep master`: the process that owns all cluster metadata.

use super::{Outcome, on_some_threads};
use crate::{
    args::daemon::MasterArgs,
    signals::{Stop, die_with},
};
use skep_master::MasterOptions;
use std::process::ExitCode;

/// Connections and the journal's waiters; decisions are made by one task.
const THREADS: usize = 2;

pub fn run(args: &MasterArgs) -> Outcome {
    if let Some(parent) = args.supervised.parent {
        die_with(parent)?;
    }
    let options = MasterOptions { listen: args.listen.clone(), data: args.data.clone() };
    on_some_threads(THREADS, async {
        let stop = Stop::on_signals()?;
        skep_master::run(options, stop.gently).await?;
        Ok(ExitCode::SUCCESS)
    })?
}
