//! Log lines on stderr: quiet for clients, informative for daemons. `SKEP_LOG` takes tracing's filter language.

use crate::args::LogFormat;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

pub const LOG_VARIABLE: &str = "SKEP_LOG";

/// Who is logging: what is said without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    Client,
    /// In somebody's terminal: what goes wrong, and no more.
    Supervisor,
    Daemon,
}

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("SKEP_LOG={given} is not a log filter; write for example `debug` or `skep_hdfs=trace,info`")]
pub struct BadFilter {
    given: String,
    source: tracing_subscriber::filter::ParseError,
}

pub fn start(voice: Voice, verbose: u8, format: LogFormat) -> Result<(), BadFilter> {
    let filter = match std::env::var(LOG_VARIABLE) {
        Ok(given) if !given.is_empty() => {
            EnvFilter::try_new(&given).map_err(|source| BadFilter { given, source })?
        }
        _ => EnvFilter::new(level(voice, verbose)),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // A subscriber that is already set (in tests) stays.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
    };
    Ok(())
}

fn level(voice: Voice, verbose: u8) -> &'static str {
    match (voice, verbose) {
        (Voice::Client, 0) => "off",
        (Voice::Supervisor, 0) => "warn",
        (Voice::Client | Voice::Supervisor, 1) | (Voice::Daemon, 0) => "info",
        (Voice::Client | Voice::Supervisor, 2) | (Voice::Daemon, 1) => "debug",
        _ => "trace",
    }
}
