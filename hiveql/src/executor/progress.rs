//! What an attempt has done so far, read off the plan's own metrics.

use datafusion::physical_plan::ExecutionPlan;
use skep_jobs::task_program::TaskProgress;
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Rows that came out of files and other stages, and bytes that operators spilled.
pub(super) fn report(plan: &Arc<dyn ExecutionPlan>, progress: &TaskProgress) {
    let mut sums = Sums::default();
    sums.add(plan);
    progress.input_records.store(sums.read, Relaxed);
    progress.spilled_bytes.fetch_max(sums.spilled, Relaxed);
}

#[derive(Default)]
struct Sums {
    read: u64,
    spilled: u64,
}

impl Sums {
    fn add(&mut self, plan: &Arc<dyn ExecutionPlan>) {
        let children = plan.children();
        if let Some(metrics) = plan.metrics() {
            self.spilled += metrics.spilled_bytes().unwrap_or_default() as u64;
            if children.is_empty() {
                self.read += metrics.output_rows().unwrap_or_default() as u64;
            }
        }
        for child in children {
            self.add(child);
        }
    }
}
