//! Ends a command with everything that it started. Commands stay in the process group of the task process, so that they end
//! with it; to end one of them alone its descendants are looked up.

use rustix::process::{Pid, Signal, kill_process};
use std::{collections::BTreeMap, fs};

/// Sends SIGKILL to the process and to all that descend from it. Children first would leave time to start others: the root goes
/// first, then what was seen below it before that.
pub fn kill_tree(root: u32) {
    for process in tree(root, &parents()) {
        if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            // Gone already is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Parent of every process of this machine that can be seen.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((process, parent_of(&stat)?))
        })
        .collect()
}

/// From `PID (NAME) STATE PARENT ...`; the name may hold anything, also parentheses.
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The root and its descendants, parents before children.
fn tree(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        let children = parents.iter().filter(|(child, of)| **of == parent && **child != parent);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_of("7 (a) b) S 3 7 7 0 -1"), Some(3));
        assert_eq!(parent_of("garbage"), None);
    }

    #[test]
    fn a_tree_is_the_root_and_all_below_it() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 2), (5, 3), (6, 1), (1, 0)]);
        assert_eq!(tree(2, &parents), [2, 3, 4, 5]);
    }

    #[test]
    fn this_process_is_among_the_processes() {
        assert!(parents().contains_key(&std::process::id()));
    }
}
