//! Partial results that travel as lists of numbers.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray},
        datatypes::{ArrowPrimitiveType, DataType, Field},
    },
    common::{DataFusionError, Result, ScalarValue, utils::SingleRowListArrayBuilder},
};
use std::sync::Arc;

pub(super) fn list_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// One list, of what `values` holds.
pub(super) fn list(values: ArrayRef) -> ScalarValue {
    SingleRowListArrayBuilder::new(values).with_field_name(Some("item".to_owned())).build_list_scalar()
}

pub(super) fn lists(states: &[ArrayRef], index: usize) -> Result<&ListArray> {
    states
        .get(index)
        .and_then(|column| column.as_list_opt::<i32>())
        .ok_or_else(|| DataFusionError::Internal(format!("column {index} of a state is not a list")))
}

/// The numbers of the list in `row`; none of NULL.
pub(super) fn numbers<T: ArrowPrimitiveType>(lists: &ListArray, row: usize) -> PrimitiveArray<T> {
    if lists.is_null(row) {
        return PrimitiveArray::new_null(0);
    }
    lists.value(row).as_primitive::<T>().clone()
}
