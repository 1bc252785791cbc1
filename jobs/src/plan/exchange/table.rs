//! A hash table from encoded keys to accumulators: keys lie one after the other in an arena, values in the table itself.
//! It never frees a single entry; it is drained as a whole when it has grown to its share of the memory grant.

use foldhash::fast::FixedState;
use hashbrown::hash_table::{Entry as Slot, HashTable};
use std::hash::BuildHasher;

pub struct CombineTable<A> {
    slots: HashTable<Entry<A>>,
    arena: Vec<u8>,
    hasher: FixedState,
    /// What the accumulators own outside the table.
    heap_bytes: usize,
}

struct Entry<A> {
    start: u32,
    len: u32,
    accumulator: A,
}

impl<A> Entry<A> {
    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.start as usize..][..self.len as usize]
    }
}

impl<A> CombineTable<A> {
    /// The arena's offsets are 32 bits wide.
    pub const ARENA_MAX: usize = u32::MAX as usize / 2;

    pub fn new() -> Self {
        CombineTable {
            slots: HashTable::new(),
            arena: Vec::new(),
            hasher: FixedState::with_seed(0x05ee_d0f5_cabb_1e5e),
            heap_bytes: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.arena.capacity() + self.slots.capacity() * (size_of::<Entry<A>>() + 1) + self.heap_bytes
    }

    /// Whether the next batch might not find room.
    pub fn is_full(&self, memory_bytes: usize) -> bool {
        self.memory_bytes() > memory_bytes || self.arena.len() > Self::ARENA_MAX
    }

    /// Adds a value to its key's accumulator, or makes the accumulator of it. `heap_bytes` measures an accumulator; it is
    /// only asked about types that can own memory.
    #[inline]
    pub fn upsert<V>(
        &mut self,
        key: &[u8],
        value: V,
        create: impl FnOnce(V) -> A,
        add: impl FnOnce(&mut A, V),
        heap_bytes: impl Fn(&A) -> usize,
    ) {
        let hash = self.hasher.hash_one(key);
        let (arena, hasher) = (&self.arena, &self.hasher);
        let slot = self.slots.entry(
            hash,
            |entry| entry.key(arena) == key,
            |entry| hasher.hash_one(entry.key(arena)),
        );
        match slot {
            Slot::Occupied(mut slot) => {
                let held = &mut slot.get_mut().accumulator;
                if std::mem::needs_drop::<A>() {
                    self.heap_bytes = self.heap_bytes.saturating_sub(heap_bytes(held));
                    add(held, value);
                    self.heap_bytes += heap_bytes(held);
                } else {
                    add(held, value);
                }
            }
            Slot::Vacant(slot) => {
                let accumulator = create(value);
                if std::mem::needs_drop::<A>() {
                    self.heap_bytes += heap_bytes(&accumulator);
                }
                let start = self.arena.len() as u32;
                self.arena.extend_from_slice(key);
                slot.insert(Entry { start, len: key.len() as u32, accumulator });
            }
        }
    }

    /// Hands out every entry, in no particular order, and empties the table. It keeps its memory.
    pub fn drain<E>(&mut self, mut take: impl FnMut(&[u8], A) -> Result<(), E>) -> Result<(), E> {
        let arena = &self.arena;
        let mut result = Ok(());
        for entry in self.slots.drain() {
            if result.is_ok() {
                let (start, len) = (entry.start as usize, entry.len as usize);
                result = take(&arena[start..start + len], entry.accumulator);
            }
        }
        self.arena.clear();
        self.heap_bytes = 0;
        result
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        self.slots = HashTable::new();
        self.arena = Vec::new();
        self.heap_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn sums_by_key_like_an_ordered_map(values in prop::collection::vec(("[a-c]{0,3}", 0u64..100), 0..500)) {
            let mut table = CombineTable::new();
            let mut expected = BTreeMap::<Vec<u8>, u64>::new();
            for (key, value) in &values {
                table.upsert(key.as_bytes(), *value, |v| v, |held, v| *held += v, |_| 0);
                *expected.entry(key.as_bytes().to_vec()).or_default() += value;
            }
            prop_assert_eq!(table.len(), expected.len());
            let mut found = BTreeMap::new();
            table.drain(|key, value| { found.insert(key.to_vec(), value); Ok::<_, ()>(()) }).unwrap();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(table.len(), 0);
        }

        #[test]
        fn memory_of_growing_accumulators_is_counted(words in prop::collection::vec("[a-z]{1,50}", 1..50)) {
            let mut table = CombineTable::<String>::new();
            for word in &words {
                table.upsert(b"k", word.as_str(), str::to_owned, |held, word| held.push_str(word), String::capacity);
            }
            prop_assert!(table.memory_bytes() >= words.iter().map(String::len).sum::<usize>());
        }
    }
}
