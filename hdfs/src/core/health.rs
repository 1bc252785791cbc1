//! How many replicas each block has against how many it should have, kept up to date block by block, so that neither
//! repair nor a view of the cluster ever walks over all blocks.

use super::{Core, replicas::Replicas};
use crate::BlockId;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
};

/// A finished block with fewer replicas on workers that stay than its file asks for. The fewest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Short {
    pub staying: usize,
    pub asked: usize,
}

impl Short {
    /// Whether another replica could be made: a block cannot have more replicas than there are workers.
    fn can_gain(self, takers: usize) -> bool {
        self.staying < self.asked.min(takers.max(1))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Enough replicas, or not finished, or not there.
    Well,
    Short(Short),
    /// More than are asked for.
    Surplus,
    /// No live worker has one.
    Missing,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Blocks that are not well.
    standing: BTreeMap<BlockId, Listed>,
    short: BTreeMap<Short, BTreeSet<BlockId>>,
    surplus: BTreeSet<BlockId>,
    missing: BTreeSet<BlockId>,
    /// Where the last turn of repair ended among the short ones, so that blocks that cannot be helped now hold up nobody.
    cursors: BTreeMap<Short, BlockId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Short(Short),
    Surplus,
    Missing,
}

impl Health {
    pub fn note(&mut self, block: BlockId, standing: Standing) {
        let listed = match standing {
            Standing::Well => None,
            Standing::Short(short) => Some(Listed::Short(short)),
            Standing::Surplus => Some(Listed::Surplus),
            Standing::Missing => Some(Listed::Missing),
        };
        let before = match listed {
            Some(listed) => self.standing.insert(block, listed),
            None => self.standing.remove(&block),
        };
        if before == listed {
            return;
        }
        match before {
            Some(Listed::Short(short)) => self.leave_short(short, block),
            Some(Listed::Surplus) => drop(self.surplus.remove(&block)),
            Some(Listed::Missing) => drop(self.missing.remove(&block)),
            None => {}
        }
        match listed {
            Some(Listed::Short(short)) => drop(self.short.entry(short).or_default().insert(block)),
            Some(Listed::Surplus) => drop(self.surplus.insert(block)),
            Some(Listed::Missing) => drop(self.missing.insert(block)),
            None => {}
        }
    }

    /// Whether both list the same blocks, wherever their cursors are.
    pub fn agrees_with(&self, other: &Health) -> bool {
        self.standing == other.standing
            && self.short == other.short
            && self.surplus == other.surplus
            && self.missing == other.missing
    }

    fn leave_short(&mut self, short: Short, block: BlockId) {
        if let Some(blocks) = self.short.get_mut(&short) {
            blocks.remove(&block);
            if blocks.is_empty() {
                self.short.remove(&short);
                self.cursors.remove(&short);
            }
        }
    }

    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Blocks that should have another replica and could.
    pub fn under_replicated(&self, takers: usize) -> usize {
        let lacking = self.short.iter().filter(|(short, _)| short.can_gain(takers));
        lacking.map(|(_, blocks)| blocks.len()).sum()
    }

    pub fn some_surplus(&self, count: usize) -> Vec<BlockId> {
        self.surplus.iter().copied().take(count).collect()
    }

    /// The next blocks to look at, those with the fewest replicas first, all of them in turn.
    pub fn next_short(&mut self, takers: usize, count: usize) -> Vec<BlockId> {
        let mut chosen = Vec::new();
        for (short, blocks) in self.short.iter().filter(|(short, _)| short.can_gain(takers)) {
            let cursor = self.cursors.get(short).map_or(Unbounded, |block| Excluded(*block));
            let rest = blocks.range((cursor, Unbounded)).chain(blocks.iter()).take(blocks.len());
            let before = chosen.len();
            chosen.extend(rest.copied().take(count - before));
            if let Some(last) = chosen.get(before..).and_then(<[BlockId]>::last) {
                self.cursors.insert(*short, *last);
            }
            if chosen.len() == count {
                break;
            }
        }
        chosen
    }
}

impl Core {
    /// How the block stands, from the facts.
    pub(super) fn standing(&self, block: BlockId) -> Standing {
        let facts = self.durable.blocks.get(&block).filter(|facts| facts.committed);
        let Some(file) = facts.and_then(|facts| self.durable.tree.get(facts.file)?.file()) else {
            return Standing::Well;
        };
        let (staying, asked) = (self.replicas.staying(block), usize::from(file.replication));
        if !self.replicas.has_holder(block) {
            return Standing::Missing;
        }
        match staying.cmp(&asked) {
            std::cmp::Ordering::Less => Standing::Short(Short { staying, asked }),
            std::cmp::Ordering::Equal => Standing::Well,
            std::cmp::Ordering::Greater => Standing::Surplus,
        }
    }

    /// Looks again at every block about which something changed.
    pub(super) fn review(&mut self) {
        let Replicas { touched, .. } = &mut self.replicas;
        let mut touched = std::mem::take(touched);
        for block in touched.drain(..) {
            let standing = self.standing(block);
            if matches!(standing, Standing::Well | Standing::Surplus) {
                self.replicas.forget_corrupt(block);
                self.failures.remove(&block);
            }
            self.health.note(block, standing);
            self.holdings.note(block, self.holding(block));
        }
        // Keeps its memory.
        self.replicas.touched = touched;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_the_fewest_replicas_come_first_and_all_get_their_turn() {
        let mut health = Health::default();
        let short = |staying| Standing::Short(Short { staying, asked: 3 });
        (0..10).for_each(|block| health.note(BlockId(block), short(2)));
        health.note(BlockId(100), short(1));
        assert_eq!(health.next_short(3, 4), [100, 0, 1, 2].map(BlockId));
        assert_eq!(health.next_short(3, 4), [100, 3, 4, 5].map(BlockId));
        health.note(BlockId(100), Standing::Well);
        assert_eq!(health.next_short(3, 4), [6, 7, 8, 9].map(BlockId));
        assert_eq!(health.next_short(3, 4), [0, 1, 2, 3].map(BlockId));
        assert_eq!(health.next_short(3, 100).len(), 10);
    }

    #[test]
    fn a_block_cannot_have_more_replicas_than_there_are_workers() {
        let mut health = Health::default();
        health.note(BlockId(1), Standing::Short(Short { staying: 2, asked: 3 }));
        assert_eq!((health.under_replicated(2), health.under_replicated(3)), (0, 1));
        assert!(health.next_short(2, 10).is_empty());
    }

    #[test]
    fn a_block_stands_in_one_place_only() {
        let mut health = Health::default();
        let standings = [
            Standing::Short(Short { staying: 1, asked: 2 }),
            Standing::Missing,
            Standing::Surplus,
            Standing::Short(Short { staying: 1, asked: 3 }),
            Standing::Well,
        ];
        for standing in standings {
            health.note(BlockId(1), standing);
            let listed = health.missing() + health.some_surplus(9).len() + health.next_short(9, 9).len();
            assert_eq!(listed, usize::from(standing != Standing::Well));
        }
        assert_eq!(health, Health::default());
    }
}
