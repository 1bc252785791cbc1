//! Replacing the values of one key by fewer, while sorted records pass by: in a spill and again in a merge.

use super::error::{CombineFailure, ShuffleError};
use crate::limits::COMBINE_BATCH_BYTES;

/// An aggregation over encoded values. It may see any part of a key's values, in any order and what it made itself again,
/// and must come to the same result in the end.
pub trait CombineValues: Send {
    /// Appends to `combined` what stands for `values`: usually one value.
    fn combine(
        &mut self,
        key: &[u8],
        values: &ValueList,
        combined: &mut ValueList,
    ) -> Result<(), CombineFailure>;
}

/// Encoded values, one after the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ValueList {
    pub fn new() -> ValueList {
        ValueList::default()
    }

    pub fn push(&mut self, value: &[u8]) {
        self.push_with(|bytes| bytes.extend_from_slice(value));
    }

    /// Appends the value that `write` appends to the bytes.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.bytes[std::mem::replace(&mut start, end)..end])
    }

    /// Values without bytes cost memory too.
    fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<usize>()
    }
}

/// Where combined records go.
pub(super) trait SortedRecords {
    fn push(&mut self, partition: u32, key: &[u8], value: &[u8]) -> Result<(), ShuffleError>;
}

/// Gathers the values of the key that passes by, at most a batch of them at a time.
pub(super) struct GroupCombiner {
    combiner: Box<dyn CombineValues>,
    group: Option<u32>,
    key: Vec<u8>,
    values: ValueList,
    combined: ValueList,
}

impl GroupCombiner {
    pub fn new(combiner: Box<dyn CombineValues>) -> GroupCombiner {
        GroupCombiner {
            combiner,
            group: None,
            key: Vec::new(),
            values: ValueList::new(),
            combined: ValueList::new(),
        }
    }

    /// The next record in the order of partitions and keys.
    pub fn push(
        &mut self,
        partition: u32,
        key: &[u8],
        value: &[u8],
        out: &mut impl SortedRecords,
    ) -> Result<(), ShuffleError> {
        if self.group != Some(partition) || self.key != key {
            self.finish(out)?;
            self.group = Some(partition);
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        self.values.push(value);
        if self.values.memory_bytes() >= COMBINE_BATCH_BYTES {
            self.shrink(partition, out)?;
        }
        Ok(())
    }

    /// Combines a full batch. What does not get smaller goes out as it is, so that a group of any size fits.
    fn shrink(&mut self, partition: u32, out: &mut impl SortedRecords) -> Result<(), ShuffleError> {
        self.combine()?;
        if self.values.memory_bytes() > COMBINE_BATCH_BYTES / 2 {
            self.emit(partition, out)?;
        }
        Ok(())
    }

    fn combine(&mut self) -> Result<(), ShuffleError> {
        if self.values.len() > 1 {
            self.combined.clear();
            self.combiner
                .combine(&self.key, &self.values, &mut self.combined)
                .map_err(ShuffleError::Combine)?;
            std::mem::swap(&mut self.values, &mut self.combined);
        }
        Ok(())
    }

    fn emit(&mut self, partition: u32, out: &mut impl SortedRecords) -> Result<(), ShuffleError> {
        for value in self.values.iter() {
            out.push(partition, &self.key, value)?;
        }
        self.values.clear();
        Ok(())
    }

    /// Ends the last group.
    pub fn finish(&mut self, out: &mut impl SortedRecords) -> Result<(), ShuffleError> {
        if let Some(partition) = self.group.take() {
            self.combine()?;
            self.emit(partition, out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of numbers written as text.
    struct Sum;

    impl CombineValues for Sum {
        fn combine(
            &mut self,
            _key: &[u8],
            values: &ValueList,
            combined: &mut ValueList,
        ) -> Result<(), CombineFailure> {
            let mut sum = 0u64;
            for value in values.iter() {
                sum += std::str::from_utf8(value)?.parse::<u64>()?;
            }
            combined.push(sum.to_string().as_bytes());
            Ok(())
        }
    }

    /// Keeps everything: the values of one key never get fewer.
    struct Keep;

    impl CombineValues for Keep {
        fn combine(
            &mut self,
            _key: &[u8],
            values: &ValueList,
            combined: &mut ValueList,
        ) -> Result<(), CombineFailure> {
            values.iter().for_each(|value| combined.push(value));
            Ok(())
        }
    }

    #[derive(Default)]
    struct Pushed(Vec<(u32, Vec<u8>, Vec<u8>)>);

    impl SortedRecords for Pushed {
        fn push(&mut self, partition: u32, key: &[u8], value: &[u8]) -> Result<(), ShuffleError> {
            self.0.push((partition, key.to_vec(), value.to_vec()));
            Ok(())
        }
    }

    #[test]
    fn equal_keys_of_different_partitions_are_different_groups() {
        let (mut groups, mut pushed) = (GroupCombiner::new(Box::new(Sum)), Pushed::default());
        for (partition, key, value) in [(0, "a", "1"), (0, "a", "2"), (1, "a", "4"), (1, "b", "8")] {
            groups.push(partition, key.as_bytes(), value.as_bytes(), &mut pushed).unwrap();
        }
        groups.finish(&mut pushed).unwrap();
        let expected = [(0, "a", "3"), (1, "a", "4"), (1, "b", "8")]
            .map(|(partition, key, value)| (partition, key.as_bytes().to_vec(), value.as_bytes().to_vec()));
        assert_eq!(pushed.0, expected);
    }

    #[test]
    fn a_group_that_does_not_shrink_passes_in_bounded_memory() {
        let (mut groups, mut pushed) = (GroupCombiner::new(Box::new(Keep)), Pushed::default());
        for number in 0u32..50_000 {
            groups.push(0, b"hot", &number.to_be_bytes(), &mut pushed).unwrap();
            assert!(groups.values.memory_bytes() <= COMBINE_BATCH_BYTES);
        }
        groups.finish(&mut pushed).unwrap();
        assert!(
            pushed
                .0
                .iter()
                .map(|(_, _, value)| value.clone())
                .eq((0u32..50_000).map(|n| n.to_be_bytes().to_vec()))
        );
    }

    #[test]
    fn an_error_of_the_combiner_is_the_users() {
        let (mut groups, mut pushed) = (GroupCombiner::new(Box::new(Sum)), Pushed::default());
        groups.push(0, b"a", b"1", &mut pushed).unwrap();
        groups.push(0, b"a", b"not a number", &mut pushed).unwrap();
        assert!(groups.finish(&mut pushed).unwrap_err().is_users());
    }
}
