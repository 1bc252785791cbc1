//! Runs a seed twice; when it fails, looks for the fewest faults with which it still does.

use super::{
    faults::{self, Fault},
    rest::{self, Summary},
    trace::{Trace, difference},
    world::Ms,
};
use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// A panic of a world is caught and told with its seed; the hook has nothing to add.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
}

fn attempt(seed: u64, faults: &[(Ms, Fault)]) -> (String, Result<Summary, String>) {
    hush();
    let trace = Trace::default();
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| rest::run(seed, faults, &trace)));
    QUIET.set(false);
    let result = result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    });
    (trace.text(), result)
}

/// The seed's world comes to rest as it must, twice in the same way.
pub fn must_hold(seed: u64) -> Summary {
    let faults = faults::plan(seed);
    match (attempt(seed, &faults), attempt(seed, &faults)) {
        ((first, Ok(summary)), (second, Ok(_))) => {
            if let Some((one, other)) = difference(&first, &second) {
                panic!("seed {seed}: two runs differ:\n  {one}\n  {other}");
            }
            summary
        }
        ((_, Err(error)), _) | (_, (_, Err(error))) => {
            let fewest = shrink(seed, faults);
            panic!("seed {seed} fails: {error}\nfewest faults that make it fail:\n{fewest:#?}");
        }
    }
}

/// Leaves out one fault after another, as long as it fails without.
fn shrink(seed: u64, mut faults: Vec<(Ms, Fault)>) -> Vec<(Ms, Fault)> {
    let mut size = faults.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < faults.len() {
            let mut fewer = faults.clone();
            fewer.drain(at..(at + size).min(fewer.len()));
            if attempt(seed, &fewer).1.is_err() {
                faults = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    faults
}

/// One seed with everything that happens, for a look; of a failure, with the fewest faults.
pub fn show(seed: u64) {
    let mut faults = faults::plan(seed);
    let (mut trace, mut result) = attempt(seed, &faults);
    if result.is_err() {
        faults = shrink(seed, faults);
        (trace, result) = attempt(seed, &faults);
    }
    println!("{trace}\n{faults:#?}\n{result:?}");
    assert!(result.is_ok(), "seed {seed} fails");
}
