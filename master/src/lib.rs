//! The master: it owns all cluster metadata and all scheduling decisions.
//!
//! * [`core`] decides: jobs, stages, attempts, workers, resizes. A pure state machine.
//! * [`scheduler`] owns the core: events in, records to the journal, everything else out once that is durable.
//! * [`server`] starts it all on one data directory and one port, and hosts the namespace of `skep-hdfs`.
//! * [`services`] are the five conversations: clients, workers, their beats, providers, and the namespace.
//!
//! It sees an opaque graph: no rows, no queries, no user code.

pub mod core;
mod directory;
mod error;
pub mod limits;
mod liveness;
mod outbox;
mod scheduler;
mod server;
mod services;
mod storage;

pub use error::MasterError;
pub use server::{Master, MasterOptions, run};
