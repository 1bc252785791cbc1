//! The sum of whole numbers and how many there were. It wraps as Java's does.

use super::tally::Tally;
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int64Array},
        compute::cast,
        datatypes::{DataType, Int64Type},
    },
    common::Result,
};
use std::sync::Arc;

#[derive(Debug, Clone, Default)]
pub(super) struct LongSum {
    pub(super) count: i64,
    pub(super) sum: i64,
}

impl Tally for LongSum {
    type Input = Int64Array;
    const REMOVES: bool = true;

    fn read(columns: &[ArrayRef]) -> Result<Int64Array> {
        Ok(cast(&columns[0], &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    fn add(&mut self, input: &Int64Array, row: usize) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(input.value(row));
    }

    fn remove(&mut self, input: &Int64Array, row: usize) {
        self.count -= 1;
        self.sum = self.sum.wrapping_sub(input.value(row));
    }

    fn merge(&mut self, other: &LongSum) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    fn state() -> Vec<(&'static str, DataType)> {
        vec![("count", DataType::Int64), ("sum", DataType::Int64)]
    }

    fn write(tallies: &[LongSum]) -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| tally.count))),
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| tally.sum))),
        ]
    }

    fn load(columns: &[ArrayRef]) -> Result<Vec<LongSum>> {
        let counts = columns[0].as_primitive::<Int64Type>().values();
        let sums = columns[1].as_primitive::<Int64Type>().values();
        Ok(counts.iter().zip(sums).map(|(&count, &sum)| LongSum { count, sum }).collect())
    }
}
