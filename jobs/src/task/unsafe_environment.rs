//! Removing a variable from the own environment, which is only sound while nobody else can read it.

use std::{env, fs};

/// Removes `variable` if this process has a single thread; otherwise leaves it, because another thread might be reading
/// the environment through the C library at this moment.
#[expect(unsafe_code, reason = "the job's token must not be inherited by the commands that tasks start")]
pub(super) fn remove(variable: &str) {
    if threads() == Some(1) {
        // SAFETY: this is the only thread, so no other one reads or writes the environment meanwhile, and none can
        // appear: only this thread could start it.
        unsafe { env::remove_var(variable) };
    }
}

fn threads() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_other_threads_around_the_environment_is_left_alone() {
        // The test harness has a thread of its own beside this one.
        assert!(threads().is_some_and(|threads| threads > 1));
        remove("PATH");
        assert!(env::var_os("PATH").is_some());
    }
}
