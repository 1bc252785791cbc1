//! Errors on stderr: what failed, then each cause once.

use std::{error::Error, fmt::Write as _, io, process::ExitCode};

/// Everything went well.
pub const EXIT_SUCCESS: u8 = 0;
/// Something failed.
pub const EXIT_FAILURE: u8 = 1;
/// The command line was wrong.
pub const EXIT_USAGE: u8 = 2;
/// Ended by Ctrl-C.
pub const EXIT_INTERRUPTED: u8 = 130;

/// The error and its causes, one a line, without repeating a cause that an outer message already ends with.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !last.contains(&message) {
            let _ = write!(text, "\n  because: {message}");
            last = message;
        }
        cause = error.source();
    }
    text
}

/// Prints the error and gives the exit code for it. A reader that closed the pipe early (`| head`) is no failure of ours.
pub fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::from(EXIT_SUCCESS);
    }
    eprintln!("error: {}", describe(error));
    ExitCode::from(EXIT_FAILURE)
}

/// Whether the error comes from a pipe whose reader is gone.
pub fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot {what}")]
    struct Outer {
        what: &'static str,
        source: io::Error,
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = Outer { what: "read", source: io::Error::other("disk is gone") };
        assert_eq!(describe(&error), "cannot read\n  because: disk is gone");
        let error = Outer { what: "x: disk is gone", source: io::Error::other("disk is gone") };
        assert_eq!(describe(&error), "cannot x: disk is gone");
    }

    #[test]
    fn a_closed_pipe_is_found_among_the_causes() {
        let error = Outer { what: "print", source: io::Error::from(io::ErrorKind::BrokenPipe) };
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&io::Error::other("x")));
    }
}
