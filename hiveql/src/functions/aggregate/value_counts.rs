//! Exact percentiles: how often each value came, and what lies at a position among them.

use super::{
    body::Body,
    lists::{list, list_type, lists, numbers},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, Int64Array},
        datatypes::{DataType, Float64Type, Int64Type},
    },
    common::{HashMap, Result, ScalarValue, exec_err},
    logical_expr::Accumulator,
};
use std::{cmp::Ordering, mem::size_of, sync::Arc};

/// How the values are held in the arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measure {
    Long,
    Double,
}

/// What lies between two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Between {
    /// A value in proportion.
    Interpolated,
    /// The higher one.
    Next,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Percentiles {
    pub(super) measure: Measure,
    pub(super) between: Between,
    pub(super) ascending: bool,
    /// Whether an array of percentiles was asked for.
    pub(super) several: bool,
}

impl Body for Percentiles {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        vec![
            ("values", list_type(DataType::Int64)),
            ("counts", list_type(DataType::Int64)),
            ("percentiles", list_type(DataType::Float64)),
        ]
    }

    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ValueCounts { body: *self, counts: HashMap::new(), percentiles: None }))
    }

    fn sliding(&self) -> Result<Option<Box<dyn Accumulator>>> {
        self.accumulator().map(Some)
    }
}

/// A double is held by its bits, so that NaN is one value and 0.0 another than -0.0, as in a `HashMap` of Java's.
#[derive(Debug)]
struct ValueCounts {
    body: Percentiles,
    counts: HashMap<i64, i64>,
    /// As the first row gave them.
    percentiles: Option<Vec<f64>>,
}

impl ValueCounts {
    fn keys(&self, values: &ArrayRef) -> Int64Array {
        match self.body.measure {
            Measure::Long => values.as_primitive::<Int64Type>().clone(),
            Measure::Double => values.as_primitive::<Float64Type>().unary(key_of),
        }
    }

    fn number(&self, key: i64) -> f64 {
        match self.body.measure {
            Measure::Long => key as f64,
            Measure::Double => f64::from_bits(key as u64),
        }
    }

    fn compare(&self, left: i64, right: i64) -> Ordering {
        match self.body.measure {
            Measure::Long => left.cmp(&right),
            Measure::Double => self.number(left).total_cmp(&self.number(right)),
        }
    }

    fn read_percentiles(&mut self, column: &ArrayRef) -> Result<()> {
        if self.percentiles.is_some() || column.is_empty() {
            return Ok(());
        }
        let percentiles: Vec<f64> = if self.body.several {
            numbers::<Float64Type>(column.as_list::<i32>(), 0).iter().flatten().collect()
        } else {
            column.as_primitive::<Float64Type>().slice(0, 1).iter().flatten().collect()
        };
        if percentiles.iter().any(|percentile| !(0.0..=1.0).contains(percentile)) {
            return exec_err!("a percentile must be between 0 and 1, not {percentiles:?}");
        }
        self.percentiles = Some(percentiles);
        Ok(())
    }

    fn sorted(&self) -> Vec<(i64, i64)> {
        let mut entries: Vec<_> = self.counts.iter().map(|(&key, &count)| (key, count)).collect();
        entries.sort_unstable_by(|left, right| {
            let order = self.compare(left.0, right.0);
            if self.body.ascending { order } else { order.reverse() }
        });
        let mut total = 0;
        for (_, count) in &mut entries {
            total += *count;
            *count = total;
        }
        entries
    }

    /// `entries` come with the counts up to each.
    fn at(&self, entries: &[(i64, i64)], position: f64) -> f64 {
        let (lower, higher) = (position.floor(), position.ceil());
        let index = entries.partition_point(|&(_, upto)| upto < lower as i64 + 1);
        let Some(&(key, upto)) = entries.get(index) else { return f64::NAN };
        let low = self.number(key);
        if higher == lower || upto > higher as i64 {
            return low;
        }
        let high = entries.get(index + 1).map_or(low, |&(key, _)| self.number(key));
        match self.body.between {
            Between::Next => high,
            Between::Interpolated => (higher - position) * low + (position - lower) * high,
        }
    }

    fn answers(&self) -> Option<Vec<f64>> {
        let percentiles = self.percentiles.as_ref()?;
        if self.counts.is_empty() {
            return None;
        }
        let entries = self.sorted();
        let last = entries.last().map_or(0, |&(_, total)| total - 1);
        Some(percentiles.iter().map(|percentile| self.at(&entries, last as f64 * percentile)).collect())
    }
}

/// Java makes all NaNs alike.
fn key_of(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN } else { value };
    value.to_bits() as i64
}

impl Accumulator for ValueCounts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.read_percentiles(&values[1])?;
        for key in self.keys(&values[0]).iter().flatten() {
            *self.counts.entry(key).or_insert(0) += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for key in self.keys(&values[0]).iter().flatten() {
            let count = self.counts.entry(key).or_insert(0);
            *count -= 1;
            if *count <= 0 {
                self.counts.remove(&key);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let answers = self.answers();
        if !self.body.several {
            return Ok(ScalarValue::Float64(answers.and_then(|answers| answers.first().copied())));
        }
        match answers {
            Some(answers) => Ok(list(Arc::new(Float64Array::from(answers)))),
            None => ScalarValue::try_from(list_type(DataType::Float64)),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (keys, counts): (Vec<i64>, Vec<i64>) = self.counts.iter().unzip();
        let percentiles = match &self.percentiles {
            Some(percentiles) => list(Arc::new(Float64Array::from(percentiles.clone()))),
            None => ScalarValue::try_from(list_type(DataType::Float64))?,
        };
        Ok(vec![
            list(Arc::new(Int64Array::from(keys))),
            list(Arc::new(Int64Array::from(counts))),
            percentiles,
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (keys, counts, percentiles) = (lists(states, 0)?, lists(states, 1)?, lists(states, 2)?);
        for row in 0..keys.len() {
            if self.percentiles.is_none() && percentiles.is_valid(row) {
                self.percentiles = Some(numbers::<Float64Type>(percentiles, row).values().to_vec());
            }
            let (keys, counts) = (numbers::<Int64Type>(keys, row), numbers::<Int64Type>(counts, row));
            for (&key, &count) in keys.values().iter().zip(counts.values()) {
                *self.counts.entry(key).or_insert(0) += count;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * (size_of::<(i64, i64)>() + 1)
    }
}
