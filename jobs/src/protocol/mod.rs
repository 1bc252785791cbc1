//! Messages between client, master, worker and task process. Domain types of the cores are not these types; the words
//! of [`crate::model`] are shared.
//!
//! * [`client`]: client → master, service `jobs`.
//! * [`worker`]: worker ↔ master, services `worker` (control) and `beat` (liveness, a connection of its own).
//! * [`task`]: task process ↔ its worker, service `task`, over a Unix socket.
//! * [`shuffle`]: task process → core worker, service `shuffle` (exchanges with payload).
//! * [`provider`]: whoever can start and stop workers ↔ master, service `provider`.

pub mod client;
pub mod provider;
pub mod shuffle;
pub mod task;
pub mod worker;

/// Service names in the handshake.
pub const JOBS_SERVICE: &str = "jobs";
pub const WORKER_SERVICE: &str = "worker";
pub const BEAT_SERVICE: &str = "beat";
pub const TASK_SERVICE: &str = "task";
pub const SHUFFLE_SERVICE: &str = "shuffle";
pub const PROVIDER_SERVICE: &str = "provider";
pub const LOGS_SERVICE: &str = "logs";
