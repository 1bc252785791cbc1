//! `cargo run --release -p benches [-- NAME...]`: every figure that the docs quote, both sides in one run.
fn main() {}
