//! How a command's end is told: errors with their causes on stderr, and the exit code.
//!
//! 0 success, 1 failure, 2 wrong usage, 130 interrupted. A reader that closed our pipe (`| head`) is not a failure.

use crate::commands::{Outcome, up::UpError};
use skep_jobs::submit::report::{EXIT_INTERRUPTED, failed};
use std::process::ExitCode;

pub fn conclude(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            let code = failed(&*failure);
            match failure.downcast_ref::<UpError>() {
                Some(UpError::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
                _ => code,
            }
        }
    }
}
