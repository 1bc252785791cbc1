//! The sort buffer of a producer: records one after the other in an arena, and an index entry for each that mostly decides
//! the order by itself.

use super::{
    format::{RECORD_LENGTHS_MAX, RecordSpan, write_record},
    key_order::{KeyWord, PREFIX_BYTES},
};

const ENTRY_BYTES: usize = size_of::<u128>();
const OFFSET_BITS: u32 = 32;
const ARENA_MAX: usize = u32::MAX as usize;
const FIRST_ARENA_BYTES: usize = 64 << 10;
const FIRST_ENTRIES: usize = 1 << 10;
const VISIT_BATCH: usize = 32;

/// ```text
/// entry = partition (24 bits), key word (72 bits: prefix and its length), offset in the arena (32 bits)
/// ```
/// As numbers, entries compare by partition, then by key as far as the word holds it, then by the order of pushing.
pub(super) struct SortBuffer {
    arena: Vec<u8>,
    entries: Vec<u128>,
    memory_bytes: usize,
    /// Arena and index have shared out the memory between them.
    settled: bool,
}

impl SortBuffer {
    pub fn new(memory_bytes: usize) -> SortBuffer {
        SortBuffer { arena: Vec::new(), entries: Vec::new(), memory_bytes, settled: false }
    }

    /// Takes a record in. `false`: there is no room; a record that is larger than the memory goes into an empty buffer all
    /// the same.
    #[inline]
    pub fn push(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let need = key.len() + value.len() + RECORD_LENGTHS_MAX;
        if (self.arena.capacity() - self.arena.len() < need || self.entries.len() == self.entries.capacity())
            && !self.grow(need)
        {
            return false;
        }
        let offset = self.arena.len() as u128;
        let word = KeyWord::of(key).bits();
        let entry = (u128::from(partition) << (KeyWord::BITS + OFFSET_BITS)) | (word << OFFSET_BITS) | offset;
        self.entries.push(entry);
        write_record(key, value, &mut self.arena);
        true
    }

    #[cold]
    fn grow(&mut self, need: usize) -> bool {
        let (arena_len, entries_len) = (self.arena.len() + need, self.entries.len() + 1);
        if arena_len > ARENA_MAX {
            return false;
        }
        let mut arena = self.arena.capacity();
        if arena < arena_len {
            arena = (arena * 2).max(arena_len).clamp(FIRST_ARENA_BYTES, ARENA_MAX);
        }
        let mut entries = self.entries.capacity();
        if entries < entries_len {
            entries = (entries * 2).max(FIRST_ENTRIES);
        }
        if arena + entries * ENTRY_BYTES > self.memory_bytes && !self.entries.is_empty() {
            (arena, entries) = self.settle(arena_len, entries_len);
        }
        let fits = arena >= arena_len
            && entries >= entries_len
            && (self.entries.is_empty() || arena + entries * ENTRY_BYTES <= self.memory_bytes);
        if fits {
            self.arena.reserve_exact(arena - self.arena.len());
            self.entries.reserve_exact(entries - self.entries.len());
        }
        fits
    }

    /// Shares out what memory there is as the records so far use it. Once: later, who is full first has the buffer spilled.
    fn settle(&mut self, arena_len: usize, entries_len: usize) -> (usize, usize) {
        let (arena_now, entries_now) = (self.arena.capacity(), self.entries.capacity());
        if std::mem::replace(&mut self.settled, true) {
            return (arena_now, entries_now);
        }
        let used = arena_len + entries_len * ENTRY_BYTES;
        let share = (self.memory_bytes as u128 * (entries_len * ENTRY_BYTES) as u128 / used as u128) as usize;
        let entries = (share / ENTRY_BYTES).max(entries_now);
        let arena = self.memory_bytes.saturating_sub(entries * ENTRY_BYTES).min(ARENA_MAX);
        match arena >= arena_now {
            true => (arena, entries),
            false => (arena_now, (self.memory_bytes.saturating_sub(arena_now)) / ENTRY_BYTES),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(test)]
    fn memory_bytes(&self) -> usize {
        self.arena.capacity() + self.entries.capacity() * ENTRY_BYTES
    }

    /// Orders the records by partition and key; equal keys keep the order in which they were pushed.
    pub fn sort(&mut self) {
        let arena = &self.arena[..];
        self.entries.sort_unstable_by(|&left, &right| {
            if (left ^ right) >> OFFSET_BITS == 0 && KeyWord::is_partial(left >> OFFSET_BITS) {
                let rest = |entry| &stored(arena, entry).key()[PREFIX_BYTES..];
                rest(left).cmp(rest(right)).then(left.cmp(&right))
            } else {
                left.cmp(&right)
            }
        });
    }

    /// Hands out the records in the order of the index.
    ///
    /// That order is random in the arena, so every record is a cache miss. The lengths of a batch of records are read before
    /// the first one is used: these reads do not wait for each other.
    pub fn visit<E>(&self, mut visitor: impl FnMut(StoredRecord<'_>) -> Result<(), E>) -> Result<(), E> {
        for batch in self.entries.chunks(VISIT_BATCH) {
            let mut spans = [RecordSpan::default(); VISIT_BATCH];
            for (span, &entry) in spans.iter_mut().zip(batch) {
                *span = stored(&self.arena, entry).span;
            }
            for (&span, &entry) in spans.iter().zip(batch) {
                visitor(StoredRecord { partition: partition(entry), bytes: at(&self.arena, entry), span })?;
            }
        }
        Ok(())
    }

    /// Empties the buffer and keeps its memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        if self.memory_bytes < self.arena.capacity() {
            // One huge record was let in.
            self.arena = Vec::new();
        }
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        *self = SortBuffer::new(self.memory_bytes);
    }
}

