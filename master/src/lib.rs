//! The master: it owns all scheduling decisions and hosts the namespace.
//!
//! * [`core`] is the scheduler, a pure state machine.
//! * `owner` is the one task that holds it: requests in, records to the journal, the rest out once those are durable
//!   (`gate`, `effects`).
//! * `services` are what clients, workers and providers call; `links` are the control connections of workers, `liveness`
//!   hears their beats, `storage` is the way to the namespace and back, `logs` finds what jobs wrote,
//!   `sweep` removes what nobody needs any more.
//! * `directory` is what it keeps on disk, `stored` how the scheduler is written there.
//!
//! It never runs user code and does not know what a task computes.

mod clock;
pub mod core;
mod directory;
mod effects;
mod error;
mod gate;
pub mod limits;
mod links;
mod liveness;
mod logs;
mod master;
mod options;
mod owner;
mod requests;
mod services;
mod status;
mod storage;
mod stored;
mod sweep;
#[cfg(test)]
mod tests;
mod watchers;

pub use error::MasterError;
pub use master::{Master, run};
pub use options::MasterOptions;
