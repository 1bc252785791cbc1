//! Whoever can start and stop workers (the supervisor of `skep up`, later a cloud) and the master, service `provider`.

use crate::protocol::client::Role;
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;

/// Provider → master, call: first on the connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    /// Shown in `skep status`: `local (skep up)`.
    pub name: String,
    /// Workers per role that the provider was started with: targets when the cluster has none yet.
    pub core: u32,
    pub task: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ProviderOrder {
    /// Start this many more workers of the role.
    Start { role: Role, count: u32 },
    /// This worker was drained and told to leave: do not start it again; its data directory may be removed.
    Release { worker: WorkerId, process: u32 },
    /// Targets changed: keep this many running, replace those that die.
    Target { core: u32, task: u32 },
}

/// Provider → master, one-way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ProviderTell {
    /// A worker could not be started.
    StartFailed { role: Role, reason: String },
}
