//! The namespace as a pure state machine: directories, files, blocks, leases, replicas and their repair.
//!
//! `on` takes an [`Event`], `poll` gives the [`Output`]s it caused, in order: a record comes before what follows from it, and
//! the shell releases the latter only when the former is durable. What survives a restart is [`durable::Durable`], changed by
//! records alone; all else (who holds which replica, who writes what) workers and clients tell again.
//!
//! No I/O, no clock, no threads, ordered maps only.

mod calls;
mod change;
mod check;
pub mod durable;
pub mod event;
pub mod keyed;
mod lease;
mod operation;
mod place;
mod reader;
mod repair;
pub mod replicas;
mod reports;
pub mod tree;
mod view;

#[cfg(test)]
mod tests;

use crate::{BlockId, ClientId, FileId, protocol::namespace::NamespaceAnswer};
use durable::{Durable, Effect};
use event::{Event, Mutation, Output, Record, Tick, Ticket};
use lease::Leases;
use replicas::Replicas;
use std::collections::{BTreeMap, VecDeque};

/// How often repairs and leases are looked at.
const TURN_MS: u64 = 500;

pub struct Core {
    pub(crate) durable: Durable,
    pub(crate) replicas: Replicas,
    leases: Leases,
    /// Last blocks of abandoned files that their holders are agreeing on.
    recovering: BTreeMap<BlockId, Tick>,
    /// Calls to `Complete` that wait for a first finalised replica of some block.
    completing: BTreeMap<FileId, Vec<(Ticket, ClientId, u64)>>,
    started: Tick,
    now: Tick,
    next_turn: Tick,
    out: VecDeque<Output>,
    /// Events of an older epoch, dropped.
    pub(crate) stale_events: u64,
}

impl Core {
    /// The state after `log`, applied to `snapshot` (or to an empty namespace), at the start of a process at `now`.
    pub fn restore(snapshot: Option<Durable>, log: impl IntoIterator<Item = Record>, now: Tick) -> Core {
        let mut durable = snapshot.unwrap_or_default();
        for record in log {
            durable.replay(&record);
        }
        let mut leases = Leases::default();
        for node in durable.tree.nodes() {
            if let Some(client) = node.file().and_then(|file| file.lease) {
                leases.hold(client, node.id, now);
            }
        }
        Core {
            durable,
            replicas: Replicas::default(),
            leases,
            recovering: BTreeMap::new(),
            completing: BTreeMap::new(),
            started: now,
            now,
            next_turn: now,
            out: VecDeque::new(),
            stale_events: 0,
        }
    }

    /// Takes one event. Total: a stale or senseless event is counted and dropped.
    pub fn on(&mut self, now: Tick, event: Event) {
        self.now = self.now.max(now);
        match event {
            Event::Call { ticket, call } => self.call(ticket, call),
            Event::Joined { location, epoch, capacity, draining, replicas } => {
                self.joined(location, epoch, capacity, draining, &replicas);
            }
            Event::Report { worker, epoch, report } => self.report(worker, epoch, report),
            Event::Draining { worker, draining } => self.draining(worker, draining),
            Event::Gone { worker, epoch } => self.gone(worker, epoch),
            Event::Tick => {}
        }
        self.finish_completing();
        if self.now >= self.next_turn {
            self.next_turn = Tick(self.now.0 + TURN_MS);
            self.expire_leases();
            self.repair();
        }
    }

    /// The next output, to be drained before the next event.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When `Event::Tick` is due.
    pub fn deadline(&self) -> Option<Tick> {
        Some(self.next_turn)
    }

    /// What a snapshot holds.
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Applies changes and writes them down, with the answer that they give to a call.
    fn commit(&mut self, call: Option<(ClientId, u64, NamespaceAnswer)>, changes: Vec<Mutation>) {
        let mut effects = Vec::new();
        for change in &changes {
            self.durable.apply(self.now, change, &mut effects);
        }
        self.persist(call, changes, effects);
    }

    /// The second half of `commit`, for changes that were applied one by one.
    fn persist(
        &mut self,
        call: Option<(ClientId, u64, NamespaceAnswer)>,
        changes: Vec<Mutation>,
        mut effects: Vec<Effect>,
    ) {
        self.release_leases(&changes);
        self.durable.purge(&changes, &mut effects);
        if let Some((client, number, answer)) = &call {
            self.durable.calls.remember(*client, *number, answer.clone(), self.now);
        }
        self.out.push_back(Output::Persist(Record { at: self.now, call, changes }));
        for effect in effects {
            match effect {
                Effect::Touched(block) => {
                    self.replicas.suspects.insert(block);
                }
                Effect::Freed(block) => {
                    self.recovering.remove(&block);
                    let generation = crate::Generation(self.durable.next_generation);
                    for worker in self.replicas.forget(block) {
                        self.erase(worker, block, generation);
                    }
                }
            }
        }
    }

    /// Leases follow what the changes did to files. Called before removed files are forgotten.
    fn release_leases(&mut self, changes: &[Mutation]) {
        for change in changes {
            match change {
                Mutation::CreateFile { id, lease: Some(client), .. } => {
                    self.leases.hold(*client, *id, self.now)
                }
                Mutation::Close { file } => self.leases.release_file(*file),
                Mutation::Unlink { id } => {
                    for file in self.durable.tree.subtree(*id) {
                        self.leases.release_file(file);
                    }
                }
                Mutation::RaiseGeneration { block, .. } => {
                    self.replicas.outdate(*block);
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: NamespaceAnswer) {
        self.out.push_back(Output::Answer { ticket, answer });
    }
}
