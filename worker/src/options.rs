//! What an operator decides about one worker. What the machine offers is looked up where an option is left open.

use crate::limits;
use skep_hdfs::limits::SCRUB_BYTES_PER_SECOND;
use skep_jobs::protocol::client::Role;
use skep_wire::{Endpoint, Secret};
use std::{path::PathBuf, time::Duration};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone)]
pub struct WorkerOptions {
    pub role: Role,
    pub master: Endpoint,
    pub secret: Secret,
    /// Everything that the worker keeps lies below this directory; one worker per directory.
    pub data: PathBuf,
    /// Tasks at a time; `None`: as many as the machine runs threads at a time.
    pub slots: Option<u32>,
    /// For the grants of all tasks together; `None`: three quarters of the machine's (or its control group's) memory.
    pub memory_bytes: Option<u64>,
    /// What small shuffle outputs may take in memory, all together, before the largest are written to files. 0: none.
    pub shuffle_memory_bytes: u64,
    /// How fast a core worker re-reads its replicas to find decay before a reader does; 0: never.
    pub scrub_bytes_per_second: u64,
    /// Where block, shuffle and task traffic is accepted; port 0 takes a free one.
    pub listen: Endpoint,
    /// What others are told to connect to, when it is not `listen` (a wildcard address, a translated one).
    pub advertise: Option<Endpoint>,
    /// This machine's name; equal names mean that files and Unix sockets are shared. `None`: asked from the kernel.
    pub host: Option<String>,
    /// Started with the argument `task` for plans that `skep` itself builds, and with `warden` to end what tasks leave behind.
    pub skep: PathBuf,
    /// How long running attempts may take to end once the worker was told to stop.
    pub grace: Duration,
    /// Ends everything at once, without the grace: a second signal.
    pub stop_now: CancellationToken,
    /// The process is this worker's alone: orphans of tasks come back to it, and any child that no task accounts for
    /// is ended. Never set it in a process that starts children of its own.
    pub owns_process: bool,
}

impl WorkerOptions {
    pub fn new(role: Role, master: Endpoint, data: PathBuf, secret: Secret) -> WorkerOptions {
        WorkerOptions {
            role,
            master,
            secret,
            data,
            slots: None,
            memory_bytes: None,
            shuffle_memory_bytes: limits::SHUFFLE_MEMORY_BYTES_DEFAULT,
            scrub_bytes_per_second: SCRUB_BYTES_PER_SECOND,
            listen: Endpoint::Tcp("127.0.0.1:0".to_owned()),
            advertise: None,
            host: None,
            skep: PathBuf::from("/proc/self/exe"),
            grace: limits::STOP_GRACE_DEFAULT,
            stop_now: CancellationToken::new(),
            owns_process: false,
        }
    }
}
