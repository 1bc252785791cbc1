//! `skep up` and `skep down`: a cluster on this machine.

use super::{
    daemon::{StorageArgs, SupervisedArgs},
    size::parse_bytes,
};
use clap::Args;
use skep_wire::Endpoint;
use std::path::PathBuf;

const UP_EXAMPLE: &str = "\
Examples:
  skep up                                  in the foreground; Ctrl-C stops everything
  skep up --core 3 --task 2 --detach       in the background; `skep down` stops it

Starts `skep master` and workers as child processes, starts again what dies, and obeys `skep resize`. Data stays in
DIR between starts: DIR/master, DIR/core-N, DIR/task-N, logs in DIR/logs. Without --data DIR is
$XDG_DATA_HOME/skep/up, else ~/.local/share/skep/up.";

#[derive(Debug, Clone, Args)]
#[command(after_help = UP_EXAMPLE)]
pub struct UpArgs {
    /// Core workers: they store blocks and run tasks [default: those that DIR already has, else 2]
    #[arg(long, value_name = "N")]
    pub core: Option<u32>,
    /// Task workers: they only run tasks
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub task: u32,
    /// Directory of the cluster
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Return as soon as the cluster takes jobs; it lives on in the background
    #[arg(long)]
    pub detach: bool,
    /// The master's address; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: Endpoint,
    /// Tasks at a time, for each worker [default: one per hardware thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub slots: Option<u32>,
    /// Memory for the tasks of each worker, for example 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub storage: StorageArgs,
    /// This process is the detached supervisor: tell the parent on stdout when the cluster takes jobs
    #[arg(long, hide = true)]
    pub supervise: bool,
    #[command(flatten)]
    pub supervised: SupervisedArgs,
}

const DOWN_EXAMPLE: &str = "\
Example:
  skep down

Stops the cluster of the last `skep up` (or of the one in --data DIR) and waits until all its processes are gone.
Files stay; `skep up` brings them back.";

#[derive(Debug, Clone, Args)]
#[command(after_help = DOWN_EXAMPLE)]
pub struct DownArgs {
    /// Directory of the cluster [default: that of the last `skep up`]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}
