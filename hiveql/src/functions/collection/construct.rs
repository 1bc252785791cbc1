//! Arrays, maps, structs and unions made of values.

use super::{
    comparable::Comparable,
    gather::{Gather, gathered},
};
use crate::{
    cast::promotion::common_type_of,
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, scalar, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, MapArray, StructArray, new_null_array},
    buffer::{OffsetBuffer, ScalarBuffer},
    compute::{is_not_null, kernels::cmp::eq, nullif},
    datatypes::{DataType, Int32Type},
};
use std::{collections::HashMap, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "array",
        aliases: &[],
        usage: "_FUNC_(n0, n1...) - Creates an array with the given elements ",
        extended: "",
        resolve: array,
    },
    ScalarFunction {
        name: "map",
        aliases: &[],
        usage: "_FUNC_(key0, value0, key1, value1...) - Creates a map with the given key/value pairs ",
        extended: "",
        resolve: map,
    },
    ScalarFunction {
        name: "struct",
        aliases: &[],
        usage: "_FUNC_(col1, col2, col3, ...) - Creates a struct with the given field values",
        extended: "",
        resolve: structure,
    },
    ScalarFunction {
        name: "named_struct",
        aliases: &[],
        usage: "_FUNC_(name1, val1, name2, val2, ...) - Creates a struct with the given field names and values",
        extended: "",
        resolve: named_struct,
    },
    ScalarFunction {
        name: "create_union",
        aliases: &[],
        usage: "_FUNC_(tag, obj1, obj2, obj3, ...) - Creates a union with the object for given tag",
        extended: "Example:\n  > SELECT _FUNC_(1, 1, \"one\") FROM src LIMIT 1;\n  one",
        resolve: create_union,
    },
];

fn array(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let element = unified(name, args, 0, 1)?;
    let arrow = element.arrow();
    let takes = vec![element.clone(); args.len()];
    Ok(scalar(name, args, takes, HiveType::array(element), move |columns, rows| {
        let mut lists = Gather::with_capacity(rows);
        for row in 0..rows {
            (0..columns.len()).for_each(|column| lists.push(column, row));
            lists.end()?;
        }
        let sources: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
        lists.finish(&sources, &arrow)
    }))
}

/// The common type of every `step`th argument from `first`.
fn unified(name: &str, args: &[Arg], first: usize, step: usize) -> Result<HiveType, FunctionError> {
    let mut common = HiveType::Void;
    for (index, arg) in args.iter().enumerate().skip(first).step_by(step) {
        common = common_type_of([&common, &arg.ty])
            .ok_or_else(|| wrong_type(name, args, index, &common.to_string()))?;
    }
    Ok(common)
}

fn map(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    if !args.len().is_multiple_of(2) {
        return Err(FunctionError::Count {
            function: name.to_owned(),
            expected: "pairs of key and value".into(),
            found: args.len(),
        });
    }
    let (key, value) = (text_for_void(unified(name, args, 0, 2)?), text_for_void(unified(name, args, 1, 2)?));
    if !key.is_primitive() {
        return Err(wrong_type(name, args, 0, "primitive"));
    }
    let takes = [key.clone(), value.clone()].into_iter().cycle().take(args.len()).collect();
    let returns = HiveType::map(key.clone(), value);
    let arrow = returns.arrow();
    let comparable = Comparable::new(&key);
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let key_columns: Vec<ArrayRef> = columns.iter().step_by(2).cloned().collect();
        let keys = comparable.all(&key_columns)?;
        let mut entries = Entries::new(rows);
        let mut places = HashMap::new();
        for row in 0..rows {
            places.clear();
            for pair in 0..key_columns.len() {
                // An Arrow map has no room for the key NULL.
                if key_columns[pair].is_null(row) {
                    continue;
                }
                // A key keeps its place; its last value counts.
                match places.get(&keys[pair].row(row)) {
                    Some(place) => entries.values[*place] = (pair, row),
                    None => {
                        places.insert(keys[pair].row(row), entries.keys.len());
                        entries.keys.push((pair, row));
                        entries.values.push((pair, row));
                    }
                }
            }
            entries.offsets.push(entries.keys.len() as i32);
        }
        let value_columns: Vec<ArrayRef> = columns.iter().skip(1).step_by(2).cloned().collect();
        entries.finish(&key_columns, &value_columns, &arrow)
    }))
}

