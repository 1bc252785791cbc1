//! The elements of arrays and maps, one row each: `explode`, `posexplode`, `inline`.

use super::{rows_of, table};
use crate::{
    functions::{
        Arg, FunctionError, SessionFacts, Table, TableFunction,
        collection::gather::Gather,
        resolve::{count, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int32Array, ListArray},
        buffer::OffsetBuffer,
        compute::nullif,
        datatypes::DataType,
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[TableFunction] = &[
    TableFunction {
        name: "explode",
        aliases: &[],
        usage: "_FUNC_(a) - separates the elements of array a into multiple rows, or the elements of a map into multiple rows and columns ",
        extended: "",
        resolve: explode,
    },
    TableFunction {
        name: "posexplode",
        aliases: &[],
        usage: "_FUNC_(a) - behaves like explode for arrays, but includes the position of items in the original array",
        extended: "",
        resolve: posexplode,
    },
    TableFunction {
        name: "inline",
        aliases: &[],
        usage: "_FUNC_( ARRAY( STRUCT()[,STRUCT()] - explodes and array and struct into a table",
        extended: "",
        resolve: inline,
    },
];

/// The list without elements that belong to no row, as slices and NULL lists may have them.
fn compact(list: &ListArray) -> ExecutionResult<ListArray> {
    let first = list.value_offsets().first().copied().unwrap_or(0);
    let last = list.value_offsets().last().copied().unwrap_or(0);
    if first == 0 && last as usize == list.values().len() {
        return Ok(list.clone());
    }
    let mut gather = Gather::with_capacity(list.len());
    for row in 0..list.len() {
        if list.is_null(row) {
            gather.end_null()?;
            continue;
        }
        let bounds = list.value_offsets()[row]..list.value_offsets()[row + 1];
        bounds.for_each(|place| gather.push(0, place as usize));
        gather.end()?;
    }
    let compact = gather.finish(&[list.values().as_ref()], list.values().data_type())?;
    Ok(compact.as_list::<i32>().clone())
}

fn explode(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = vec![args[0].ty.clone()];
    match &args[0].ty {
        HiveType::Array(element) => {
            let names = vec![("col".to_owned(), element.as_ref().clone())];
            let columns = names.clone();
            Ok(table(name, args, takes, names, move |arrays, _| {
                let list = compact(arrays[0].as_list::<i32>())?;
                rows_of(&columns, vec![list.values().clone()], list.offsets().clone(), list.nulls().cloned())
            }))
        }
        HiveType::Map(key, value) => {
            let names =
                vec![("key".to_owned(), key.as_ref().clone()), ("value".to_owned(), value.as_ref().clone())];
            let columns = names.clone();
            Ok(table(name, args, takes, names, move |arrays, _| {
                let map = arrays[0].as_map();
                let parts = vec![map.keys().clone(), map.values().clone()];
                rows_of(&columns, parts, map.offsets().clone(), map.nulls().cloned())
            }))
        }
        _ => Err(wrong_type(name, args, 0, "array or map")),
    }
}

fn posexplode(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 1..=1)?;
    let HiveType::Array(element) = &args[0].ty else { return Err(wrong_type(name, args, 0, "array")) };
    let names = vec![("pos".to_owned(), HiveType::Int), ("val".to_owned(), element.as_ref().clone())];
    let columns = names.clone();
    Ok(table(name, args, vec![args[0].ty.clone()], names, move |arrays, _| {
        let list = compact(arrays[0].as_list::<i32>())?;
        let positions = list.offsets().lengths().flat_map(|length| 0..length as i32);
        let positions: ArrayRef = Arc::new(Int32Array::from_iter_values(positions));
        rows_of(
            &columns,
            vec![positions, list.values().clone()],
            list.offsets().clone(),
            list.nulls().cloned(),
        )
    }))
}

fn inline(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 1..=1)?;
    let HiveType::Array(element) = &args[0].ty else {
        return Err(wrong_type(name, args, 0, "array of structs"));
    };
    let HiveType::Struct(fields) = element.as_ref() else {
        return Err(wrong_type(name, args, 0, "array of structs"));
    };
    let names: Vec<_> = fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
    let columns = names.clone();
    Ok(table(name, args, vec![args[0].ty.clone()], names, move |arrays, _| {
        let list = compact(arrays[0].as_list::<i32>())?;
        let structs = list.values().as_struct();
        let absent =
            structs.nulls().map(|nulls| datafusion::arrow::array::BooleanArray::new(!nulls.inner(), None));
        // A struct that is NULL makes a row of NULLs.
        let parts = structs.columns().iter().map(|column| match &absent {
            Some(absent) if *column.data_type() != DataType::Null => Ok(nullif(column, absent)?),
            _ => Ok(column.clone()),
        });
        let parts = parts.collect::<ExecutionResult<Vec<_>>>()?;
        let offsets: OffsetBuffer<i32> = list.offsets().clone();
        rows_of(&columns, parts, offsets, list.nulls().cloned())
    }))
}
