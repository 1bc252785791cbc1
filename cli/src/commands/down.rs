//! `skep down`: stops what `skep up` started, and only that.

use super::{
    Outcome,
    up::record::{ProcessIdentity, UpLock, UpRecord, default_data},
};
use crate::{args::up::DownArgs, find_cluster::LastUp};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// A supervisor ends its children, by force if it must, well within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Children of a supervisor that was killed: asked first, then killed.
const ORPHANS_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
pub enum DownError {
    #[error("no cluster of this user is known; name its directory with --data DIR")]
    Unknown,
    #[error("process {process} ({}) does not end; look at its log in {}/logs", what, data.display())]
    Stubborn { process: u32, what: &'static str, data: PathBuf },
    #[error("cannot stop process {process}")]
    Signal { process: u32, source: io::Error },
    #[error("cannot use the data directory {}", data.display())]
    Data { data: PathBuf, source: io::Error },
}

pub fn run(args: &DownArgs) -> Outcome {
    let data = args.data.clone().or_else(|| LastUp::recall().map(|last| last.data)).or_else(default_data);
    let data = data.ok_or(DownError::Unknown)?;
    let data = data.canonicalize().unwrap_or(data);
    let Some(record) = UpRecord::load(&data) else {
        writeln!(io::stderr(), "nothing runs in {}", data.display())?;
        return Ok(ExitCode::SUCCESS);
    };
    if record.supervisor.is_alive() && is_locked(&data)? {
        stop_supervisor(&data, &record)?;
    }
    stop_orphans(&data, &record.children)?;
    UpRecord::remove(&data);
    LastUp::forget(&data);
    writeln!(io::stderr(), "stopped; files stay in {} (`skep up` brings them back)", data.display())?;
    Ok(ExitCode::SUCCESS)
}

/// The supervisor holds the lock for as long as it lives: a process that does not is not it.
fn is_locked(data: &Path) -> Result<bool, DownError> {
    let lock = UpLock::take(data).map_err(|source| DownError::Data { data: data.to_owned(), source })?;
    Ok(lock.is_none())
}

fn stop_supervisor(data: &Path, record: &UpRecord) -> Result<(), DownError> {
    signal(record.supervisor, Signal::TERM)?;
    if wait_until_gone(&[record.supervisor], PATIENCE) {
        return Ok(());
    }
    Err(DownError::Stubborn {
        process: record.supervisor.process,
        what: "the supervisor",
        data: data.to_owned(),
    })
}

fn stop_orphans(data: &Path, children: &[ProcessIdentity]) -> Result<(), DownError> {
    for how in [Signal::TERM, Signal::KILL] {
        for child in children.iter().filter(|child| child.is_alive()) {
            signal(*child, how)?;
        }
        if wait_until_gone(children, ORPHANS_PATIENCE) {
            return Ok(());
        }
    }
    match children.iter().find(|child| child.is_alive()) {
        None => Ok(()),
        Some(child) => Err(DownError::Stubborn {
            process: child.process,
            what: "a process of the cluster",
            data: data.to_owned(),
        }),
    }
}

fn signal(identity: ProcessIdentity, signal: Signal) -> Result<(), DownError> {
    let Some(pid) = i32::try_from(identity.process).ok().and_then(Pid::from_raw) else { return Ok(()) };
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(DownError::Signal { process: identity.process, source: error.into() }),
    }
}

fn wait_until_gone(processes: &[ProcessIdentity], patience: Duration) -> bool {
    let begun = Instant::now();
    while processes.iter().any(|process| process.is_alive()) {
        if begun.elapsed() > patience {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn orphans_are_ended_and_processes_that_took_their_numbers_are_not() {
        let mut orphan = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
        let listed = ProcessIdentity::of(orphan.id()).unwrap();
        let reused = ProcessIdentity::of(stranger.id()).unwrap();
        let reused = ProcessIdentity { started_ticks: reused.started_ticks + 1, ..reused };
        stop_orphans(Path::new("/"), &[listed, reused]).unwrap();
        assert!(!orphan.wait().unwrap().success());
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
