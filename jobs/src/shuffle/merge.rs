//! Merging sorted segments: a tree of losers over their current records.

use super::{
    ShuffleError,
    key_order::KeyWord,
    segment::{SegmentReader, SortedSegment},
};
use std::cmp::Ordering;

/// Hands out the records of several segments in key order; of equal keys, those of the earlier segment first.
pub(super) struct Merge {
    readers: Vec<SegmentReader>,
    /// The word of each reader's current key; [`KeyWord::END`] when it has no more.
    words: Vec<KeyWord>,
    /// `losers[0]` is the overall winner, `losers[node]` the loser of the match at the node. Node `n`'s children are the
    /// nodes `2n` and `2n + 1`; reader `i` is the leaf `readers.len() + i`.
    losers: Vec<u32>,
}

impl Merge {
    pub fn new(segments: impl IntoIterator<Item = SortedSegment>) -> Result<Merge, ShuffleError> {
        let mut readers = Vec::new();
        let mut words = Vec::new();
        for segment in segments {
            let mut reader = SegmentReader::new(segment);
            if reader.advance()? {
                words.push(KeyWord::of(reader.key()));
                readers.push(reader);
            }
        }
        let mut merge = Merge { losers: vec![0; readers.len()], readers, words };
        merge.play_all();
        Ok(merge)
    }

    fn play_all(&mut self) {
        let leaves = self.readers.len();
        let mut winners = vec![0u32; 2 * leaves];
        for leaf in 0..leaves {
            winners[leaves + leaf] = leaf as u32;
        }
        for node in (1..leaves).rev() {
            let (left, right) = (winners[2 * node], winners[2 * node + 1]);
            (winners[node], self.losers[node]) =
                if self.beats(left, right) { (left, right) } else { (right, left) };
        }
        if leaves > 0 {
            // With one leaf, node 1 is the leaf itself.
            self.losers[0] = winners[1];
        }
    }

    #[inline]
    fn beats(&self, left: u32, right: u32) -> bool {
        let (left_reader, right_reader) = (&self.readers[left as usize], &self.readers[right as usize]);
        let order = KeyWord::compare(self.words[left as usize], self.words[right as usize], || {
            (left_reader.key(), right_reader.key())
        });
        match order {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => left < right,
        }
    }

    /// The record with the lowest key that was not advanced over.
    #[inline]
    pub fn head(&self) -> Option<(&[u8], &[u8])> {
        let winner = *self.losers.first()? as usize;
        let reader = &self.readers[winner];
        (self.words[winner] != KeyWord::END).then(|| (reader.key(), reader.value()))
    }

    /// Moves past the head.
    #[inline]
    pub fn advance(&mut self) -> Result<(), ShuffleError> {
        let Some(&first) = self.losers.first() else { return Ok(()) };
        let mut winner = first;
        let index = winner as usize;
        if self.words[index] == KeyWord::END {
            return Ok(());
        }
        let reader = &mut self.readers[index];
        self.words[index] = if reader.advance()? { KeyWord::of(reader.key()) } else { KeyWord::END };
        let mut node = (index + self.readers.len()) / 2;
        while node > 0 {
            let loser = self.losers[node];
            if self.beats(loser, winner) {
                self.losers[node] = winner;
                winner = loser;
            }
            node /= 2;
        }
        self.losers[0] = winner;
        Ok(())
    }
}
