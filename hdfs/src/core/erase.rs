//! Replicas that nobody wants: each worker is told in batches, again until it says that they are gone, and never
//! before the workers had time to come back after a start.

use super::{
    Core,
    event::{Output, Tick},
};
use crate::{BlockId, Generation, WorkerId, limits, protocol::control::BlockCommand};
use std::collections::BTreeMap;

/// What is to be erased, by worker. A worker that leaves takes its part along: its next inventory tells it anew.
#[derive(Debug, Default)]
pub struct Erasures {
    workers: BTreeMap<WorkerId, BTreeMap<BlockId, Erasure>>,
}

#[derive(Debug, Clone, Copy)]
struct Erasure {
    /// Replicas of this generation and older ones.
    generation: Generation,
    sent: Option<Tick>,
    tries: u32,
}

impl Erasures {
    /// Says whether there was room. What did not fit is found by the worker's next inventory.
    pub fn order(&mut self, worker: WorkerId, block: BlockId, generation: Generation) -> bool {
        let waiting = self.workers.entry(worker).or_default();
        if waiting.len() >= limits::ERASURES_PER_WORKER_MAX {
            return false;
        }
        waiting.insert(block, Erasure { generation, sent: None, tries: 0 });
        true
    }

    pub fn done(&mut self, worker: WorkerId, block: BlockId) {
        if let Some(waiting) = self.workers.get_mut(&worker) {
            waiting.remove(&block);
            if waiting.is_empty() {
                self.workers.remove(&worker);
            }
        }
    }

    /// Whether a replica of this generation is to be erased there, so that it is no location and no place for a copy.
    pub fn is_pending(&self, worker: WorkerId, block: BlockId, generation: Generation) -> bool {
        let erasure = self.workers.get(&worker).and_then(|waiting| waiting.get(&block));
        erasure.is_some_and(|erasure| generation <= erasure.generation)
    }

    pub fn clear(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }

    pub fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.workers.keys().copied()
    }

    /// The next batch for each worker. One that did not say a thing for long is told again, a few times.
    fn due(&mut self, now: Tick) -> Vec<(WorkerId, Vec<(BlockId, Generation)>)> {
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64;
        let mut batches = Vec::new();
        for (worker, waiting) in &mut self.workers {
            waiting.retain(|_, erasure| {
                let late = erasure.sent.is_some_and(|sent| now.since(sent) > timeout);
                if late {
                    erasure.sent = None;
                }
                !(late && erasure.tries >= limits::ERASURE_TRIES_MAX)
            });
            let under_way = waiting.values().filter(|erasure| erasure.sent.is_some()).count();
            let room = limits::ERASURES_AT_ONCE.saturating_sub(under_way);
            let fresh = waiting.iter_mut().filter(|(_, erasure)| erasure.sent.is_none()).take(room);
            let batch: Vec<_> = fresh
                .map(|(block, erasure)| {
                    erasure.sent = Some(now);
                    erasure.tries += 1;
                    (*block, erasure.generation)
                })
                .collect();
            if !batch.is_empty() {
                batches.push((*worker, batch));
            }
        }
        self.workers.retain(|_, waiting| !waiting.is_empty());
        batches
    }
}

impl Core {
    pub(super) fn erase(&mut self, worker: WorkerId, block: BlockId, generation: Generation) {
        let Some(entry) = self.replicas.workers.get_mut(&worker) else { return };
        if !self.erasures.order(worker, block, generation) {
            entry.next_inventory = entry.next_inventory.min(self.now.after(limits::REPAIR_TIMEOUT));
        }
    }

    pub(super) fn send_erasures(&mut self) {
        if !self.is_calm() {
            return;
        }
        for (worker, batch) in self.erasures.due(self.now) {
            self.out.push_back(Output::Command { worker, command: BlockCommand::Erase(batch) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: WorkerId = WorkerId(1);

    fn ordered(count: u64) -> Erasures {
        let mut erasures = Erasures::default();
        (0..count).for_each(|block| assert!(erasures.order(WORKER, BlockId(block), Generation(1))));
        erasures
    }

    #[test]
    fn a_worker_is_told_in_batches_and_the_next_follows_what_is_done() {
        let mut erasures = ordered(limits::ERASURES_AT_ONCE as u64 + 5);
        let batch = erasures.due(Tick(0)).remove(0).1;
        assert_eq!(batch.len(), limits::ERASURES_AT_ONCE);
        assert!(erasures.due(Tick(1)).is_empty());
        batch.iter().for_each(|(block, _)| erasures.done(WORKER, *block));
        assert_eq!(erasures.due(Tick(2)).remove(0).1.len(), 5);
    }

    #[test]
    fn a_lost_command_is_repeated_and_given_up_in_the_end() {
        let mut erasures = ordered(1);
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64 + 1;
        let mut told = 0;
        for turn in 0..20 {
            told += erasures.due(Tick(turn * timeout)).len();
        }
        assert_eq!(told, limits::ERASURE_TRIES_MAX as usize);
        assert!(!erasures.is_pending(WORKER, BlockId(0), Generation(1)));
    }

    #[test]
    fn a_newer_replica_is_not_meant() {
        let erasures = ordered(1);
        assert!(erasures.is_pending(WORKER, BlockId(0), Generation(1)));
        assert!(!erasures.is_pending(WORKER, BlockId(0), Generation(2)));
    }
}
