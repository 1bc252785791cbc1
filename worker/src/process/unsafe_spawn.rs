//! What a new task process does to itself between `fork` and `exec`: a session of its own, its end when the worker ends,
//! its limits. The one place of this crate with `unsafe`: [`CommandExt::pre_exec`].

use rustix::{
    fs::{Mode, OFlags, open},
    process::{
        Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit, setsid,
    },
};
use std::{io, os::unix::process::CommandExt, process::Command};

/// Descriptors that a task process may have open.
const OPEN_FILES_MAX: u64 = 65_536;

/// Makes the process that `command` starts the leader of a session and a group of its own, which the kernel kills when
/// the **thread** that spawned it ends, and prefers to this one when memory runs out.
#[expect(unsafe_code, reason = "limits and the death signal must be set before the program runs")]
pub(super) fn contain(command: &mut Command) {
    let worker = rustix::process::getpid();
    // SAFETY: between `fork` and `exec` of a process with threads only async-signal-safe calls are allowed. `contain_self`
    // makes system calls through rustix, which enters the kernel directly; it takes no lock and allocates nothing, also
    // not on its error path (`io::Error` from an error number is no allocation).
    unsafe {
        command.pre_exec(move || contain_self(worker));
    }
}

fn contain_self(worker: Pid) -> io::Result<()> {
    setsid()?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(worker) {
        // The worker ended before the signal was set: nobody would end this process.
        return Err(io::Error::from_raw_os_error(rustix::io::Errno::CHILD.raw_os_error()));
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: Some(hard) })?;
    prefer_when_memory_runs_out();
    Ok(())
}

/// Raising the score is always allowed; a kernel without the file has other ways to choose.
fn prefer_when_memory_runs_out() {
    if let Ok(file) = open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::io::write(&file, b"1000");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contained_process_leads_its_own_session_with_its_limits_set() {
        let mut command = Command::new("/bin/sh");
        command.args([
            "-c",
            "cat /proc/self/oom_score_adj; ulimit -c; ulimit -n; cut -d' ' -f6 /proc/$$/stat; echo $$",
        ]);
        contain(&mut command);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["1000", "0"], "{text}");
        assert!(lines[2].parse::<u64>().unwrap() <= OPEN_FILES_MAX, "{text}");
        assert_eq!(lines[3], lines[4], "the session is its own: {text}");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_of_the_spawn() {
        let mut command = Command::new("/no/such/program");
        contain(&mut command);
        assert_eq!(command.spawn().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
