//! `skep demo`: the main job, shown.

use super::size::parse_bytes;
use clap::Args;
use std::path::PathBuf;

/// A build without optimisation takes ten times as long for each byte.
const TEXT_BYTES: &str = if cfg!(debug_assertions) { "24MiB" } else { "200MiB" };

const DEMO_EXAMPLE: &str = "\
Examples:
  skep demo
  skep demo --input ~/texts

Starts a cluster in a temporary folder, puts text into it (the sources of the crates that this build used, unless
--input), counts words, adds two task workers while a second job runs, kills one of them, and checks the result.";

#[derive(Debug, Clone, Args)]
#[command(after_help = DEMO_EXAMPLE)]
pub struct DemoArgs {
    /// Text of your own: every file below this directory
    #[arg(long, value_name = "DIR")]
    pub input: Option<PathBuf>,
    /// Take at most this much text
    #[arg(long, value_name = "SIZE", default_value = TEXT_BYTES, value_parser = parse_bytes)]
    pub size: u64,
    /// Leave the cluster and its files when done
    #[arg(long)]
    pub keep: bool,
}
