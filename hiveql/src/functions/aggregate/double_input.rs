//! Arguments read as doubles.

use super::java_number::parse_double;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array},
        compute::cast,
        datatypes::{DataType, Float64Type},
    },
    common::Result,
};

/// A column as doubles. Text that is no number is 0, not NULL: Hive's sum and avg count such a row and add nothing.
pub(super) fn doubles(column: &ArrayRef) -> Result<Float64Array> {
    if let Some(text) = column.as_string_opt::<i32>() {
        return Ok(text.iter().map(|text| text.map(|text| parse_double(text).unwrap_or(0.0))).collect());
    }
    if column.data_type() == &DataType::Float64 {
        return Ok(column.as_primitive::<Float64Type>().clone());
    }
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}
