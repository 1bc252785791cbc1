//! Who runs, on disk: process numbers with start times, one a line. A worker that starts again ends what its earlier life
//! left behind: what the list names and what carries this worker's mark in its environment, and nothing else.

use super::{
    table::{ProcessKey, ProcessTable, has_environment},
    tree::{self, Tree},
};
use crate::limits;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Set in every task process: the worker's data directory.
pub const MARK_VARIABLE: &str = "SKEP_TASK_HOME";
/// Set in every task process: the number of the worker's life that started it.
pub const LIFE_VARIABLE: &str = "SKEP_TASK_LIFE";

pub struct Roster {
    file: File,
    processes: Vec<ProcessKey>,
}

impl Roster {
    /// An empty list at `path`.
    pub fn create(path: &Path) -> io::Result<Roster> {
        Ok(Roster { file: File::create(path)?, processes: Vec::new() })
    }

    pub fn add(&mut self, process: ProcessKey) -> io::Result<()> {
        self.processes.push(process);
        self.save()
    }

    pub fn remove(&mut self, process: ProcessKey) -> io::Result<()> {
        self.processes.retain(|listed| *listed != process);
        self.save()
    }

    /// In place, which costs least. A worker that dies in between leaves lines of processes that are gone, no torn one
    /// that could name another process: a number counts only with its start time.
    fn save(&self) -> io::Result<()> {
        let lines: String =
            self.processes.iter().map(|key| format!("{} {}\n", key.process, key.started)).collect();
        self.file.write_all_at(lines.as_bytes(), 0)?;
        self.file.set_len(lines.len() as u64)
    }
}

/// Ends what an earlier life of the worker with this `mark` left running. Says how many processes that were.
pub fn end_leftovers(list: &Path, mark: &str) -> io::Result<usize> {
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let listed = text.lines().filter_map(parse_line).map(Tree::new).collect();
    end_all(listed, |process| has_environment(process, MARK_VARIABLE, mark))
}

/// Ends what one life of the worker with this `mark` left running, and leaves the next life alone.
pub(super) fn end_life(mark: &str, life: &str) -> io::Result<usize> {
    end_all(Vec::new(), |process| {
        has_environment(process, MARK_VARIABLE, mark) && has_environment(process, LIFE_VARIABLE, life)
    })
}

/// Kills these trees and those of all processes that are `meant`, until nothing of them lives.
fn end_all(mut trees: Vec<Tree>, meant: impl Fn(u32) -> bool) -> io::Result<usize> {
    let own = std::process::id();
    let begin = Instant::now();
    let mut ended = 0;
    loop {
        let table = ProcessTable::read()?;
        trees.extend(
            table
                .iter()
                .filter(|entry| entry.key.process != own && meant(entry.key.process))
                .map(|entry| Tree::new(entry.key)),
        );
        trees.iter_mut().for_each(|tree| tree.refresh(&table));
        let living = trees.iter().map(|tree| tree.living(&table).count()).sum::<usize>();
        if living == 0 {
            return Ok(ended);
        }
        if begin.elapsed() > limits::LEFTOVERS_DEADLINE {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{living} old task processes do not end"),
            ));
        }
        ended = ended.max(living);
        trees.iter().for_each(|tree| tree.strike(&table));
        trees.iter_mut().for_each(|tree| tree.reap(&table, own));
        thread::sleep(Duration::from_millis(5));
    }
}

fn parse_line(line: &str) -> Option<ProcessKey> {
    let (process, started) = line.split_once(' ')?;
    Some(ProcessKey { process: process.parse().ok()?, started: started.trim().parse().ok()? })
}

/// Collects children of this process that are not accounted for, and ends those that live.
pub(super) fn end_strangers(table: &ProcessTable, own: u32, is_known: impl Fn(ProcessKey) -> bool) {
    for child in table.children(own) {
        if let Some(entry) = table.find(*child).filter(|entry| !is_known(entry.key)) {
            tree::kill(entry.key.process);
            tree::wait(entry.key.process);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::table::key_of, *};
    use std::process::{Command, Stdio};

    fn lives(process: u32) -> bool {
        ProcessTable::read().unwrap().find(process).is_some_and(|entry| !entry.zombie)
    }

    #[test]
    fn leftovers_on_the_list_and_with_the_mark_are_ended_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("processes");
        let mark = folder.path().to_str().unwrap().to_owned();
        let sleeper = |marked: bool| {
            let mut command = Command::new("sleep");
            command.arg("1000").stdin(Stdio::null());
            if marked {
                command.env(MARK_VARIABLE, &mark);
            }
            command.spawn().unwrap()
        };
        let (listed, marked, mut other) = (sleeper(false), sleeper(true), sleeper(false));
        let mut roster = Roster::create(&list).unwrap();
        roster.add(key_of(listed.id()).unwrap()).unwrap();
        // Its number with another start time is another process.
        let key = key_of(other.id()).unwrap();
        roster.add(ProcessKey { started: key.started + 1, ..key }).unwrap();
        assert_eq!(end_leftovers(&list, &mark).unwrap(), 2);
        assert!(!lives(listed.id()) && !lives(marked.id()));
        assert!(lives(other.id()));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
