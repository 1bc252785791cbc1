//! Values of any type as bytes that compare as the values do: equal where those are, less where those are.
//!
//! NULL is less than all else, and equal to itself. The order of a map's entries does not count.

use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array},
        compute::take,
        datatypes::{DataType, Float32Type, Float64Type},
        row::{RowConverter, Rows, SortField},
    },
    common::Result,
};
use std::sync::Arc;

/// Compares columns of one type.
#[derive(Debug, Clone)]
pub(crate) struct Comparable {
    ty: DataType,
}

impl Comparable {
    pub(crate) fn new(ty: &HiveType) -> Comparable {
        Comparable { ty: ty.arrow() }
    }

    pub(crate) fn one(&self, column: &ArrayRef) -> Result<Rows> {
        let converter = RowConverter::new(vec![SortField::new(self.ty.clone())])?;
        Ok(converter.convert_columns(&[canonical(column)?])?)
    }

    pub(crate) fn pair(&self, left: &ArrayRef, right: &ArrayRef) -> Result<(Rows, Rows)> {
        Ok((self.one(left)?, self.one(right)?))
    }

    pub(crate) fn all(&self, columns: &[ArrayRef]) -> Result<Vec<Rows>> {
        columns.iter().map(|column| self.one(column)).collect()
    }
}

/// The same values, written the same way wherever they are equal.
fn canonical(column: &ArrayRef) -> Result<ArrayRef> {
    Ok(match column.data_type() {
        DataType::Float32 => {
            Arc::new(column.as_primitive::<Float32Type>().unary::<_, Float32Type>(|value| value + 0.0))
        }
        DataType::Float64 => {
            Arc::new(column.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| value + 0.0))
        }
        DataType::List(field) => {
            let list = column.as_list::<i32>();
            let values = canonical(list.values())?;
            Arc::new(ListArray::new(field.clone(), list.offsets().clone(), values, list.nulls().cloned()))
        }
        DataType::Struct(fields) => {
            let structs = column.as_struct();
            let columns = structs.columns().iter().map(canonical).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                structs.nulls().cloned(),
                structs.len(),
            )?)
        }
        DataType::Map(..) => Arc::new(sorted_by_key(column.as_map())?),
        _ => column.clone(),
    })
}

fn sorted_by_key(map: &MapArray) -> Result<MapArray> {
    let keys = canonical(map.keys())?;
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(&keys))?;
    let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
    for bounds in map.value_offsets().windows(2) {
        let entries = &mut order[bounds[0] as usize..bounds[1] as usize];
        entries.sort_by(|left, right| rows.row(*left as usize).cmp(&rows.row(*right as usize)));
    }
    let order = UInt32Array::from(order);
    let fields = map.entries().fields().clone();
    let columns = vec![take(&keys, &order, None)?, take(&canonical(map.values())?, &order, None)?];
    let entries = StructArray::try_new(fields, columns, None)?;
    let DataType::Map(field, ordered) = map.data_type() else { return Ok(map.clone()) };
    Ok(MapArray::try_new(field.clone(), map.offsets().clone(), entries, map.nulls().cloned(), *ordered)?)
}
