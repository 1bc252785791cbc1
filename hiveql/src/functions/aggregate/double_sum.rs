//! The sum of doubles, added in the order of the rows, and how many there were.

use super::{
    body::Body,
    double_input::doubles,
    tally::{Finish, Tally, TallyBody},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, Int64Array},
        datatypes::{DataType, Float64Type, Int64Type},
    },
    common::{Result, ScalarValue, internal_err},
    logical_expr::{Accumulator, GroupsAccumulator},
};
use std::{collections::VecDeque, fmt, mem::size_of, sync::Arc};

#[derive(Debug, Clone, Default)]
pub(super) struct DoubleSum {
    pub(super) count: i64,
    pub(super) sum: f64,
}

impl DoubleSum {
    fn add_value(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }
}

impl Tally for DoubleSum {
    type Input = Float64Array;

    fn read(columns: &[ArrayRef]) -> Result<Float64Array> {
        doubles(&columns[0])
    }

    fn add(&mut self, input: &Float64Array, row: usize) {
        self.add_value(input.value(row));
    }

    fn merge(&mut self, other: &DoubleSum) {
        self.count += other.count;
        self.sum += other.sum;
    }

    fn state() -> Vec<(&'static str, DataType)> {
        vec![("count", DataType::Int64), ("sum", DataType::Float64)]
    }

    fn write(tallies: &[DoubleSum]) -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| tally.count))),
            Arc::new(Float64Array::from_iter_values(tallies.iter().map(|tally| tally.sum))),
        ]
    }

    fn load(columns: &[ArrayRef]) -> Result<Vec<DoubleSum>> {
        let counts = columns[0].as_primitive::<Int64Type>().values();
        let sums = columns[1].as_primitive::<Float64Type>().values();
        Ok(counts.iter().zip(sums).map(|(&count, &sum)| DoubleSum { count, sum }).collect())
    }
}

/// sum and avg of doubles.
pub(super) struct DoubleSumBody {
    tallies: TallyBody<DoubleSum>,
}

impl DoubleSumBody {
    pub(super) fn new(finish: fn(&DoubleSum) -> f64) -> DoubleSumBody {
        let tallies = TallyBody::new(move |tallies: &[DoubleSum]| {
            let values = tallies.iter().map(|tally| (tally.count > 0).then(|| finish(tally)));
            Ok(Arc::new(values.collect::<Float64Array>()) as ArrayRef)
        });
        DoubleSumBody { tallies }
    }
}

impl fmt::Debug for DoubleSumBody {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tallies.fmt(out)
    }
}

impl Body for DoubleSumBody {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        self.tallies.state()
    }

    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.tallies.accumulator()
    }

    fn has_groups(&self) -> bool {
        true
    }

    fn groups(&self) -> Result<Box<dyn GroupsAccumulator>> {
        self.tallies.groups()
    }

    fn sliding(&self) -> Result<Option<Box<dyn Accumulator>>> {
        Ok(Some(Box::new(Frame { finish: self.tallies.finish(), ..Frame::default() })))
    }
}

/// A window whose start moves. As in Hive, the sum of what left is subtracted and the sum of what came is added,
/// unless the frame is so small that adding all of it costs no more.
struct Frame {
    values: VecDeque<Option<f64>>,
    answered: DoubleSum,
    came: DoubleSum,
    left: DoubleSum,
    /// Rows that came and left since the last answer.
    moved: usize,
    finish: Finish<DoubleSum>,
}

impl Default for Frame {
    fn default() -> Frame {
        Frame {
            values: VecDeque::new(),
            answered: DoubleSum::default(),
            came: DoubleSum::default(),
            left: DoubleSum::default(),
            moved: 0,
            finish: Arc::new(|_| internal_err!("a frame without a finish")),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(out)
    }
}

impl Frame {
    fn settle(&mut self) {
        let count = self.answered.count - self.left.count + self.came.count;
        let sum = if self.values.len() <= self.moved || count == 0 {
            self.values.iter().flatten().fold(0.0, |sum, value| sum + value)
        } else {
            self.answered.sum - self.left.sum + self.came.sum
        };
        self.answered = DoubleSum { count, sum };
        self.came = DoubleSum::default();
        self.left = DoubleSum::default();
        self.moved = 0;
    }
}

impl Accumulator for Frame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let input = DoubleSum::read(values)?;
        self.moved += input.len();
        for value in &input {
            self.values.push_back(value);
            if let Some(value) = value {
                self.came.add_value(value);
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        self.moved += rows;
        for value in self.values.drain(..rows.min(self.values.len())).flatten() {
            self.left.add_value(value);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.settle();
        ScalarValue::try_from_array(&(self.finish)(std::slice::from_ref(&self.answered))?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window has no partial results")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        internal_err!("a window has no partial results")
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<Option<f64>>()
    }
}
