//! What the suites above crate level share: a real cluster of real processes in a temporary folder, and the means to
//! hurt it. Nothing that product code imports.

pub mod cluster;
pub mod disks;
pub mod hosts;
pub mod programs;
pub mod s3;
pub mod text;
pub mod tpc;

pub use cluster::{Cluster, Output, Worker};
pub use hosts::Hosts;
