//! Where the partitions of a total order begin. A sampling stage reads a little of the input and hands its keys to
//! every task of the stage that partitions, which all compute the same bounds from them.

use crate::{
    limits::SAMPLE_KEYS_PER_TASK,
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// The last operator of a sampling stage.
pub trait SampleKeys: Send + Sync {
    /// `scale`: of how many bytes of input the task stands for, how many it reads.
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, scale: Scale) -> BoxConsumer<'a>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    pub read_bytes: u64,
    pub of_bytes: u64,
}

/// What one sampling task found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Records that the keys stand for, about.
    pub records: u64,
    /// Evenly chosen, in whole key form.
    pub keys: Vec<Vec<u8>>,
}

pub struct KeySampler<K, V>(PhantomData<fn(K, V)>);

impl<K, V> KeySampler<K, V> {
    #[expect(clippy::new_without_default, reason = "nothing makes one but the plan")]
    pub fn new() -> Self {
        KeySampler(PhantomData)
    }
}

impl<K: Key, V: Record> SampleKeys for KeySampler<K, V> {
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, scale: Scale) -> BoxConsumer<'a> {
        Box::new(Sampling::<K> {
            sample: Sample::default(),
            scale,
            // The same seed for each attempt: a repeated one gives the same bounds.
            random: SmallRng::seed_from_u64(u64::from(scope.context.attempt.part.0)),
            scratch: Vec::new(),
            key: PhantomData,
        })
    }
}

struct Sampling<K> {
    sample: Sample,
    scale: Scale,
    random: SmallRng,
    scratch: Vec<u8>,
    key: PhantomData<K>,
}

impl<K: Key> Consumer for Sampling<K> {
    /// Reservoir sampling: after `n` records each of them is in the reservoir with the same probability.
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            self.sample.records += 1;
            let place = if self.sample.keys.len() < SAMPLE_KEYS_PER_TASK {
                self.sample.keys.len()
            } else {
                self.random.random_range(0..self.sample.records) as usize
            };
            if place < SAMPLE_KEYS_PER_TASK {
                let mut rest = record;
                let key = K::read_key(&mut rest, &mut self.scratch)?;
                match self.sample.keys.get_mut(place) {
                    Some(kept) => key.clone_into(kept),
                    None => self.sample.keys.push(key.to_vec()),
                }
            }
        }
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<StageEnd, TaskFault> {
        let Scale { read_bytes, of_bytes } = self.scale;
        let scaled =
            u128::from(self.sample.records) * u128::from(of_bytes.max(1)) / u128::from(read_bytes.max(1));
        self.sample.records = u64::try_from(scaled).unwrap_or(u64::MAX);
        Ok(StageEnd { result: skep_wire::codec::encode(&self.sample), ..StageEnd::default() })
    }
}

/// The first key of each partition but the first: at most `partitions - 1`, in order, each once.
pub fn bounds(samples: &[Sample], partitions: u32) -> Vec<Vec<u8>> {
    // Each key stands for as many records as its task had, divided by the keys that the task kept.
    let mut weighed: Vec<(&[u8], u128)> = Vec::new();
    for sample in samples {
        let weight = (u128::from(sample.records) << 20) / (sample.keys.len().max(1) as u128);
        weighed.extend(sample.keys.iter().map(|key| (&key[..], weight.max(1))));
    }
    weighed.sort_unstable();
    let total: u128 = weighed.iter().map(|(_, weight)| weight).sum();
    let mut bounds: Vec<Vec<u8>> = Vec::new();
    let mut before = 0u128;
    for (key, weight) in weighed {
        // This key begins the next partition if the records before it fill all partitions so far.
        let filled = before * u128::from(partitions) >= total * (bounds.len() as u128 + 1);
        if filled
            && bounds.len() + 1 < partitions as usize
            && bounds.last().is_none_or(|last| last[..] < *key)
        {
            bounds.push(key.to_vec());
        }
        before += weight;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_are_ordered_distinct_and_fewer_than_the_partitions(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..200),
            partitions in 1u32..20,
        ) {
            let sample = Sample { records: keys.len() as u64 * 7, keys };
            let bounds = bounds(&[sample], partitions);
            prop_assert!(bounds.len() < partitions as usize);
            prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn bounds_cut_evenly_and_weigh_the_samples() {
        let keys = |range: std::ops::Range<u8>| range.map(|key| vec![key]).collect::<Vec<_>>();
        let sample = Sample { records: 1_000, keys: keys(0..100) };
        assert_eq!(bounds(std::slice::from_ref(&sample), 4), [[25], [50], [75]]);
        // The second sample has as many keys, but they stand for three times the records.
        let heavy = Sample { records: 3_000, keys: keys(100..200) };
        assert_eq!(bounds(&[sample, heavy], 4), [[100], [134], [167]]);
    }
}
