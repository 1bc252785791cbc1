//! A hash table from encoded keys to accumulators, for millions of small records.
//!
//! ```text
//! index:   hash >> 32 | place + 1      open addressing, linear probing, at most half full; 0: empty
//! entries: key's place in the arena, its first and last eight bytes, accumulator      in order of arrival
//! arena:   all keys, one after the other
//! ```
//! A lookup touches one line of the index and one of the entries; the arena only for keys over 16 bytes. What makes it
//! fast is that [`warm`](CombineTable::warm) touches the lines of many records before they are needed, so that the
//! processor waits for all of them at once. It never frees a single entry; it is drained as a whole.

use crate::shuffle::stable_hash;

pub struct CombineTable<A> {
    index: Vec<u64>,
    entries: Vec<Entry<A>>,
    arena: Vec<u8>,
    /// What the accumulators own outside the table.
    heap_bytes: usize,
}

struct Entry<A> {
    key: KeyPlace,
    accumulator: A,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct KeyPlace {
    start: u32,
    len: u32,
    first: u64,
    last: u64,
}

/// Entries for which the first index has room.
const ENTRIES_FIRST: usize = 1024;

impl KeyPlace {
    /// Up to 16 bytes the length and the two words say all.
    #[inline]
    fn of(key: &[u8], start: usize) -> KeyPlace {
        let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => (short_word(key), 0),
        };
        KeyPlace { start: start as u32, len: key.len() as u32, first, last }
    }

    #[inline]
    fn holds(&self, key: &KeyPlace, bytes: &[u8], arena: &[u8]) -> bool {
        (self.len, self.first, self.last) == (key.len, key.first, key.last)
            && (self.len <= 16 || &arena[self.start as usize..][..self.len as usize] == bytes)
    }
}

/// Less than eight bytes as one number, without a loop; different for different keys of one length.
#[inline]
fn short_word(key: &[u8]) -> u64 {
    match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => match key {
            [] => 0,
            [first, ..] => {
                u64::from(*first) | u64::from(key[key.len() / 2]) << 8 | u64::from(key[key.len() - 1]) << 16
            }
        },
    }
}

impl<A> CombineTable<A> {
    /// The arena's offsets are 32 bits wide.
    pub const ARENA_MAX: usize = u32::MAX as usize / 2;

    pub fn new() -> Self {
        CombineTable { index: Vec::new(), entries: Vec::new(), arena: Vec::new(), heap_bytes: 0 }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.arena.capacity()
            + self.entries.capacity() * size_of::<Entry<A>>()
            + self.index.capacity() * size_of::<u64>()
            + self.heap_bytes
    }

    /// Whether the next batch might not find room.
    pub fn is_full(&self, memory_bytes: usize) -> bool {
        self.memory_bytes() > memory_bytes || self.arena.len() > Self::ARENA_MAX
    }

    #[inline]
    pub fn hash(key: &[u8]) -> u64 {
        stable_hash(key)
    }

    /// Touches what lookups of these hashes will read. The loads do not depend on each other: they overlap.
    pub fn warm(&self, hashes: &[u64]) {
        let mut touched = 0;
        for hash in hashes {
            if let Some(slot) = self.index.get(*hash as usize & self.mask()) {
                touched ^= self
                    .entries
                    .get((*slot as u32).wrapping_sub(1) as usize)
                    .map_or(0, |entry| entry.key.len);
            }
        }
        std::hint::black_box(touched);
    }

    #[inline]
    fn mask(&self) -> usize {
        self.index.len().wrapping_sub(1)
    }

    /// Adds a value to its key's accumulator, or makes the accumulator of it. `heap_bytes` measures an accumulator; it is
    /// only asked about types that can own memory.
    #[inline]
    pub fn upsert<V>(
        &mut self,
        hash: u64,
        key: &[u8],
        value: V,
        create: impl FnOnce(V) -> A,
        add: impl FnOnce(&mut A, V),
        heap_bytes: impl Fn(&A) -> usize,
    ) {
        if self.entries.len() * 2 >= self.index.len() {
            self.grow();
        }
        let place = KeyPlace::of(key, self.arena.len());
        let (tag, mask) = (hash & TAG, self.mask());
        let mut at = hash as usize & mask;
        loop {
            let slot = self.index[at];
            if slot == 0 {
                break;
            }
            if slot & TAG == tag {
                let entry = &mut self.entries[(slot as u32 - 1) as usize];
                if entry.key.holds(&place, key, &self.arena) {
                    let held = &mut entry.accumulator;
                    if std::mem::needs_drop::<A>() {
                        self.heap_bytes = self.heap_bytes.saturating_sub(heap_bytes(held));
                        add(held, value);
                        self.heap_bytes += heap_bytes(held);
                    } else {
                        add(held, value);
                    }
                    return;
                }
            }
            at = (at + 1) & mask;
        }
        let accumulator = create(value);
        if std::mem::needs_drop::<A>() {
            self.heap_bytes += heap_bytes(&accumulator);
        }
        self.arena.extend_from_slice(key);
        self.entries.push(Entry { key: place, accumulator });
        self.index[at] = tag | self.entries.len() as u64;
    }

