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
    workers: BTreeMap<WorkerId, Orders>,
}

/// A block is in one of the two.
#[derive(Debug, Default)]
struct Orders {
    waiting: BTreeMap<BlockId, Erasure>,
    /// At most `ERASURES_AT_ONCE`, with the time of the command.
    sent: BTreeMap<BlockId, (Erasure, Tick)>,
}

#[derive(Debug, Clone, Copy)]
struct Erasure {
    /// Replicas of this generation and older ones.
    generation: Generation,
    tries: u32,
}

impl Orders {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Those of which nothing was heard for long wait for another try, of which there are a few.
    fn take_back(&mut self, now: Tick) {
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64;
        let waiting = &mut self.waiting;
        self.sent.retain(|block, (erasure, sent)| {
            let late = now.since(*sent) > timeout;
            if late && erasure.tries < limits::ERASURE_TRIES_MAX {
                waiting.insert(*block, *erasure);
            }
            !late
        });
    }

    fn send(&mut self, now: Tick) -> Vec<(BlockId, Generation)> {
        let mut batch = Vec::new();
        while self.sent.len() < limits::ERASURES_AT_ONCE
            && let Some((block, mut erasure)) = self.waiting.pop_first()
        {
            erasure.tries += 1;
            self.sent.insert(block, (erasure, now));
            batch.push((block, erasure.generation));
        }
        batch
    }
}

impl Erasures {
    /// Says whether there was room. What did not fit is found by the worker's next inventory.
    pub fn order(&mut self, worker: WorkerId, block: BlockId, generation: Generation) -> bool {
        let orders = self.workers.entry(worker).or_default();
        if orders.waiting.len() >= limits::ERASURES_PER_WORKER_MAX {
            return false;
        }
        orders.sent.remove(&block);
        orders.waiting.insert(block, Erasure { generation, tries: 0 });
        true
    }

    pub fn done(&mut self, worker: WorkerId, block: BlockId) {
        if let Some(orders) = self.workers.get_mut(&worker) {
            orders.waiting.remove(&block);
            orders.sent.remove(&block);
            if orders.is_empty() {
                self.workers.remove(&worker);
            }
        }
    }

    /// Whether a replica of this generation is to be erased there, so that it is no location and no place for a copy.
    pub fn is_pending(&self, worker: WorkerId, block: BlockId, generation: Generation) -> bool {
        let Some(orders) = self.workers.get(&worker) else { return false };
        let sent = orders.sent.get(&block).map(|(erasure, _)| erasure);
        orders.waiting.get(&block).or(sent).is_some_and(|erasure| generation <= erasure.generation)
    }

    pub fn clear(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }

    pub fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.workers.keys().copied()
    }

    /// The next batch for each worker.
    fn due(&mut self, now: Tick) -> Vec<(WorkerId, Vec<(BlockId, Generation)>)> {
        let mut batches = Vec::new();
        for (worker, orders) in &mut self.workers {
            orders.take_back(now);
            let batch = orders.send(now);
            if !batch.is_empty() {
                batches.push((*worker, batch));
            }
        }
        self.workers.retain(|_, orders| !orders.is_empty());
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
