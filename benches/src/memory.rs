//! What processes hold of the machine's memory: their proportional share, so that pages of one binary count once.

use std::{fs, io};

/// Bytes of all these processes.
pub fn held_by(processes: &[u32]) -> io::Result<u64> {
    processes.iter().map(|process| share(*process)).sum()
}

fn share(process: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| io::Error::other("smaps_rollup has no Pss"))
}
