//! What is gathered of pairs of numbers: means, sums of squared differences, and of their products.
//!
//! One pass and mergeable, after Philippe Pébay, "Formulas for Robust, One-Pass Parallel Computation of Covariances and
//! Arbitrary-Order Statistical Moments" (Sandia 2008), which Hive follows as well.

use super::{double_input::doubles, tally::Tally};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Float64Array, Int64Array},
        datatypes::{DataType, Float64Type, Int64Type},
    },
    common::Result,
};
use std::sync::Arc;

/// Of pairs. `FIRST` is the position of the argument that counts as the first of a pair: the functions of Hive differ in
/// which mean they bring up to date before they multiply, and so in last digits.
#[derive(Debug, Clone, Default)]
pub(super) struct Moments<const FIRST: usize> {
    pub(super) count: i64,
    pub(super) first_mean: f64,
    pub(super) second_mean: f64,
    /// Sum of the squared differences from the mean.
    pub(super) first_spread: f64,
    pub(super) second_spread: f64,
    /// Sum of the products of both differences.
    pub(super) joint_spread: f64,
}

const NUMBERS: [&str; 5] = ["first_mean", "second_mean", "first_spread", "second_spread", "joint_spread"];

impl<const FIRST: usize> Moments<FIRST> {
    fn numbers(&self) -> [f64; 5] {
        [self.first_mean, self.second_mean, self.first_spread, self.second_spread, self.joint_spread]
    }
}

impl<const FIRST: usize> Tally for Moments<FIRST> {
    type Input = (Float64Array, Float64Array);

    fn read(columns: &[ArrayRef]) -> Result<Self::Input> {
        Ok((doubles(&columns[FIRST])?, doubles(&columns[1 - FIRST])?))
    }

    fn add(&mut self, (first, second): &Self::Input, row: usize) {
        let (first, second) = (first.value(row), second.value(row));
        let from_first = first - self.first_mean;
        let from_second = second - self.second_mean;
        self.count += 1;
        self.first_mean += from_first / self.count as f64;
        self.second_mean += from_second / self.count as f64;
        if self.count > 1 {
            self.joint_spread += from_second * (first - self.first_mean);
            self.first_spread += from_first * (first - self.first_mean);
            self.second_spread += from_second * (second - self.second_mean);
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let first = self.first_mean - other.first_mean;
        let second = self.second_mean - other.second_mean;
        self.count += other.count;
        let all = self.count as f64;
        self.first_mean = (self.first_mean * own + other.first_mean * others) / all;
        self.second_mean = (self.second_mean * own + other.second_mean * others) / all;
        self.first_spread += other.first_spread + first * first * own * others / all;
        self.second_spread += other.second_spread + second * second * own * others / all;
        self.joint_spread += other.joint_spread + first * second * (own * others / all);
    }

    fn state() -> Vec<(&'static str, DataType)> {
        let numbers = NUMBERS.iter().map(|&name| (name, DataType::Float64));
        std::iter::once(("count", DataType::Int64)).chain(numbers).collect()
    }

    fn write(tallies: &[Self]) -> Vec<ArrayRef> {
        let counts = Int64Array::from_iter_values(tallies.iter().map(|tally| tally.count));
        let number = |index: usize| {
            let values = tallies.iter().map(|tally| tally.numbers()[index]);
            Arc::new(Float64Array::from_iter_values(values)) as ArrayRef
        };
        std::iter::once(Arc::new(counts) as ArrayRef).chain((0..NUMBERS.len()).map(number)).collect()
    }

    fn load(columns: &[ArrayRef]) -> Result<Vec<Self>> {
        let counts = columns[0].as_primitive::<Int64Type>().values();
        let number = |index: usize, row: usize| columns[index].as_primitive::<Float64Type>().value(row);
        let tallies = counts.iter().enumerate().map(|(row, &count)| Moments {
            count,
            first_mean: number(1, row),
            second_mean: number(2, row),
            first_spread: number(3, row),
            second_spread: number(4, row),
            joint_spread: number(5, row),
        });
        Ok(tallies.collect())
    }
}
