//! How a script fails, with Hive's numbers.

use crate::formats::FormatError;
use datafusion::{arrow::error::ArrowError, error::DataFusionError};
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("[Error 20000]: Unable to initialize custom script. `{command}` cannot be started: {source}")]
    Start { command: String, source: std::io::Error },
    #[error(
        "[Error 20001]: An error occurred while reading or writing to your custom script. It may have crashed with an \
         error. `{command}` ended before it had read its input (hive.exec.script.allow.partial.consumption would \
         allow that){}",
        said(.stderr)
    )]
    Input { command: String, stderr: String },
    #[error(
        "[Error 20001]: An error occurred while reading or writing to your custom script. It may have crashed with an \
         error. The output of `{command}` cannot be read: {source}"
    )]
    Output { command: String, source: std::io::Error },
    #[error("[Error 20002]: The output of `{command}` is no row: {source}")]
    Row { command: String, source: ArrowError },
    #[error("[Error 20002]: `{command}` wrote a line of more than {limit} bytes")]
    Line { command: String, limit: usize },
    #[error(
        "[Error 20003]: An error occurred when trying to close the Operator running your custom script. `{command}` \
         ended with {status}{}",
        said(.stderr)
    )]
    Exit { command: String, status: ExitStatus, stderr: String },
    #[error("[Error 20002]: whoever read the output of `{command}` ended before it did")]
    Lost { command: String },
    #[error("a script's rows: {0}")]
    Format(#[from] FormatError),
}

/// The end of what the script wrote to standard error.
fn said(stderr: &str) -> String {
    match stderr.trim_end() {
        "" => ", and said nothing".to_owned(),
        text => format!("; it said:\n{text}"),
    }
}

impl From<ScriptError> for DataFusionError {
    fn from(error: ScriptError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}
