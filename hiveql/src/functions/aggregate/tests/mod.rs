//! The aggregates through DataFusion's own accumulators: whole, in parts, by groups and over windows.

mod equivalence;
mod harness;
mod queries;
mod values;
