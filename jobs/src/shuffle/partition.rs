//! Which partition a key belongs to. Every producer of a stage must answer alike, whatever its release: the hash below is part
//! of the format.

use super::ShuffleError;
use crate::limits::PARTITIONS_MAX;

/// Chooses a partition by key and number of partitions.
pub type CustomPartition = Box<dyn Fn(&[u8], u32) -> u32 + Send>;

pub enum Partition {
    /// By [`stable_hash`].
    Hash,
    /// Sorted upper bounds, each the first key that is not below it: partition `i` holds the keys from bound `i - 1` (included) to
    /// bound `i` (not included), the one after the last bound the rest.
    Range(Vec<Vec<u8>>),
    Custom(CustomPartition),
}

/// A [`Partition`] made ready for its number of partitions.
pub(super) struct Partitioner {
    partitions: u32,
    choice: Choice,
}

enum Choice {
    Single,
    Hash,
    Range(RangeTable),
    Custom(CustomPartition),
}

impl Partitioner {
    pub fn new(partition: Partition, partitions: u32) -> Result<Partitioner, ShuffleError> {
        if partitions == 0 || partitions > PARTITIONS_MAX {
            return Err(ShuffleError::PartitionCount { partitions, limit: PARTITIONS_MAX });
        }
        let choice = match partition {
            Partition::Hash if partitions == 1 => Choice::Single,
            Partition::Hash => Choice::Hash,
            Partition::Range(bounds) => {
                if bounds.len() >= partitions as usize || !bounds.is_sorted() {
                    return Err(ShuffleError::BadBounds { bounds: bounds.len(), partitions });
                }
                Choice::Range(RangeTable::new(bounds))
            }
            Partition::Custom(choose) => Choice::Custom(choose),
        };
        Ok(Partitioner { partitions, choice })
    }

    #[inline]
    pub fn of(&self, key: &[u8]) -> Result<u32, ShuffleError> {
        match &self.choice {
            Choice::Single => Ok(0),
            Choice::Hash => Ok(scale(stable_hash(key), self.partitions)),
            Choice::Range(table) => Ok(table.of(key)),
            Choice::Custom(choose) => self.checked(choose(key, self.partitions)),
        }
    }

    #[inline]
    pub fn checked(&self, chosen: u32) -> Result<u32, ShuffleError> {
        match chosen < self.partitions {
            true => Ok(chosen),
            false => Err(ShuffleError::NoSuchPartition { chosen, partitions: self.partitions }),
        }
    }
}

/// Bounds with their first eight bytes beside them: the search touches a bound itself only where those are equal.
struct RangeTable {
    prefixes: Vec<u64>,
    bounds: Vec<Vec<u8>>,
}

impl RangeTable {
    fn new(bounds: Vec<Vec<u8>>) -> RangeTable {
        RangeTable { prefixes: bounds.iter().map(|bound| prefix(bound)).collect(), bounds }
    }

    #[inline]
    fn of(&self, key: &[u8]) -> u32 {
        let own = prefix(key);
        let mut index = self.prefixes.partition_point(|&bound| bound < own);
        while index < self.prefixes.len()
            && self.prefixes[index] == own
            && self.bounds[index].as_slice() <= key
        {
            index += 1;
        }
        index as u32
    }
}

/// The first eight bytes as a number, a shorter key filled up with zeros.
#[inline]
fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut bytes = [0; 8];
            bytes[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(bytes)
        }
    }
}

/// Maps a hash evenly to `0..partitions` by its upper bits (Lemire, "Fast random integer generation in an interval").
#[inline]
fn scale(hash: u64, partitions: u32) -> u32 {
    ((u128::from(hash) * u128::from(partitions)) >> 64) as u32
}

/// A hash of bytes that never changes: the 128-bit product of two 64-bit words, its halves xor-ed, as in wyhash.
///
/// ```text
/// fold(a, b) = low64(a * b) ^ high64(a * b)
/// h = S0 ^ len * S1;   h = fold(h ^ word, S2) + S3   for each 8 bytes, little-endian, the last word filled up with zeros
/// hash = fold(h ^ S1, S3)
/// ```
#[inline]
pub fn stable_hash(key: &[u8]) -> u64 {
    const S0: u64 = 0xa076_1d64_78bd_642f;
    const S1: u64 = 0xe703_7ed1_a0b4_28db;
    const S2: u64 = 0x8ebc_6af0_9c88_c6e3;
    const S3: u64 = 0x5899_65cc_7537_4cc3;
    let mut hash = S0 ^ (key.len() as u64).wrapping_mul(S1);
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word), S2).wrapping_add(S3);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = fold(hash ^ u64::from_le_bytes(word), S2).wrapping_add(S3);
    }
    fold(hash ^ S1, S3)
}

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_the_one_of_every_release() {
        assert_eq!(GOLDEN.map(|(key, _)| stable_hash(key.as_bytes())), GOLDEN.map(|(_, hash)| hash));
    }

    const GOLDEN: [(&str, u64); 5] = [
        ("", 0x98d7_1b98_22d1_9482),
        ("a", 0x451b_49a7_471a_0e07),
        ("skep", 0xb36f_2fcf_68ce_b40b),
        ("12345678", 0x2e54_24cf_7a4d_c1f2),
        ("the quick brown fox jumps over the lazy dog", 0xa5b4_6796_3781_33ad),
    ];

    #[test]
    fn the_hash_spreads_keys_that_differ_little() {
        let mut counts = [0u32; 16];
        for number in 0u32..16_000 {
            let partitioner = Partitioner::new(Partition::Hash, 16).unwrap();
            counts[partitioner.of(format!("user-{number}").as_bytes()).unwrap() as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn a_range_partition_counts_the_bounds_up_to_the_key(
            mut bounds in prop::collection::vec(prop::collection::vec(0u8..3, 0..11), 0..20),
            key in prop::collection::vec(0u8..3, 0..11),
        ) {
            bounds.sort();
            let expected = bounds.iter().filter(|bound| **bound <= key).count();
            let partitioner = Partitioner::new(Partition::Range(bounds.clone()), bounds.len() as u32 + 1).unwrap();
            prop_assert_eq!(partitioner.of(&key).unwrap() as usize, expected);
        }

        #[test]
        fn a_hash_partition_is_in_range(key: Vec<u8>, partitions in 1u32..1000) {
            prop_assert!(Partitioner::new(Partition::Hash, partitions).unwrap().of(&key).unwrap() < partitions);
        }
    }

    #[test]
    fn a_custom_partition_out_of_range_is_an_error() {
        let partitioner =
            Partitioner::new(Partition::Custom(Box::new(|_, partitions| partitions)), 3).unwrap();
        assert!(matches!(
            partitioner.of(b"x"),
            Err(ShuffleError::NoSuchPartition { chosen: 3, partitions: 3 })
        ));
    }

    #[test]
    fn unsorted_or_too_many_bounds_and_no_partitions_are_errors() {
        let bounds =
            |keys: &[&str]| Partition::Range(keys.iter().map(|key| key.as_bytes().to_vec()).collect());
        assert!(matches!(Partitioner::new(bounds(&["b", "a"]), 3), Err(ShuffleError::BadBounds { .. })));
        assert!(matches!(Partitioner::new(bounds(&["a", "b"]), 2), Err(ShuffleError::BadBounds { .. })));
        assert!(matches!(Partitioner::new(Partition::Hash, 0), Err(ShuffleError::PartitionCount { .. })));
    }
}
