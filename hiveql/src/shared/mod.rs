//! One source of rows for several writers: what a multi-insert reads is read once.
//!
//! ```text
//!           ┌► lane ─► SharedReadExec ─► ... ─► WriteExec ─┐
//! source ───┤                                              ├─► what was written
//!           └► lane ─► SharedReadExec ─► ... ─► WriteExec ─┘
//! ```
//! * [`SharedTable`] stands for the source in the logical plans of the writers, and [`uses`] says what they read of it.
//! * [`FanOutExec`] runs the source and all writers at once, and is where [`SharedReadExec`] gets its rows from.
//! * `lanes` are the queues between: they hold the source back as long as their readers go on, and go to disk where one
//!   stands still, so that no reader ever waits for another one.
//!
//! Where writers exchange rows between tasks of a cluster, the source becomes a stage that several others read; see
//! [`crate::stages`].

mod exec;
mod lanes;
mod read;
mod table;

pub use exec::{FanOutExec, Scope};
pub use read::SharedReadExec;
pub use table::{SharedSource, SharedTable, Uses, uses, with_source};
