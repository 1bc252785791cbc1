//! TRANSFORM, MAP and REDUCE: rows go through a command of the user's.
//!
//! ```text
//! rows ─► feeder thread ─► stdin │ command │ stdout ─► reader thread ─► rows
//!                                      └ stderr ─► listener thread ─► tail for the error
//! ```
//! * [`ScriptDescription`] says all of one clause; it travels with a fragment.
//! * [`ScriptNode`] stands in logical plans, [`ScriptExec`] in physical ones: one command for each partition that has rows.
//! * `process` is the command with its threads, `stream` joins what goes in with what comes out, `directory` is where
//!   it works, `words` is its command line.
//!
//! Both directions stop where the other side is slow: channels hold one batch, pipes what the kernel gives them.

mod directory;
mod error;
mod exec;
mod logical;
mod process;
mod stream;
#[cfg(test)]
mod tests;
mod words;

pub use directory::{ScriptFile, ScriptPlace};
pub use error::ScriptError;
pub use exec::ScriptExec;
pub use logical::ScriptNode;
pub(crate) use process::{Formats, RunningScript};

use crate::formats::RowWords;
use serde::{Deserialize, Serialize};

/// One TRANSFORM clause.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScriptDescription {
    /// As it stands behind USING.
    pub command: String,
    pub input: RowWords,
    pub output: RowWords,
    /// `hive.exec.script.allow.partial.consumption`: a command need not read all of its input.
    pub partial: bool,
    /// Besides what the process has already.
    pub environment: Vec<(String, String)>,
    /// What ADD FILE and its like made known.
    pub files: Vec<ScriptFile>,
}
