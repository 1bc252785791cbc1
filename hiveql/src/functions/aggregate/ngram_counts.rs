//! Estimates which sequences of words are the most frequent, in bounded memory.
//!
//! Frequencies are never overestimated. When there are too many sequences the rarest are dropped; among equally rare
//! ones Hive drops those that a `HashMap` of Java's lists first, so that order is followed here.

use datafusion::common::HashMap;
use std::{cmp::Ordering, mem::size_of};

/// No fewer sequences than this are kept while counting.
const KEPT_MIN: usize = 1_000;
const TABLE_MIN: usize = 16;

#[derive(Debug, Clone)]
struct Entry {
    words: Vec<Box<str>>,
    frequency: f64,
    hash: u32,
    /// When it came in.
    number: u64,
}

#[derive(Debug)]
pub(super) struct NgramCounts {
    /// How many are asked for.
    wanted: usize,
    /// How many are kept when there are too many.
    kept: usize,
    /// By the words and their lengths in bytes.
    entries: HashMap<Vec<u8>, Entry>,
    key: Vec<u8>,
    next_number: u64,
    /// The buckets that Java's table would have by now.
    table: usize,
    text_bytes: usize,
}

impl NgramCounts {
    pub(super) fn new(wanted: usize, precision: usize) -> NgramCounts {
        let precision = if wanted * precision < KEPT_MIN { KEPT_MIN / wanted.max(1) } else { precision };
        NgramCounts {
            wanted,
            kept: wanted * precision,
            entries: HashMap::new(),
            key: Vec::new(),
            next_number: 0,
            table: TABLE_MIN,
            text_bytes: 0,
        }
    }

    /// Counts one sequence.
    pub(super) fn add(&mut self, words: &[&str]) {
        self.increase(words, 1.0);
        if self.entries.len() > self.kept * 2 {
            self.trim(self.kept);
        }
    }

    /// Takes in what another has counted.
    pub(super) fn merge<'a>(&mut self, others: impl Iterator<Item = (Vec<&'a str>, f64)>) {
        for (words, frequency) in others {
            self.increase(&words, frequency);
        }
        self.trim(self.kept);
    }

    fn increase(&mut self, words: &[&str], by: f64) {
        self.key.clear();
        for word in words {
            self.key.extend_from_slice(&(word.len() as u64).to_le_bytes());
            self.key.extend_from_slice(word.as_bytes());
        }
        if let Some(entry) = self.entries.get_mut(&self.key) {
            entry.frequency += by;
            return;
        }
        self.text_bytes += self.key.len() * 2;
        let entry = Entry {
            words: words.iter().map(|&word| word.into()).collect(),
            frequency: by,
            hash: java_hash(words),
            number: self.next_number,
        };
        self.next_number += 1;
        self.entries.insert(self.key.clone(), entry);
        while self.entries.len() > self.table / 4 * 3 {
            self.table *= 2;
        }
    }

    /// Drops the rarest until `limit` are left.
    fn trim(&mut self, limit: usize) {
        let surplus = self.entries.len().saturating_sub(limit);
        if surplus == 0 {
            return;
        }
        let buckets = self.table as u32 - 1;
        let mut order: Vec<_> = self.entries.iter().collect();
        order.sort_by(|(_, left), (_, right)| {
            left.frequency
                .total_cmp(&right.frequency)
                .then((left.hash & buckets).cmp(&(right.hash & buckets)))
                .then(left.number.cmp(&right.number))
        });
        let dropped: Vec<Vec<u8>> = order.into_iter().take(surplus).map(|(key, _)| key.clone()).collect();
        for key in dropped {
            self.text_bytes -= key.len() * 2;
            self.entries.remove(&key);
        }
    }

    /// The most frequent sequences, the most frequent first.
    pub(super) fn best(&mut self) -> Vec<(Vec<&str>, f64)> {
        self.trim(self.wanted);
        let mut best: Vec<&Entry> = self.entries.values().collect();
        best.sort_by(|left, right| {
            let frequency = right.frequency.total_cmp(&left.frequency);
            frequency.then_with(|| compare_words(&left.words, &right.words))
        });
        best.into_iter().map(|entry| (words_of(entry), entry.frequency)).collect()
    }

    /// All of them, in the order in which they came.
    pub(super) fn all(&self) -> Vec<(Vec<&str>, f64)> {
        let mut all: Vec<&Entry> = self.entries.values().collect();
        all.sort_by_key(|entry| entry.number);
        all.into_iter().map(|entry| (words_of(entry), entry.frequency)).collect()
    }

    pub(super) fn size(&self) -> usize {
        size_of::<Self>()
            + self.text_bytes
            + self.entries.capacity() * (size_of::<(Vec<u8>, Entry)>() + 1)
            + self.key.capacity()
    }
}

fn words_of(entry: &Entry) -> Vec<&str> {
    entry.words.iter().map(AsRef::as_ref).collect()
}

/// By UTF-16 units, as strings of Java's compare.
fn compare_words(left: &[Box<str>], right: &[Box<str>]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        let order = left.encode_utf16().cmp(right.encode_utf16());
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// The hash by which a `HashMap` of Java's places a list of strings.
fn java_hash(words: &[&str]) -> u32 {
    let hash = words.iter().fold(1u32, |hash, word| {
        let word =
            word.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
        hash.wrapping_mul(31).wrapping_add(word)
    });
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_equals_in_order_of_their_words() {
        let mut counts = NgramCounts::new(2, 1);
        for words in [["b", "c"], ["a", "b"], ["x", "y"], ["x", "y"], ["a", "b"], ["b", "c"]] {
            counts.add(&words);
        }
        counts.add(&["x", "y"]);
        counts.add(&["a", "b"]);
        assert_eq!(counts.best(), [(vec!["a", "b"], 3.0), (vec!["x", "y"], 3.0)]);
    }

    #[test]
    fn a_hash_is_that_of_java() {
        // new ArrayList<>(List.of("a", "b")).hashCode() is 31 * (31 * 1 + 97) + 98.
        assert_eq!(java_hash(&["a", "b"]), 4066);
    }
}
