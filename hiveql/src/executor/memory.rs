//! How an attempt's grant is shared out, and the runtime environment whose operators keep to their share.

use super::fault::TaskFault;
use datafusion::{
    config::ConfigOptions,
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
};
use std::{fs, path::Path, sync::Arc};

/// More than this, no machine has: shares of it can be added up.
const GRANT_MAX: usize = 1 << 46;
/// What scratch may hold: the disk's own limit comes first.
const SCRATCH_BYTES_MAX: u64 = 1 << 50;

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    pub operators: usize,
    /// Of each input.
    pub input: usize,
    pub output: usize,
}

impl Shares {
    /// An eighth for the output, a quarter for the inputs, the rest for the operators.
    pub fn of(grant: usize, inputs: usize, has_output: bool) -> Shares {
        let grant = grant.min(GRANT_MAX);
        let output = if has_output { grant / 8 } else { 0 };
        let for_inputs = if inputs == 0 { 0 } else { grant / 4 };
        Shares { operators: grant - output - for_inputs, input: for_inputs / inputs.max(1), output }
    }
}

/// What operators set aside before they need it must leave them something to work with.
pub(super) fn adjust(options: &mut ConfigOptions, shares: Shares) {
    let reserved = &mut options.execution.sort_spill_reservation_bytes;
    *reserved = (*reserved).min(shares.operators / 8);
}

/// Spills go to the attempt's scratch directory, which the host removes.
pub(super) fn environment(shares: Shares, scratch: &Path) -> Result<Arc<RuntimeEnv>, TaskFault> {
    fs::create_dir_all(scratch)
        .map_err(|source| TaskFault::Scratch { path: scratch.display().to_string(), source })?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![scratch.to_path_buf()]))
        .with_max_temp_directory_size(SCRATCH_BYTES_MAX);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(shares.operators)))
        .with_disk_manager_builder(disk)
        .build_arc();
    Ok(environment?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_together_are_never_more_than_the_grant() {
        for (grant, inputs) in [(0, 0), (100, 3), (1 << 30, 7), (usize::MAX, 1)] {
            for has_output in [false, true] {
                let shares = Shares::of(grant, inputs, has_output);
                assert!(shares.operators + shares.output + inputs * shares.input <= grant);
            }
        }
    }
}
