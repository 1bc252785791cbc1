//! Running a stage graph on a cluster.
