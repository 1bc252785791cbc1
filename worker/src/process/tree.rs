//! One task process and everything that it started, wherever those moved: other groups, other sessions, orphans.
//!
//! A process belongs to the tree if it descends from the root, is in the root's session or group, belonged to it when it
//! was last looked at, or descends from one of those.

use super::table::{ProcessEntry, ProcessKey, ProcessTable};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, waitpid};
use std::collections::BTreeSet;

pub(super) struct Tree {
    pub root: ProcessKey,
    /// Living members at the last look, and dead ones that nobody has collected.
    pub members: BTreeSet<ProcessKey>,
    /// The root was collected: how it ended.
    pub status: Option<WaitStatus>,
}

impl Tree {
    pub fn new(root: ProcessKey) -> Tree {
        Tree { root, members: BTreeSet::from([root]), status: None }
    }

    /// Looks again who belongs to it.
    pub fn refresh(&mut self, table: &ProcessTable) {
        let known = self.members.iter().filter(|key| table.get(**key).is_some()).map(|key| key.process);
        let seeds: Vec<u32> = known.chain(self.session_members(table)).collect();
        let found = table.with_descendants(seeds);
        self.members =
            found.iter().filter_map(|process| table.find(*process)).map(|entry| entry.key).collect();
    }

    fn session_members<'a>(&self, table: &'a ProcessTable) -> impl Iterator<Item = u32> + use<'a> {
        let root = self.root;
        // The root's number was given away: nothing of its session is left, else the kernel would have kept it.
        let given_away = table.find(root.process).is_some_and(|entry| entry.key != root);
        table
            .iter()
            .filter(move |entry| {
                !given_away && (entry.session == root.process || entry.group == root.process)
            })
            .map(|entry| entry.key.process)
    }

    pub fn living<'a>(&'a self, table: &'a ProcessTable) -> impl Iterator<Item = &'a ProcessEntry> {
        self.members.iter().filter_map(|key| table.get(*key)).filter(|entry| !entry.zombie)
    }

    pub fn resident_bytes(&self, table: &ProcessTable) -> u64 {
        self.living(table).map(|entry| entry.resident_bytes).sum()
    }

    /// Sends SIGKILL to all that live. Members that were started meanwhile are found by the next look.
    pub fn strike(&self, table: &ProcessTable) {
        if self.living(table).any(|entry| entry.group == self.root.process) {
            kill_group(self.root.process);
        }
        self.living(table).for_each(|entry| kill(entry.key.process));
    }

    /// Whether the last look found nothing but the root.
    pub fn is_alone(&self) -> bool {
        self.members.iter().all(|member| *member == self.root)
    }

    /// Whether the root died since it was last asked.
    pub fn collect_root(&mut self) -> bool {
        if self.status.is_none() {
            self.status = wait(self.root.process);
            return self.status.is_some();
        }
        false
    }

    /// Collects the root, if it is dead and was not collected, and orphans that came to this process.
    pub fn reap(&mut self, table: &ProcessTable, own: u32) {
        self.collect_root();
        let orphans = self.members.iter().filter_map(|key| table.get(*key));
        for entry in orphans.filter(|entry| entry.zombie && entry.parent == own && entry.key != self.root) {
            wait(entry.key.process);
        }
    }
}

pub(super) fn kill(process: u32) {
    // It may be gone already.
    let _ = pid(process).map(|pid| kill_process(pid, Signal::KILL));
}

fn kill_group(group: u32) {
    let _ = pid(group).map(|pid| kill_process_group(pid, Signal::KILL));
}

/// Collects one dead child of this process.
pub(super) fn wait(process: u32) -> Option<WaitStatus> {
    waitpid(Some(pid(process)?), WaitOptions::NOHANG).ok().flatten().map(|(_, status)| status)
}

fn pid(process: u32) -> Option<Pid> {
    // 0 and 1 would mean "my own group" and the init process: never a task.
    i32::try_from(process).ok().filter(|process| *process > 1).and_then(Pid::from_raw)
}
