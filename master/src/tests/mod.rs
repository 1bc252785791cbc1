//! The whole master on a loopback socket, with a real journal, and workers that only pretend to run tasks.

mod admission;
mod cluster;
mod disk;
mod fake;
mod jobs;
mod members;
mod noise;
mod restart;
mod storage;
