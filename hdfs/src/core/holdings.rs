//! What each worker holds, grouped by how much of it others hold too: so that what would have to move if a worker left
//! is known at any time without a walk over its blocks.

use super::Core;
use crate::{BlockId, WorkerId};
use std::collections::BTreeMap;

/// A block as it was counted last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    asked: usize,
    bytes: u64,
    /// Its holders, and whether each of them stays.
    holders: Box<[(WorkerId, bool)]>,
}

/// Replicas of one worker that are in the same case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    /// Replicas that its file asks for.
    asked: usize,
    /// Other replicas, and those of them on workers that stay.
    elsewhere: usize,
    staying: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    blocks: u64,
    bytes: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    blocks: BTreeMap<BlockId, Holding>,
    workers: BTreeMap<WorkerId, BTreeMap<Case, Sum>>,
}

impl Holding {
    fn cases(&self) -> impl Iterator<Item = (WorkerId, Case)> + '_ {
        let staying = self.holders.iter().filter(|(_, stays)| *stays).count();
        self.holders.iter().map(move |(worker, stays)| {
            let (elsewhere, staying) = (self.holders.len() - 1, staying - usize::from(*stays));
            (*worker, Case { asked: self.asked, elsewhere, staying })
        })
    }
}

impl Holdings {
    /// What is known of a block now.
    pub fn note(&mut self, block: BlockId, holding: Option<Holding>) {
        if self.blocks.get(&block) == holding.as_ref() {
            return;
        }
        if let Some(before) = self.blocks.remove(&block) {
            before.cases().for_each(|(worker, case)| self.discount(worker, case, before.bytes));
        }
        let Some(holding) = holding else { return };
        for (worker, case) in holding.cases() {
            let sum = self.workers.entry(worker).or_default().entry(case).or_default();
            sum.blocks += 1;
            sum.bytes += holding.bytes;
        }
        self.blocks.insert(block, holding);
    }

    fn discount(&mut self, worker: WorkerId, case: Case, bytes: u64) {
        let Some(cases) = self.workers.get_mut(&worker) else { return };
        if let Some(sum) = cases.get_mut(&case) {
            sum.blocks -= 1;
            sum.bytes -= bytes;
            if sum.blocks == 0 {
                cases.remove(&case);
            }
        }
        if cases.is_empty() {
            self.workers.remove(&worker);
        }
    }

    /// Blocks of which this worker has the only replica.
    pub fn sole_blocks(&self, worker: WorkerId) -> u64 {
        let cases = self.workers.get(&worker).into_iter().flatten();
        cases.filter(|(case, _)| case.elsewhere == 0).map(|(_, sum)| sum.blocks).sum()
    }

    /// Bytes of which too few replicas would be left on workers that stay if this one left, and `stayers` did not.
    pub fn bytes_to_move(&self, worker: WorkerId, stayers: usize) -> u64 {
        let cases = self.workers.get(&worker).into_iter().flatten();
        let lacking = cases.filter(|(case, _)| case.staying < case.asked.min(stayers).max(1));
        lacking.map(|(_, sum)| sum.bytes).sum()
    }
}

impl Core {
    /// The block as it is to be counted; `None` if nobody holds it.
    pub(super) fn holding(&self, block: BlockId) -> Option<Holding> {
        let facts = self.durable.blocks.get(&block)?;
        let stays = |worker| self.replicas.workers.get(&worker).is_some_and(|worker| !worker.draining);
        let holders: Box<[_]> = self.replicas.holders(block).map(|worker| (worker, stays(worker))).collect();
        let file = self.durable.tree.get(facts.file).and_then(|node| node.file());
        let asked = file.map_or(1, |file| usize::from(file.replication));
        // One that is empty has to move too.
        (!holders.is_empty()).then_some(Holding { asked, bytes: facts.len_bytes.max(1), holders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(asked: usize, bytes: u64, holders: &[(u32, bool)]) -> Option<Holding> {
        let holders = holders.iter().map(|(worker, stays)| (WorkerId(*worker), *stays)).collect();
        Some(Holding { asked, bytes, holders })
    }

    #[test]
    fn what_would_be_lacking_must_move_and_no_more_than_the_others_can_hold() {
        let mut holdings = Holdings::default();
        holdings.note(BlockId(1), holding(2, 10, &[(1, true), (2, true)]));
        holdings.note(BlockId(2), holding(1, 100, &[(1, true), (2, true)]));
        holdings.note(BlockId(3), holding(1, 1_000, &[(1, true)]));
        holdings.note(BlockId(4), holding(1, 10_000, &[(1, true), (3, false)]));
        assert_eq!(holdings.bytes_to_move(WorkerId(1), 2), 11_010);
        assert_eq!(holdings.bytes_to_move(WorkerId(1), 1), 11_000);
        assert_eq!(holdings.sole_blocks(WorkerId(1)), 1);
        assert_eq!(holdings.sole_blocks(WorkerId(2)), 0);
    }

    #[test]
    fn nothing_remains_of_blocks_that_are_gone() {
        let mut holdings = Holdings::default();
        holdings.note(BlockId(1), holding(2, 10, &[(1, true), (2, true)]));
        holdings.note(BlockId(1), holding(3, 20, &[(2, true), (3, false)]));
        assert_eq!(holdings.bytes_to_move(WorkerId(1), 3), 0);
        holdings.note(BlockId(1), None);
        assert_eq!(holdings, Holdings::default());
    }
}
