//! A core worker's blocks: the store on its disk and the server that pipelines, reads and copies.
//!
//! From the bottom: [`crc`] and [`sums`] are checksums in memory and on disk; [`layout`] names the files; [`verified`] reads
//! none unchecked; [`store`] keeps the inventory and changes it in a crash-proof order; [`server`] speaks to clients,
//! to other workers and, through commands and reports, to the master; [`remote`] is the asking side of its exchanges. Ways 1 (put a file), 4 (lose a worker) and
//! 5 (come back) pass here. It must not know where a file's other blocks are, or who runs which task.

pub mod crc;
pub mod layout;
#[cfg(test)]
pub(crate) mod nodes;
pub mod remote;
pub mod server;
pub mod store;
pub mod sums;
pub mod verified;

pub use server::{BlockServer, ScrubPace};
pub use store::{BlockStore, StoreOptions};
