//! DISTINCT for the aggregates of ours: each combination of arguments counts once.

use super::{body::Body, tally::complete_rows};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, BooleanArray, StructArray},
        compute::filter,
        datatypes::{DataType, Field, Fields, Schema},
    },
    common::{DataFusionError, Result, ScalarValue, utils::SingleRowListArrayBuilder},
    logical_expr::{Accumulator, EmitTo},
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

/// Rows with a NULL are left out, as every aggregate of Hive ignores them.
pub(super) struct Distinct {
    body: Arc<dyn Body>,
    fields: Fields,
    /// Behind a lock only because accumulators must be `Sync`.
    rows: Mutex<Box<dyn GroupValues>>,
    /// How often each row is in the frame; only a sliding window takes rows out.
    copies: Vec<u64>,
    indices: Vec<usize>,
}

impl Distinct {
    pub(super) fn try_new(body: Arc<dyn Body>, types: Vec<DataType>) -> Result<Distinct> {
        let fields = columns_of(&types);
        let rows = Mutex::new(no_rows(&fields)?);
        Ok(Distinct { body, fields, rows, copies: Vec::new(), indices: Vec::new() })
    }

    pub(super) fn state_type(types: &[DataType]) -> DataType {
        DataType::List(Arc::new(Field::new("item", DataType::Struct(columns_of(types)), true)))
    }

    fn intern(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let columns = without_nulls(columns)?;
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        rows.intern(&columns, &mut self.indices)?;
        self.copies.resize(rows.len(), 0);
        Ok(())
    }

    /// The rows that are in the frame, in the order in which they first came.
    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            return Ok(self.fields.iter().map(|field| empty(field.data_type())).collect());
        }
        let all = rows.emit(EmitTo::All)?;
        // What was emitted is gone, and more rows may come.
        *rows = no_rows(&self.fields)?;
        rows.intern(&all, &mut self.indices)?;
        if self.copies.iter().all(|&copies| copies > 0) {
            return Ok(all);
        }
        let present: BooleanArray = self.copies.iter().map(|&copies| Some(copies > 0)).collect();
        all.iter().map(|column| Ok(filter(column, &present)?)).collect()
    }
}

fn columns_of(types: &[DataType]) -> Fields {
    types.iter().enumerate().map(|(index, ty)| Field::new(format!("_{index}"), ty.clone(), true)).collect()
}

fn no_rows(fields: &Fields) -> Result<Box<dyn GroupValues>> {
    new_group_values(Arc::new(Schema::new(fields.clone())), &GroupOrdering::None)
}

fn empty(ty: &DataType) -> ArrayRef {
    datafusion::arrow::array::new_empty_array(ty)
}

fn without_nulls(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    match complete_rows(columns) {
        Some(nulls) if nulls.null_count() > 0 => {
            let complete = BooleanArray::new(nulls.into_inner(), None);
            columns.iter().map(|column| Ok(filter(column, &complete)?)).collect()
        }
        _ => Ok(columns.to_vec()),
    }
}

impl fmt::Debug for Distinct {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Distinct").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.intern(values)?;
        for &index in &self.indices {
            self.copies[index] += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.intern(values)?;
        for &index in &self.indices {
            self.copies[index] = self.copies[index].saturating_sub(1);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut accumulator = self.body.accumulator()?;
        accumulator.update_batch(&self.columns()?)?;
        accumulator.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.columns()?;
        let rows = StructArray::try_new(self.fields.clone(), columns, None)?;
        Ok(vec![
            SingleRowListArrayBuilder::new(Arc::new(rows))
                .with_field(&item(&self.fields))
                .build_list_scalar(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states
            .first()
            .and_then(|column| column.as_list_opt::<i32>())
            .ok_or_else(|| DataFusionError::Internal("a state of DISTINCT is a list".into()))?;
        for rows in lists.iter().flatten() {
            self.update_batch(rows.as_struct().columns())?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).size();
        size_of::<Self>()
            + rows
            + self.copies.capacity() * size_of::<u64>()
            + self.indices.capacity() * size_of::<usize>()
    }
}

fn item(fields: &Fields) -> Field {
    Field::new("item", DataType::Struct(fields.clone()), true)
}
