//! An exit status in words.

use rustix::process::WaitStatus;

/// `exit code 3`, `signal SIGSEGV (invalid memory access)`.
pub fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => match signal_name(signal) {
            Some((name, meaning)) => format!("signal {name} ({meaning})"),
            None => format!("signal {signal}"),
        },
        (None, None) => "an unknown status".to_owned(),
    }
}

pub fn was_killed(status: WaitStatus) -> bool {
    status.terminating_signal() == Some(rustix::process::Signal::KILL.as_raw())
}

fn signal_name(signal: i32) -> Option<(&'static str, &'static str)> {
    use rustix::process::Signal;
    [
        (Signal::HUP, "SIGHUP", "hangup"),
        (Signal::INT, "SIGINT", "interrupted"),
        (Signal::QUIT, "SIGQUIT", "quit"),
        (Signal::ILL, "SIGILL", "illegal instruction: was it built for another processor?"),
        (Signal::ABORT, "SIGABRT", "it aborted, for example by a panic within a panic or a stack overflow"),
        (Signal::BUS, "SIGBUS", "invalid memory access"),
        (Signal::FPE, "SIGFPE", "arithmetic error"),
        (Signal::KILL, "SIGKILL", "killed from outside"),
        (Signal::SEGV, "SIGSEGV", "invalid memory access, for example a stack overflow"),
        (Signal::PIPE, "SIGPIPE", "it wrote to a closed pipe"),
        (Signal::TERM, "SIGTERM", "terminated from outside"),
        (Signal::XCPU, "SIGXCPU", "over a limit of processor time"),
        (Signal::XFSZ, "SIGXFSZ", "over a limit of file size"),
        (Signal::SYS, "SIGSYS", "forbidden system call"),
    ]
    .into_iter()
    .find(|(known, _, _)| known.as_raw() == signal)
    .map(|(_, name, meaning)| (name, meaning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, WaitOptions, waitpid};
    use std::process::Command;

    #[expect(clippy::zombie_processes, reason = "it is waited for by its id, for the raw status")]
    fn status_of(script: &str) -> WaitStatus {
        let child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap().1
    }

    #[test]
    fn codes_and_signals_are_told_apart() {
        assert_eq!(describe(status_of("exit 3")), "exit code 3");
        let killed = status_of("kill -9 $$");
        assert!(was_killed(killed) && describe(killed).starts_with("signal SIGKILL"));
        assert!(describe(status_of("kill -SEGV $$")).contains("SIGSEGV"));
    }
}
