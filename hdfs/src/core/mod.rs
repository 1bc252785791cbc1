//! The namespace as a pure state machine: directories, files, blocks, leases, replicas and their repair.
//!
//! `on` takes an [`Event`], `poll` gives the [`Output`]s it caused, in order: a record comes before what follows from it, and
//! the shell releases the latter only when the former is durable. What survives a restart is [`durable::Durable`], changed by
//! records alone; all else (who holds which replica, who writes what) workers and clients tell again.
//!
//! * What clients ask: [`call`] takes it in, [`reader`] answers it; [`write`], [`change`] and [`transaction`] make the
//!   changes.
//! * What is kept: [`tree`], [`keyed`] and [`calls`], held together by [`durable`].
//! * What workers say: [`reports`] into [`replicas`], whose standing is kept in [`health`] and [`holdings`].
//! * What follows, turn by turn: [`lease`], [`recover`], [`repair`] and [`erase`]; new replicas go where [`place`] says.
//!
//! No I/O, no clock, no threads, ordered maps only.

mod call;
mod calls;
mod change;
mod check;
pub mod durable;
mod erase;
pub mod event;
mod health;
mod holdings;
pub mod keyed;
mod lease;
mod place;
mod reader;
mod recover;
mod repair;
pub mod replicas;
mod reports;
mod transaction;
pub mod tree;
mod view;
mod write;

#[cfg(test)]
mod tests;

use crate::{BlockId, ClientId, FileId, Generation, limits, protocol::namespace::NamespaceAnswer};
use durable::{Durable, Effect};
use erase::Erasures;
use event::{Event, Mutation, Output, Record, Tick, Ticket};
use health::Health;
use holdings::Holdings;
use lease::Leases;
use recover::Recovery;
use repair::Failures;
use replicas::Replicas;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tree::Writer;
use write::Waiting;

pub struct Core {
    pub(crate) durable: Durable,
    pub(crate) replicas: Replicas,
    health: Health,
    erasures: Erasures,
    leases: Leases,
    /// Files that the namespace took from silent writers.
    recoveries: BTreeMap<FileId, Recovery>,
    completing: BTreeMap<FileId, Waiting>,
    /// Files of `completing` about which something changed.
    settling: BTreeSet<FileId>,
    /// Blocks that are not well and whose repair failed.
    failures: BTreeMap<BlockId, Failures>,
    /// What each worker holds, by how much of it others hold too.
    holdings: Holdings,
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
        let open: Vec<(FileId, Writer)> =
            durable.tree.nodes().filter_map(|node| Some((node.id, node.file()?.writer?))).collect();
        let mut replicas = Replicas::default();
        replicas.touched.extend(durable.blocks.keys());
        let mut core = Core {
            durable,
            replicas,
            health: Health::default(),
            erasures: Erasures::default(),
            leases: Leases::default(),
            recoveries: BTreeMap::new(),
            completing: BTreeMap::new(),
            settling: BTreeSet::new(),
            failures: BTreeMap::new(),
            holdings: Holdings::default(),
            started: now,
            now,
            next_turn: now,
            out: VecDeque::new(),
            stale_events: 0,
        };
        for (file, writer) in open {
            match writer {
                Writer::Client(client) => core.leases.hold(client, file, now),
                Writer::Namespace => core.begin_recovery(file),
            }
        }
        core.review();
        core
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
            Event::Capacity { worker, epoch, capacity } => self.capacity(worker, epoch, capacity),
            Event::Gone { worker, epoch } => self.gone(worker, epoch),
            Event::Tick => {}
        }
        self.settle();
        self.review();
        if self.now >= self.next_turn {
            self.turn();
        }
    }

    /// What is done now and then, whatever comes.
    fn turn(&mut self) {
        self.next_turn = self.now.after(limits::NAMESPACE_TURN);
        self.expire_leases();
        self.recover();
        self.settle();
        self.end_long_waits();
        self.review();
        self.repair();
        self.send_erasures();
        self.ask_inventories();
        self.review();
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
        self.follow_writers(&changes);
        self.durable.purge(&changes, &mut effects);
        if let Some((client, number, answer)) = &call {
            self.durable.calls.remember(*client, *number, answer.clone(), self.now);
        }
        self.out.push_back(Output::Persist(Record { at: self.now, call, changes }));
        for effect in effects {
            match effect {
                Effect::Touched(block) => self.replicas.touched.push(block),
                Effect::Freed(block) => {
                    let generation = Generation(self.durable.next_generation);
                    for worker in self.replicas.forget(block) {
                        self.erase(worker, block, generation);
                    }
                }
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: NamespaceAnswer) {
        self.out.push_back(Output::Answer { ticket, answer });
    }
}
