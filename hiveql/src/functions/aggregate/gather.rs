//! Gathers the values of each group into a list, or into a list without repeats.

use super::body::Body;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt64Array, new_empty_array},
        buffer::{NullBuffer, OffsetBuffer},
        compute::{concat, take},
        datatypes::{DataType, Field, FieldRef, Schema},
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{Accumulator, EmitTo, GroupsAccumulator},
    physical_plan::aggregates::{
        group_values::{GroupValues, new_group_values},
        order::GroupOrdering,
    },
};
use std::{
    fmt,
    mem::size_of,
    sync::{Arc, Mutex, PoisonError},
};

/// collect_list, and with `unique` collect_set.
#[derive(Debug, Clone)]
pub(super) struct Gather {
    item: FieldRef,
    unique: bool,
}

impl Gather {
    pub(super) fn new(element: DataType, unique: bool) -> Gather {
        Gather { item: Arc::new(Field::new("item", element, true)), unique }
    }

    fn start(&self) -> Result<Gathering> {
        let seen = match self.unique {
            true => Some(pairs_seen(self.item.data_type())?),
            false => None,
        };
        let (batches, groups, indices) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Gathering { item: Arc::clone(&self.item), batches, groups, seen, indices, total: 0 })
    }
}

impl Body for Gather {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        vec![("values", DataType::List(Arc::clone(&self.item)))]
    }

    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneList { gather: self.clone(), gathering: Mutex::new(self.start()?) }))
    }

    fn has_groups(&self) -> bool {
        true
    }

    fn groups(&self) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.start()?))
    }

    /// An empty list: these functions are never NULL.
    fn empty(&self) -> Option<ScalarValue> {
        let values = new_empty_array(self.item.data_type());
        let offsets = OffsetBuffer::new_zeroed(1);
        let list = ListArray::try_new(Arc::clone(&self.item), offsets, values, None).ok()?;
        Some(ScalarValue::List(Arc::new(list)))
    }
}

fn pairs_seen(element: &DataType) -> Result<Box<dyn GroupValues>> {
    let fields =
        vec![Field::new("group", DataType::UInt64, false), Field::new("value", element.clone(), true)];
    new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)
}

/// The values that were kept, in the order in which they came, and the group of each.
struct Gathering {
    item: FieldRef,
    batches: Vec<ArrayRef>,
    groups: Vec<u64>,
    /// The pairs of group and value that are kept, where repeats are not.
    seen: Option<Box<dyn GroupValues>>,
    indices: Vec<usize>,
    total: usize,
}

