//! DISTRIBUTE BY, SORT BY and CLUSTER BY: rows go to reducers by their keys, and are sorted in each of them.
//!
//! A reducer is a partition of the plan. The nodes here change no row: they ask for partitions and for an order in them,
//! and DataFusion puts in what makes them so. Whoever reads the result takes one partition after the other.

mod exec;
mod logical;

pub use exec::{ReducersExec, reads_in_order};
pub use logical::{ReducersNode, wanted};
