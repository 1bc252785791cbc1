//! Task processes as the operating system knows them: started, measured, ended with everything that they started, and
//! heard.
//!
//! * [`table`]: one look at `/proc`: who is whose child, in which session, and how big.
//! * `unsafe_spawn`: what a new process does to itself before it becomes the program.
//! * [`keeper`]: the one thread that starts, watches and ends all task processes of a worker.
//! * [`roster`]: who runs, on disk, so that the next life of the worker can end what this one left behind.
//! * [`warden`]: a process that ends what a killed worker left behind, without waiting for its next life.
//! * [`log`]: what processes print: bounded, time-stamped, sliced by attempt.
//! * [`exit`]: an exit status in words.
//!
//! Nothing here knows attempts' outcomes or the master.

pub mod exit;
pub mod keeper;
pub mod log;
pub mod roster;
pub mod table;
mod tree;
mod unsafe_spawn;
pub mod warden;

pub use keeper::{Keeper, Report, StartCommand};
pub use log::JobLog;
pub use warden::{Warden, WardenCommand};
