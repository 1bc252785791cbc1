//! Sessions over the wire: what `skep hive` serves and `skep sql` speaks to.
//!
//! One connection is one session. The client sends statements, one at a time, and may cancel the one that runs; the service
//! answers with texts or with rows, in Arrow's IPC form and no faster than they are taken. The connection's end is the
//! session's: what it ran is ended, and all that it held is freed.
//!
//! Each service stands in the cluster's keyed store ([`registry`]), where clients find it.

mod client;
mod protocol;
pub mod registry;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Remote, RemoteError};
pub use protocol::{HIVE_SERVICE, OpenSession};
pub use server::{OpenHere, serve_session};
