//! One look at `/proc`: every process with its parent, session, start time and resident memory.
//!
//! A process is named by its number and its start time together: numbers are used again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

/// A process and no other, also after its number was given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    pub process: u32,
    /// Clock ticks since boot.
    pub started: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessEntry {
    pub key: ProcessKey,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    pub resident_bytes: u64,
    /// Dead, and not yet collected by its parent.
    pub zombie: bool,
}

/// All processes at about one time.
#[derive(Debug, Default)]
pub struct ProcessTable {
    entries: BTreeMap<u32, ProcessEntry>,
    children: BTreeMap<u32, Vec<u32>>,
}

impl ProcessTable {
    pub fn read() -> io::Result<ProcessTable> {
        let mut table = ProcessTable::default();
        let page_bytes = rustix::param::page_size() as u64;
        for entry in fs::read_dir("/proc")? {
            let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // One that ended since the directory was read is not there any more.
            if let Some(entry) = read_entry(process, page_bytes) {
                table.insert(entry);
            }
        }
        Ok(table)
    }

    fn insert(&mut self, entry: ProcessEntry) {
        self.children.entry(entry.parent).or_default().push(entry.key.process);
        self.entries.insert(entry.key.process, entry);
    }

    pub fn get(&self, key: ProcessKey) -> Option<&ProcessEntry> {
        self.entries.get(&key.process).filter(|entry| entry.key == key)
    }

    pub fn find(&self, process: u32) -> Option<&ProcessEntry> {
        self.entries.get(&process)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ProcessEntry> {
        self.entries.values()
    }

    pub fn children(&self, process: u32) -> &[u32] {
        self.children.get(&process).map_or(&[], Vec::as_slice)
    }

    /// These processes and all their descendants.
    pub fn with_descendants(&self, roots: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut open: Vec<u32> = roots.into_iter().filter(|root| self.entries.contains_key(root)).collect();
        while let Some(process) = open.pop() {
            if found.insert(process) {
                open.extend(self.children(process));
            }
        }
        found
    }
}

fn read_entry(process: u32, page_bytes: u64) -> Option<ProcessEntry> {
    parse_stat(process, &fs::read_to_string(format!("/proc/{process}/stat")).ok()?, page_bytes)
}

/// `proc_pid_stat(5)`. The command name, in parentheses, may itself hold spaces and parentheses.
fn parse_stat(process: u32, stat: &str, page_bytes: u64) -> Option<ProcessEntry> {
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    // The first field after the name is number 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(ProcessEntry {
        key: ProcessKey { process, started: number(22)? },
        parent: u32::try_from(number(4)?).ok()?,
        group: u32::try_from(number(5)?).ok()?,
        session: u32::try_from(number(6)?).ok()?,
        resident_bytes: number(24)?.saturating_mul(page_bytes),
        zombie: matches!(fields.first(), Some(&"Z" | &"X")),
    })
}

/// The key of a process that lives now.
pub fn key_of(process: u32) -> Option<ProcessKey> {
    read_entry(process, 1).map(|entry| entry.key)
}

/// Children of this process that its first thread started or that came to it as orphans. `None`: this kernel does not say.
pub fn adopted_children() -> Option<Vec<u32>> {
    let process = std::process::id();
    let text = fs::read_to_string(format!("/proc/self/task/{process}/children")).ok()?;
    text.split_whitespace().map(|child| child.parse().ok()).collect()
}

/// Whether the environment that a process was started with holds `NAME=value`. `false` when it may not be read.
pub fn has_environment(process: u32, name: &str, value: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{process}/environ")) else { return false };
    let wanted = format!("{name}={value}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// How often the kernel has ended a process to get memory back, since boot.
pub fn kernel_memory_kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat =
            "42 (a) b) (c) S 7 40 39 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 4096 5 18446744073709551615";
        let entry = parse_stat(42, stat, 4096).unwrap();
        assert_eq!(entry.key, ProcessKey { process: 42, started: 12345 });
        assert_eq!((entry.parent, entry.group, entry.session), (7, 40, 39));
        assert_eq!(entry.resident_bytes, 5 * 4096);
        assert!(!entry.zombie);
    }

    #[test]
    fn a_cut_line_is_no_process() {
        assert_eq!(parse_stat(42, "42 (a) S 7 40", 4096), None);
        assert_eq!(parse_stat(42, "", 4096), None);
    }

    #[test]
    fn this_process_is_in_the_table_below_its_parent() {
        let table = ProcessTable::read().unwrap();
        let own = table.find(std::process::id()).unwrap();
        assert!(own.resident_bytes > 0);
        assert!(table.children(own.parent).contains(&std::process::id()));
        assert_eq!(key_of(std::process::id()), Some(own.key));
    }
}
