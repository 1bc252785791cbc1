//! Shuffle outputs of finished attempts, on a core worker: kept from the attempt's end until nobody needs them, and served.
//!
//! * [`store`] holds them, small ones in memory while there is room, and finds them again after a restart.
//! * [`index`] is the file that says where an output's partitions lie.
//! * `incoming` takes an output in that a task worker delivers; [`service`] answers fetches and deliveries.
//!
//! ```text
//! shuffle/job-17/2.0.13.1.data      segments of all partitions, one after the other
//! shuffle/job-17/2.0.13.1.index     written last
//! shuffle/incoming/                 deliveries on their way; emptied at start
//! ```
//! It knows nothing of tasks, slots or the master: whoever runs the worker says which jobs live, and passes on what was lost.

pub mod error;
pub mod index;
pub mod service;
pub mod store;

mod incoming;
mod inventory;
mod outputs;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use service::ShuffleService;
pub use store::{Mark, ShuffleStore};
