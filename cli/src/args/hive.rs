//! `skep hive`: the service that holds SQL sessions.

use super::{daemon::SupervisedArgs, size::parse_bytes};
use clap::Args;
use skep_wire::Endpoint;
use std::path::PathBuf;

const HIVE_EXAMPLE: &str = "\
Example:
  skep hive --master 10.0.0.1:7077 --secret /etc/skep/secret --listen 10.0.0.1:10000

`skep sql` finds it through the master. It keeps nothing on disk: catalog and tables are the cluster's, and several services may
serve one cluster. SIGTERM or Ctrl-C ends it and the sessions that it holds; what they had not published is undone.";

#[derive(Debug, Args)]
#[command(after_help = HIVE_EXAMPLE)]
pub struct HiveArgs {
    /// Where clients connect; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: Endpoint,
    /// What clients are told to connect to, when it is not --listen (a wildcard, a translated address)
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<Endpoint>,
    /// Directory of managed tables in the cluster's storage
    #[arg(long, value_name = "DIR", default_value = "/user/hive/warehouse")]
    pub warehouse: PathBuf,
    /// Memory for short queries, which run in this process, for example 4GiB [default: a quarter of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub supervised: SupervisedArgs,
}
