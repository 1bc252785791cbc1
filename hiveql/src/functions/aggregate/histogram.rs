//! A histogram of a bounded number of bins whose places follow the data.
//!
//! After Yael Ben-Haim and Elad Tom-Tov, "A Streaming Parallel Decision Tree Algorithm", JMLR 11 (2010), pp. 849-872.
//! Where two pairs of bins are equally near, Hive draws lots with a generator of a fixed seed; so does this.

use super::java_random::JavaRandom;
use std::mem::size_of;

const SEED: u64 = 31_183;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bin {
    pub(super) center: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Histogram {
    capacity: usize,
    /// By ascending center.
    bins: Vec<Bin>,
    lots: JavaRandom,
}

impl Histogram {
    pub(super) fn new(capacity: usize) -> Histogram {
        Histogram { capacity, bins: Vec::new(), lots: JavaRandom::new(SEED) }
    }

    pub(super) fn bins(&self) -> &[Bin] {
        &self.bins
    }

    pub(super) fn add(&mut self, value: f64) {
        let place = self.place(value);
        match self.bins.get_mut(place) {
            Some(bin) if bin.center == value => bin.height += 1.0,
            _ => {
                self.bins.insert(place, Bin { center: value, height: 1.0 });
                self.trim();
            }
        }
    }

    /// Where `value` has its bin or would get one. NaN, which is neither above nor below, lands where the search stops.
    fn place(&self, value: f64) -> usize {
        let (mut low, mut high, mut place) = (0, self.bins.len(), 0);
        while low < high {
            place = (low + high) / 2;
            let center = self.bins[place].center;
            if center > value {
                high = place;
            } else if center < value {
                place += 1;
                low = place;
            } else {
                break;
            }
        }
        place
    }

    /// Bins of the same center become one before any others. Hive leaves them beside each other while there is room; but
    /// it merges no more than one partial result per mapper, and here there may be many where Hive has one.
    pub(super) fn merge(&mut self, others: impl Iterator<Item = Bin>) {
        if self.bins.is_empty() {
            self.bins.extend(others);
            return;
        }
        self.bins.extend(others);
        self.bins.sort_by(|left, right| left.center.total_cmp(&right.center));
        self.bins.dedup_by(|next, bin| {
            let alike = next.center == bin.center;
            if alike {
                bin.height += next.height;
            }
            alike
        });
        self.trim();
    }

    fn trim(&mut self) {
        while self.bins.len() > self.capacity.max(1) {
            let index = self.nearest_pair();
            let next = self.bins.remove(index + 1);
            let bin = &mut self.bins[index];
            let height = bin.height + next.height;
            bin.center *= bin.height / height;
            bin.center += next.center / height * next.height;
            bin.height = height;
        }
    }

    fn nearest_pair(&mut self) -> usize {
        let (mut nearest, mut index, mut alike) = (f64::NAN, 0, 1u32);
        for (at, pair) in self.bins.windows(2).enumerate() {
            let distance = pair[1].center - pair[0].center;
            if at == 0 || distance < nearest {
                (nearest, index, alike) = (distance, at, 1);
            } else if distance == nearest {
                alike += 1;
                if self.lots.next_double() <= 1.0 / f64::from(alike) {
                    index = at;
                }
            }
        }
        index
    }

    /// The value below which about the part `quantile` of all values lies; `None` of no values.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let total: f64 = self.bins.iter().map(|bin| bin.height).sum();
        let mut below = 0.0;
        for (index, bin) in self.bins.iter().enumerate() {
            if (below + bin.height) / total >= quantile {
                let Some(previous) = index.checked_sub(1).map(|index| self.bins[index]) else {
                    return Some(bin.center);
                };
                // Hive takes the height off its running sum again, and so loses what rounding took.
                let below = (below + bin.height) - bin.height;
                let width = bin.center - previous.center;
                return Some(previous.center + (quantile * total - below) * width / bin.height);
            }
            below += bin.height;
        }
        (!self.bins.is_empty()).then_some(-1.0)
    }

    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.bins.capacity() * size_of::<Bin>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_kept_exactly() {
        let mut histogram = Histogram::new(4);
        for value in [3.0, 1.0, 2.0, 1.0] {
            histogram.add(value);
        }
        let bins: Vec<_> = histogram.bins().iter().map(|bin| (bin.center, bin.height)).collect();
        assert_eq!(bins, [(1.0, 2.0), (2.0, 1.0), (3.0, 1.0)]);
        assert_eq!(histogram.quantile(0.5), Some(1.0));
        assert_eq!(histogram.quantile(0.75), Some(2.0));
    }

    #[test]
    fn the_nearest_bins_become_one() {
        let mut histogram = Histogram::new(2);
        for value in [1.0, 2.0, 10.0] {
            histogram.add(value);
        }
        assert_eq!(histogram.bins(), [Bin { center: 1.5, height: 2.0 }, Bin { center: 10.0, height: 1.0 }]);
    }

    #[test]
    fn no_values_have_no_quantile() {
        assert_eq!(Histogram::new(10).quantile(0.5), None);
    }
}