/// The type of a map's keys or values, of which nothing is known but NULL.
fn text_for_void(ty: HiveType) -> HiveType {
    if ty == HiveType::Void { HiveType::String } else { ty }
}

/// Where the entries of the maps come from.
struct Entries {
    keys: Vec<(usize, usize)>,
    values: Vec<(usize, usize)>,
    offsets: Vec<i32>,
}

impl Entries {
    fn new(rows: usize) -> Entries {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Entries { keys: Vec::new(), values: Vec::new(), offsets }
    }

    fn finish(
        self,
        keys: &[ArrayRef],
        values: &[ArrayRef],
        returns: &DataType,
    ) -> datafusion::common::Result<ArrayRef> {
        let DataType::Map(field, ordered) = returns else { return Ok(new_null_array(returns, 0)) };
        let DataType::Struct(fields) = field.data_type() else { return Ok(new_null_array(returns, 0)) };
        let sources = |columns: &[ArrayRef], indices: &[(usize, usize)], ty: &DataType| {
            let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
            gathered(&columns, indices, ty)
        };
        let columns = vec![
            sources(keys, &self.keys, fields[0].data_type())?,
            sources(values, &self.values, fields[1].data_type())?,
        ];
        let entries = StructArray::try_new(fields.clone(), columns, None)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, None, *ordered)?))
    }
}

fn structure(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    let fields = args.iter().enumerate().map(|(index, arg)| (format!("col{}", index + 1), arg.ty.clone()));
    let returns = HiveType::structure(fields);
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    Ok(of_columns(name, args, takes, returns, 0, 1))
}

fn named_struct(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    if !args.len().is_multiple_of(2) {
        return Err(FunctionError::Count {
            function: name.to_owned(),
            expected: "pairs of name and value".into(),
            found: args.len(),
        });
    }
    let mut fields = Vec::with_capacity(args.len() / 2);
    for index in (0..args.len()).step_by(2) {
        fields.push((constant_text(name, args, index)?.to_lowercase(), args[index + 1].ty.clone()));
    }
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    Ok(of_columns(name, args, takes, HiveType::structure(fields), 1, 2))
}

/// A struct of every `step`th argument from `first`.
fn of_columns(
    name: &str,
    args: &[Arg],
    takes: Vec<HiveType>,
    returns: HiveType,
    first: usize,
    step: usize,
) -> Scalar {
    let arrow = returns.arrow();
    scalar(name, args, takes, returns, move |columns, rows| {
        let DataType::Struct(fields) = &arrow else { return Ok(new_null_array(&arrow, rows)) };
        let columns: Vec<ArrayRef> = columns.iter().skip(first).step_by(step).cloned().collect();
        Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, rows)?))
    })
}

fn create_union(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=128)?;
    if !args[0].ty.is_integer() {
        return Err(wrong_type(name, args, 0, "int"));
    }
    if let Some(tag) = crate::functions::resolve::constant_integer(args, 0)
        && !(0..args.len() as i64 - 1).contains(&tag)
    {
        return Err(wrong_value(name, 0, format!("there is no alternative {tag}")));
    }
    let alternatives: Vec<HiveType> = args[1..].iter().map(|arg| arg.ty.clone()).collect();
    let mut takes = vec![HiveType::Int];
    takes.extend(alternatives.iter().cloned());
    let returns = HiveType::Union(alternatives);
    let arrow = returns.arrow();
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let DataType::Struct(fields) = &arrow else { return Ok(new_null_array(&arrow, rows)) };
        let tags = columns[0].as_primitive::<Int32Type>();
        let mut parts: Vec<ArrayRef> = vec![datafusion::arrow::compute::cast(&columns[0], &DataType::Int8)?];
        for (tag, column) in columns[1..].iter().enumerate() {
            // Only the alternative that the tag names has a value.
            let here = eq(tags, &datafusion::arrow::array::Int32Array::new_scalar(tag as i32))?;
            let elsewhere = datafusion::arrow::compute::not(&here)?;
            parts.push(match column.data_type() {
                DataType::Null => column.clone(),
                _ => nullif(column, &elsewhere)?,
            });
        }
        let nulls = is_not_null(tags)?.values().clone();
        Ok(Arc::new(StructArray::try_new(fields.clone(), parts, Some(nulls.into()))?))
    }))
}
