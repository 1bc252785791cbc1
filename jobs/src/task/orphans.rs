//! The end of a task process whose worker died: nobody is left who knows what its attempts started, so it ends that first.

use super::{environment::TaskEnvironment, limits};
use crate::protocol::task::{TASK_JOB_VARIABLE, TASK_SOCKET_VARIABLE};
use rustix::process::{Pid, Signal, kill_current_process_group, kill_process};
use std::{fs, io, process};

/// Kills every process that carries this job's and this worker's names in its environment, then the own group, which
/// includes this process.
pub(super) fn end_with_everything(environment: &TaskEnvironment) {
    eprintln!("task process: the worker is gone; ending with everything that was started here");
    let names = [
        format!("{TASK_SOCKET_VARIABLE}={}", environment.socket.display()),
        format!("{TASK_JOB_VARIABLE}={}", environment.job),
    ];
    for _ in 0..limits::ORPHAN_ROUNDS {
        // Whoever forks meanwhile is found by the next round.
        if kill_named(&names).unwrap_or(0) == 0 {
            break;
        }
    }
    if rustix::process::getpgrp() == rustix::process::getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    process::exit(1);
}

/// Says how many it killed.
fn kill_named(names: &[String]) -> io::Result<usize> {
    let mut killed = 0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Some(other) = Pid::from_raw(number).filter(|pid| *pid != rustix::process::getpid()) else {
            continue;
        };
        // Empty for a dead process, unreadable for those of other users.
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        let has =
            |name: &String| environment.split(|byte| *byte == 0).any(|variable| variable == name.as_bytes());
        if names.iter().all(has) && kill_process(other, Signal::KILL).is_ok() {
            killed += 1;
        }
    }
    Ok(killed)
}
