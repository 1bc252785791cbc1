//! `skep worker`: the daemon of one node.

use super::{Failure, Outcome, on_some_threads};
use crate::{
    args::{
        GlobalArgs,
        daemon::{WardenArgs, WorkerArgs},
    },
    find_cluster,
    signals::{Stop, die_with},
};
use skep_wire::Secret;
use skep_worker::{WorkerOptions, process::warden};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Connections and shuffle requests; disks and tasks have threads and processes of their own.
const THREADS: usize = 2;

#[derive(Debug, thiserror::Error)]
#[error("cannot read the cluster secret {}", path.display())]
pub struct SecretError {
    path: PathBuf,
    source: io::Error,
}

pub fn run(global: &GlobalArgs, args: &WorkerArgs) -> Outcome {
    if let Some(parent) = args.supervised.parent {
        die_with(parent)?;
    }
    let options = options(global, args)?;
    on_some_threads(THREADS, async {
        let stop = Stop::on_signals()?;
        let options = WorkerOptions { stop_now: stop.now.clone(), ..options };
        skep_worker::run(options, stop.gently).await?;
        Ok(ExitCode::SUCCESS)
    })?
}

/// `skep warden`: beside each worker, for when it is killed.
pub fn watch(args: &WardenArgs) -> Outcome {
    let ended = warden::keep_watch(&args.mark, &args.life)?;
    if ended > 0 {
        tracing::warn!(processes = ended, "the worker is gone; ended what its tasks left behind");
    }
    Ok(ExitCode::SUCCESS)
}

fn options(global: &GlobalArgs, args: &WorkerArgs) -> Result<WorkerOptions, Failure> {
    let address = find_cluster::find(global)?;
    let secret = load(&address.secret_file)?;
    let defaults = WorkerOptions::new(args.role.into(), address.master, args.data.clone(), secret);
    Ok(WorkerOptions {
        slots: args.slots,
        memory_bytes: args.memory,
        shuffle_memory_bytes: args.storage.shuffle_memory.unwrap_or(defaults.shuffle_memory_bytes),
        scrub_bytes_per_second: args.storage.scrub_rate.unwrap_or(defaults.scrub_bytes_per_second),
        listen: args.listen.clone(),
        advertise: args.advertise.clone(),
        host: args.host.clone(),
        skep: std::env::current_exe()?,
        owns_process: true,
        ..defaults
    })
}

fn load(path: &Path) -> Result<Secret, SecretError> {
    Secret::load(path).map_err(|source| SecretError { path: path.to_owned(), source })
}