/// A record in the arena.
pub(super) struct StoredRecord<'a> {
    pub partition: u32,
    bytes: &'a [u8],
    span: RecordSpan,
}

#[inline]
fn partition(entry: u128) -> u32 {
    (entry >> (KeyWord::BITS + OFFSET_BITS)) as u32
}

#[inline]
fn at(arena: &[u8], entry: u128) -> &[u8] {
    &arena[entry as u32 as usize..]
}

#[inline]
fn stored(arena: &[u8], entry: u128) -> StoredRecord<'_> {
    let bytes = at(arena, entry);
    // What this buffer wrote can be read.
    let span = RecordSpan::read(bytes).unwrap_or_default();
    StoredRecord { partition: partition(entry), bytes, span }
}

impl<'a> StoredRecord<'a> {
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        &self.bytes[self.span.key_start..self.span.key_end]
    }

    #[inline]
    pub fn value(&self) -> &'a [u8] {
        &self.bytes[self.span.key_end..self.span.value_end]
    }

    /// The whole record with its lengths.
    #[inline]
    pub fn encoded(&self) -> &'a [u8] {
        &self.bytes[..self.span.value_end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_back_sorted_by_partition_and_key_in_pushed_order(
            records in prop::collection::vec((0u32..3, prop::collection::vec(0u8..3, 0..11), any::<u16>()), 0..300),
        ) {
            let mut buffer = SortBuffer::new(1 << 20);
            for (partition, key, value) in &records {
                prop_assert!(buffer.push(*partition, key, &value.to_be_bytes()));
            }
            buffer.sort();
            let mut expected = records;
            expected.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
            let mut found = Vec::new();
            let visited: Result<(), ()> = buffer.visit(|record| {
                let value = u16::from_be_bytes(record.value().try_into().unwrap());
                found.push((record.partition, record.key().to_vec(), value));
                Ok(())
            });
            prop_assert!(visited.is_ok());
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn memory_stays_within_the_bound_unless_one_record_is_larger(
            sizes in prop::collection::vec(0usize..3_000, 1..2_000),
            memory in (16usize << 10)..(512 << 10),
        ) {
            let mut buffer = SortBuffer::new(memory);
            for size in sizes {
                let value = vec![7; size];
                if !buffer.push(1, b"key", &value) {
                    prop_assert!(!buffer.is_empty());
                    buffer.clear();
                    prop_assert!(buffer.push(1, b"key", &value));
                }
                let floor = FIRST_ARENA_BYTES + FIRST_ENTRIES * ENTRY_BYTES;
                prop_assert!(buffer.memory_bytes() <= memory.max(floor), "{}", buffer.memory_bytes());
            }
        }
    }

    #[test]
    fn most_of_the_memory_is_used_before_there_is_no_room() {
        for record_bytes in [0, 8, 90, 1_000] {
            let mut buffer = SortBuffer::new(4 << 20);
            while buffer.push(0, &[1; 10], &vec![0; record_bytes]) {}
            let used = buffer.arena.len() + buffer.entries.len() * ENTRY_BYTES;
            assert!(used > 3 << 20, "{used} bytes used with values of {record_bytes}");
        }
    }

    #[test]
    fn a_record_larger_than_the_memory_is_taken_by_an_empty_buffer_only() {
        let mut buffer = SortBuffer::new(100 << 10);
        let huge = vec![3; 200 << 10];
        assert!(buffer.push(0, b"small", b""));
        assert!(!buffer.push(0, b"huge", &huge));
        buffer.clear();
        assert!(buffer.push(0, b"huge", &huge));
        assert!(!buffer.push(0, b"small", b""));
        buffer.clear();
        assert!(buffer.memory_bytes() < 100 << 10);
    }
}
