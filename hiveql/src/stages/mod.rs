//! A physical plan as stages of a job: cut where rows are exchanged, run by the task processes of [`crate::executor`].
//!
//! * [`cut`](cut()) makes a [`StageGraph`] of a plan; [`place`] says which of a producer's partitions which task reads;
//!   [`repeat`] what a repeated attempt may change.
//! * [`shares`] says which files a task reads.
//! * [`ShuffleReadExec`] stands in a stage for the rows of another one.
//! * [`fragments`] is a graph as it travels; [`spec`] is it as a job that the master schedules.
//! * [`drive`] runs it on a cluster, [`local`] on threads of this process; [`results`] is how rows come back.
//!
//! Whoever plans asks [`settings`] what DataFusion must leave alone, and how many partitions the exchanges shall have.
//! An ORDER BY over everything is a merge in one task. It knows nothing of who runs where.

mod cut;
pub mod drive;
mod fan;
pub mod fragments;
mod graph;
pub mod local;
mod place;
mod read;
mod repeat;
pub mod results;
pub mod settings;
pub mod shares;
mod ship;
pub mod spec;
#[cfg(test)]
mod tests;

pub use cut::cut;
pub use graph::{Handover, Stage, StageGraph};
pub use read::{Inputs, OpenPieces, ReadFrom, ShuffleReadExec, TaskPart};
