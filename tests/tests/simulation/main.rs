//! The deterministic simulator: the real cores of the namespace, the scheduler and the workers in a model world of machines,
//! disks, connections and clocks, all of it from one seed.
//!
//! First things go wrong (see [`faults`]), while every core asserts its invariants after every event; then all is calm, and
//! everything must come to rest: jobs end with the result of a run in one process or with the failure that they were due,
//! every acknowledged file reads back, every block has its replicas, nothing is left on any disk. Each seed is run twice
//! and must do the same, byte for byte. A failure prints its seed and the fewest faults that still make it fail:
//!
//! ```text
//! SKEP_SIMULATION_SEED=17 cargo test -p skep-tests --test simulation one_seed -- --nocapture
//! ```

mod agent;
mod disk;
mod faults;
mod jobs;
mod machine;
mod master;
mod net;
mod program;
mod rest;
mod shrink;
mod storage;
mod trace;
mod truth;
mod world;

use rest::Summary;

/// Every seed holds, and together they see what they are for.
fn seeds(range: std::ops::Range<u64>) {
    let mut all = Summary::default();
    for seed in range.clone() {
        all.add(&shrink::must_hold(seed));
    }
    let runs = range.end - range.start;
    println!("seeds {range:?}: {all:?}");
    assert!(all.jobs_succeeded > runs, "more than one job in a run succeeds");
    assert!(all.tasks_recomputed > 0 && all.jobs_failed > 0, "some work is lost, some jobs fail");
    assert!(all.files_verified > 3 * runs, "files are written and read back");
    assert!(all.master_lives > 3 * runs / 2, "the master is killed now and then");
    assert!(all.machine_lives > 4 * runs, "machines are killed");
}

#[test]
fn seeds_0_to_99_come_to_rest_with_nothing_lost() {
    seeds(0..100);
}

#[test]
fn seeds_100_to_199_come_to_rest_with_nothing_lost() {
    seeds(100..200);
}

/// The seed in `SKEP_SIMULATION_SEED`, or as many from 1,000 on as `SKEP_SIMULATION_SEEDS` says.
#[test]
fn one_seed_or_many_of_the_users_choice() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SKEP_SIMULATION_SEED") {
        shrink::show(seed);
    }
    if let Some(count) = number("SKEP_SIMULATION_SEEDS") {
        seeds(1_000..1_000 + count);
    }
}