impl Gathering {
    /// Takes in `values`, none of them NULL.
    fn keep(&mut self, values: ArrayRef, groups: Vec<u64>) -> Result<()> {
        let Some(seen) = &mut self.seen else {
            self.groups.extend(groups);
            self.batches.push(values);
            return Ok(());
        };
        let mut next = seen.len();
        let columns = [Arc::new(UInt64Array::from(groups.clone())) as ArrayRef, Arc::clone(&values)];
        seen.intern(&columns, &mut self.indices)?;
        // A pair that was not there before has the next number.
        let mut new = Vec::new();
        for (row, &index) in self.indices.iter().enumerate() {
            if index == next {
                next += 1;
                new.push(row as u64);
                self.groups.push(groups[row]);
            }
        }
        if !new.is_empty() {
            self.batches.push(take(&values, &UInt64Array::from(new), None)?);
        }
        Ok(())
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()> {
        let wanted = |row: usize| {
            values.is_valid(row) && filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        if filter.is_none() && values.logical_null_count() == 0 {
            return self.keep(Arc::clone(values), groups.iter().map(|&group| group as u64).collect());
        }
        let rows: Vec<u64> = (0..values.len()).filter(|&row| wanted(row)).map(|row| row as u64).collect();
        let groups = rows.iter().map(|&row| groups[row as usize] as u64).collect();
        self.keep(take(values, &UInt64Array::from(rows), None)?, groups)
    }

    /// The lists of the first `count` groups; the others move up.
    fn lists(&mut self, emit_to: EmitTo) -> Result<ListArray> {
        let count = match emit_to {
            EmitTo::All => self.total,
            EmitTo::First(count) => count,
        };
        let values = self.take_values()?;
        let groups = std::mem::take(&mut self.groups);
        let mut offsets = vec![0i32; count + 1];
        for &group in &groups {
            if let Some(length) = offsets.get_mut(group as usize + 1) {
                *length += 1;
            }
        }
        for index in 0..count {
            offsets[index + 1] += offsets[index];
        }
        let mut next: Vec<usize> = offsets.iter().map(|&offset| offset as usize).collect();
        let mut order = vec![0u64; next[count]];
        let (mut rest, mut rest_groups) = (Vec::new(), Vec::new());
        for (row, &group) in groups.iter().enumerate() {
            if (group as usize) < count {
                let place = &mut next[group as usize];
                order[*place] = row as u64;
                *place += 1;
            } else {
                rest.push(row as u64);
                rest_groups.push(group - count as u64);
            }
        }
        self.total -= count.min(self.total);
        if let Some(seen) = &mut self.seen {
            *seen = pairs_seen(self.item.data_type())?;
        }
        if !rest.is_empty() {
            self.keep(take(&values, &UInt64Array::from(rest), None)?, rest_groups)?;
        }
        let values = take(&values, &UInt64Array::from(order), None)?;
        let offsets = OffsetBuffer::new(offsets.into());
        Ok(ListArray::try_new(Arc::clone(&self.item), offsets, values, None)?)
    }

    fn take_values(&mut self) -> Result<ArrayRef> {
        let batches = std::mem::take(&mut self.batches);
        match batches.as_slice() {
            [] => Ok(new_empty_array(self.item.data_type())),
            [only] => Ok(Arc::clone(only)),
            several => {
                let several: Vec<&dyn Array> = several.iter().map(AsRef::as_ref).collect();
                Ok(concat(&several)?)
            }
        }
    }

    fn merge(&mut self, states: &[ArrayRef], group_indices: &[usize]) -> Result<()> {
        let lists = lists_of(states)?;
        for (row, &group) in group_indices.iter().enumerate() {
            if lists.is_valid(row) && lists.value_length(row) > 0 {
                let values = lists.value(row);
                let groups = vec![group; values.len()];
                self.add(&values, &groups, None)?;
            }
        }
        Ok(())
    }
}

fn lists_of(states: &[ArrayRef]) -> Result<&ListArray> {
    states
        .first()
        .and_then(|column| column.as_list_opt::<i32>())
        .ok_or_else(|| DataFusionError::Internal("gathered values travel as lists".into()))
}

impl GroupsAccumulator for Gathering {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.total = groups;
        self.add(&values[0], group_indices, filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(self.lists(emit_to)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.lists(emit_to)?)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.total = groups;
        self.merge(states, group_indices)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = &values[0];
        let kept = |row: usize| {
            values.is_valid(row) && filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let rows: Vec<bool> = (0..values.len()).map(kept).collect();
        let offsets = OffsetBuffer::from_lengths(rows.iter().map(|&kept| usize::from(kept)));
        let kept = BooleanArray::from(rows);
        let kept = datafusion::arrow::compute::filter(values, &kept)?;
        let nulls: Option<NullBuffer> = None;
        Ok(vec![Arc::new(ListArray::try_new(Arc::clone(&self.item), offsets, kept, nulls)?)])
    }

    fn size(&self) -> usize {
        let values: usize = self.batches.iter().map(|batch| batch.get_array_memory_size()).sum();
        size_of::<Self>()
            + values
            + self.groups.capacity() * size_of::<u64>()
            + self.indices.capacity() * size_of::<usize>()
            + self.seen.as_ref().map_or(0, |seen| seen.size())
    }
}

/// The list of one group. The lock is only there because accumulators must be `Sync`.
struct OneList {
    gather: Gather,
    gathering: Mutex<Gathering>,
}

impl fmt::Debug for OneList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gather.fmt(out)
    }
}

impl OneList {
    fn gathering(&mut self) -> &mut Gathering {
        self.gathering.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accumulator for OneList {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.gathering().add(&values[0], &groups, None)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let gathering = self.gathering();
        gathering.total = 1;
        let list = gathering.lists(EmitTo::All)?;
        // Giving the list away emptied it, and more rows may come.
        gathering.add(list.values(), &vec![0; list.values().len()], None)?;
        Ok(ScalarValue::List(Arc::new(list)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states.first().map_or(0, |column| column.len())];
        self.gathering().merge(states, &groups)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.gathering.lock().unwrap_or_else(PoisonError::into_inner).size()
    }
}