    /// A larger index, with every entry in it again.
    #[cold]
    fn grow(&mut self) {
        let slots = (self.index.len() * 2).max(ENTRIES_FIRST * 2);
        self.index.clear();
        self.index.resize(slots, 0);
        let mask = self.mask();
        for (number, entry) in (1u64..).zip(&self.entries) {
            let hash = Self::hash(&self.arena[entry.key.start as usize..][..entry.key.len as usize]);
            let mut at = hash as usize & mask;
            while self.index[at] != 0 {
                at = (at + 1) & mask;
            }
            self.index[at] = hash & TAG | number;
        }
    }

    /// Hands out every entry in the order in which the keys came, and empties the table. It keeps its memory.
    pub fn drain<E>(&mut self, mut take: impl FnMut(&[u8], A) -> Result<(), E>) -> Result<(), E> {
        let arena = &self.arena;
        let mut result = Ok(());
        for Entry { key, accumulator } in self.entries.drain(..) {
            if result.is_ok() {
                result = take(&arena[key.start as usize..][..key.len as usize], accumulator);
            }
        }
        self.index.fill(0);
        self.arena.clear();
        self.heap_bytes = 0;
        result
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        *self = CombineTable::new();
    }
}

/// The part of a hash that the index keeps; its place comes from the other part.
const TAG: u64 = 0xffff_ffff_0000_0000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn upsert(table: &mut CombineTable<u64>, key: &[u8], value: u64) {
        table.upsert(CombineTable::<u64>::hash(key), key, value, |v| v, |held, v| *held += v, |_| 0);
    }

    proptest! {
        #[test]
        fn sums_by_key_like_an_ordered_map(
            values in prop::collection::vec((prop_oneof!["[ab]{0,3}", "[ab]{4,20}"], 0u64..100), 0..3000),
        ) {
            let mut table = CombineTable::new();
            for _ in 0..2 {
                let mut expected = BTreeMap::<Vec<u8>, u64>::new();
                for (key, value) in &values {
                    upsert(&mut table, key.as_bytes(), *value);
                    *expected.entry(key.as_bytes().to_vec()).or_default() += value;
                }
                prop_assert_eq!(table.len(), expected.len());
                let mut found = BTreeMap::new();
                table.drain(|key, value| { found.insert(key.to_vec(), value); Ok::<_, ()>(()) }).unwrap();
                prop_assert_eq!(found, expected);
                prop_assert_eq!(table.len(), 0);
            }
        }

        #[test]
        fn memory_of_growing_accumulators_is_counted(words in prop::collection::vec("[a-z]{1,50}", 1..50)) {
            let mut table = CombineTable::<String>::new();
            for word in &words {
                let hash = CombineTable::<String>::hash(b"k");
                table.upsert(hash, b"k", word.as_str(), str::to_owned, |held, word| held.push_str(word), String::capacity);
            }
            prop_assert!(table.memory_bytes() >= words.iter().map(String::len).sum::<usize>());
        }

        #[test]
        fn short_keys_are_told_apart_by_their_words(a in prop::collection::vec(any::<u8>(), 0..17), b in prop::collection::vec(any::<u8>(), 0..17)) {
            prop_assert_eq!(KeyPlace::of(&a, 0) == KeyPlace::of(&b, 0), a == b);
        }
    }

    #[test]
    fn a_large_table_is_warmed_and_grows() {
        let mut table = CombineTable::new();
        let keys: Vec<Vec<u8>> =
            (0..100_000u32).map(|key| format!("key number {key}").into_bytes()).collect();
        for chunk in keys.chunks(64) {
            let hashes: Vec<u64> = chunk.iter().map(|key| CombineTable::<u64>::hash(key)).collect();
            table.warm(&hashes);
            chunk.iter().for_each(|key| upsert(&mut table, key, 1));
        }
        assert_eq!(table.len(), keys.len());
    }
}
