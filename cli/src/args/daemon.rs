//! `skep master` and `skep worker`: the processes of a cluster, one by one.

use super::size::parse_bytes;
use clap::{Args, ValueEnum};
use skep_jobs::protocol::client::Role;
use skep_wire::Endpoint;
use std::path::PathBuf;

const MASTER_EXAMPLE: &str = "\
Example:
  skep master --listen 10.0.0.1:7077 --data /var/lib/skep/master

The first start makes DIR/secret. Copy it (mode 0600) to every machine that runs workers or clients.
SIGTERM or Ctrl-C stops it; started again on the same DIR it carries on, running jobs included.";

#[derive(Debug, Args)]
#[command(after_help = MASTER_EXAMPLE)]
pub struct MasterArgs {
    /// Where clients and workers connect; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7077")]
    pub listen: Endpoint,
    /// Directory of the journal; kept between starts
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    #[command(flatten)]
    pub supervised: SupervisedArgs,
}

const WORKER_EXAMPLE: &str = "\
Example:
  skep worker --role core --master 10.0.0.1:7077 --data /var/lib/skep/worker \\
              --secret /etc/skep/secret --listen 10.0.0.2:0

A core worker stores blocks and shuffle data and runs tasks; a task worker only runs tasks and may vanish at any
moment. SIGTERM drains for a short while and stops; a second SIGTERM stops at once.";

#[derive(Debug, Args)]
#[command(after_help = WORKER_EXAMPLE)]
pub struct WorkerArgs {
    #[arg(long, value_enum)]
    pub role: RoleArg,
    /// Directory of blocks, shuffle data and scratch; one worker each
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where other workers and clients connect; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: Endpoint,
    /// What others are told to connect to, when it is not --listen (a wildcard, a translated address)
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<Endpoint>,
    /// This machine's name; workers and clients with equal names share files and Unix sockets [default: the kernel's]
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Tasks at a time [default: one per hardware thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub slots: Option<u32>,
    /// Memory for all tasks together, for example 4GiB [default: three quarters of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub storage: StorageArgs,
    #[command(flatten)]
    pub supervised: SupervisedArgs,
}

/// What core workers do with their memory and disks.
#[derive(Debug, Clone, Default, Args)]
pub struct StorageArgs {
    /// Memory for small shuffle outputs of a core worker; when they are more, the largest go to disk; 0: all of them
    /// [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub shuffle_memory: Option<u64>,
    /// How much a core worker re-reads each second to find decay in its blocks; 0: nothing [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub scrub_rate: Option<u64>,
}

/// `skep warden`: started by a worker, which is its standard input's other end.
#[derive(Debug, Args)]
pub struct WardenArgs {
    pub mark: String,
    pub life: String,
}

/// Given by `skep up` to its children, and by `skep demo` to its `skep up`.
#[derive(Debug, Clone, Default, Args)]
pub struct SupervisedArgs {
    /// Stop when this process, the parent, is gone
    #[arg(long, hide = true, value_name = "PID")]
    pub parent: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Stores blocks and runs tasks
    Core,
    /// Only runs tasks
    Task,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Role {
        match role {
            RoleArg::Core => Role::Core,
            RoleArg::Task => Role::Task,
        }
    }
}
