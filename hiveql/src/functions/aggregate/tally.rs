//! Aggregates that keep a few plain numbers per group.

use super::body::Body;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, BooleanArray},
        buffer::NullBuffer,
        datatypes::DataType,
    },
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, EmitTo, GroupsAccumulator},
};
use std::{fmt, mem::size_of, sync::Arc};

/// What one group has gathered.
pub(super) trait Tally: fmt::Debug + Clone + Default + Send + Sync + 'static {
    /// The arguments of one batch.
    type Input;

    /// Whether a row that was added can be taken out again.
    const REMOVES: bool = false;

    fn read(columns: &[ArrayRef]) -> Result<Self::Input>;
    fn add(&mut self, input: &Self::Input, row: usize);
    /// Takes out a row; called only where `REMOVES` holds.
    fn remove(&mut self, _input: &Self::Input, _row: usize) {}
    fn merge(&mut self, other: &Self);

    fn state() -> Vec<(&'static str, DataType)>;
    fn write(tallies: &[Self]) -> Vec<ArrayRef>;
    fn load(columns: &[ArrayRef]) -> Result<Vec<Self>>;
}

/// What the numbers of each group come to.
pub(super) type Finish<T> = Arc<dyn Fn(&[T]) -> Result<ArrayRef> + Send + Sync>;

pub(super) struct TallyBody<T> {
    finish: Finish<T>,
}

impl<T: Tally> TallyBody<T> {
    pub(super) fn new(finish: impl Fn(&[T]) -> Result<ArrayRef> + Send + Sync + 'static) -> TallyBody<T> {
        TallyBody { finish: Arc::new(finish) }
    }

    pub(super) fn finish(&self) -> Finish<T> {
        Arc::clone(&self.finish)
    }
}

impl<T: Tally> fmt::Debug for TallyBody<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TallyBody<{}>", std::any::type_name::<T>())
    }
}

impl<T: Tally> Body for TallyBody<T> {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        T::state()
    }

    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneTally { tally: T::default(), finish: self.finish() }))
    }

    fn has_groups(&self) -> bool {
        true
    }

    fn groups(&self) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Tallies { tallies: Vec::<T>::new(), finish: self.finish() }))
    }

    fn sliding(&self) -> Result<Option<Box<dyn Accumulator>>> {
        if T::REMOVES { self.accumulator().map(Some) } else { Ok(None) }
    }
}

/// The rows in which no argument is NULL; `None` for all.
pub(super) fn complete_rows(columns: &[ArrayRef]) -> Option<NullBuffer> {
    columns
        .iter()
        .fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref()))
}

fn chosen_rows(columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let chosen = filter.map(|filter| {
        let wanted = match filter.nulls() {
            Some(nulls) => filter.values() & nulls.inner(),
            None => filter.values().clone(),
        };
        NullBuffer::new(wanted)
    });
    NullBuffer::union(complete_rows(columns).as_ref(), chosen.as_ref())
}

fn rows_of(columns: &[ArrayRef]) -> usize {
    columns.first().map_or(0, |column| column.len())
}

/// Calls `visit` with each row that counts.
fn each_row(rows: usize, nulls: Option<&NullBuffer>, mut visit: impl FnMut(usize)) {
    match nulls {
        Some(nulls) if nulls.null_count() > 0 => nulls.valid_indices().for_each(visit),
        _ => (0..rows).for_each(&mut visit),
    }
}

#[derive(Clone)]
struct OneTally<T> {
    tally: T,
    finish: Finish<T>,
}

impl<T: Tally> fmt::Debug for OneTally<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tally.fmt(out)
    }
}

impl<T: Tally> Accumulator for OneTally<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let input = T::read(values)?;
        each_row(rows_of(values), complete_rows(values).as_ref(), |row| self.tally.add(&input, row));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let input = T::read(values)?;
        each_row(rows_of(values), complete_rows(values).as_ref(), |row| self.tally.remove(&input, row));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        T::REMOVES
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&(self.finish)(std::slice::from_ref(&self.tally))?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        T::write(std::slice::from_ref(&self.tally))
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for other in T::load(states)? {
            self.tally.merge(&other);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

struct Tallies<T> {
    tallies: Vec<T>,
    finish: Finish<T>,
}

impl<T: Tally> GroupsAccumulator for Tallies<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.tallies.resize(groups, T::default());
        let input = T::read(values)?;
        let tallies = &mut self.tallies;
        each_row(group_indices.len(), chosen_rows(values, filter).as_ref(), |row| {
            tallies[group_indices[row]].add(&input, row);
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        (self.finish)(&emit_to.take_needed(&mut self.tallies))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(T::write(&emit_to.take_needed(&mut self.tallies)))
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.tallies.resize(groups, T::default());
        for (other, &group) in T::load(values)?.iter().zip(group_indices) {
            self.tallies[group].merge(other);
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let input = T::read(values)?;
        let rows = rows_of(values);
        let mut tallies = vec![T::default(); rows];
        each_row(rows, chosen_rows(values, filter).as_ref(), |row| tallies[row].add(&input, row));
        Ok(T::write(&tallies))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.tallies.capacity() * size_of::<T>()
    }
}
