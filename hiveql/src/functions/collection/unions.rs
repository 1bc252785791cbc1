//! `extract_union`: unions as structs, or one alternative of a union.

use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_integer, count, scalar, wrong_type, wrong_value},
    },
    types::{HiveType, StructField},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array},
        compute::take,
        datatypes::{DataType, Int8Type},
    },
    common::{DataFusionError, Result as QueryResult},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "extract_union",
    aliases: &[],
    usage: "_FUNC_(union[, tag]) - Recursively explodes unions into structs or simply extracts the given tag.",
    extended: "  > SELECT _FUNC_({0:\"foo\"}).tag_0 FROM src;\n  foo\n  > SELECT _FUNC_({0:\"foo\"}).tag_1 FROM src;\n  null\n  > SELECT _FUNC_({0:\"foo\"}, 0) FROM src;\n  foo\n  > SELECT _FUNC_({0:\"foo\"}, 1) FROM src;\n  null",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    let ty = args[0].ty.clone();
    if args.len() == 1 {
        if !has_union(&ty) {
            return Err(wrong_type(name, args, 0, "a type containing a union"));
        }
        let returns = as_structs(&ty);
        let arrow = returns.arrow();
        return Ok(scalar(name, args, vec![ty.clone()], returns, move |columns, _| {
            converted(&columns[0], &ty, &arrow)
        }));
    }
    let HiveType::Union(alternatives) = &ty else { return Err(wrong_type(name, args, 0, "a union")) };
    let tag = constant_integer(args, 1).ok_or_else(|| FunctionError::NotConstant {
        function: name.to_owned(),
        position: 2,
        expected: "int".into(),
    })?;
    let place = usize::try_from(tag).ok().filter(|place| *place < alternatives.len()).ok_or_else(|| {
        let last = alternatives.len().saturating_sub(1);
        wrong_value(
            name,
            1,
            format!("int constant must be a valid union tag for {ty}. Expected 0-{last} got: {tag}"),
        )
    })?;
    let returns = alternatives[place].clone();
    Ok(scalar(name, args, vec![ty, HiveType::Int], returns, move |columns, _| {
        alternative(&columns[0], place)
    }))
}

fn has_union(ty: &HiveType) -> bool {
    match ty {
        HiveType::Union(_) => true,
        HiveType::Array(element) => has_union(element),
        HiveType::Map(key, value) => has_union(key) || has_union(value),
        HiveType::Struct(fields) => fields.iter().any(|field| has_union(&field.ty)),
        _ => false,
    }
}

fn as_structs(ty: &HiveType) -> HiveType {
    match ty {
        HiveType::Union(alternatives) => HiveType::structure(
            alternatives.iter().enumerate().map(|(tag, ty)| (format!("tag_{tag}"), as_structs(ty))),
        ),
        HiveType::Array(element) => HiveType::array(as_structs(element)),
        HiveType::Map(key, value) => HiveType::map(as_structs(key), as_structs(value)),
        HiveType::Struct(fields) => HiveType::Struct(
            fields
                .iter()
                .map(|field| StructField { name: field.name.clone(), ty: as_structs(&field.ty) })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// NULL where the union holds another one.
fn alternative(unions: &ArrayRef, place: usize) -> QueryResult<ArrayRef> {
    let unions = unions.as_struct();
    let tags = unions.column(0).as_primitive::<Int8Type>();
    let chosen = (0..unions.len()).map(|row| {
        let is_chosen =
            unions.is_valid(row) && tags.is_valid(row) && usize::try_from(tags.value(row)) == Ok(place);
        is_chosen.then_some(row as u32)
    });
    Ok(take(unions.column(place + 1), &chosen.collect::<UInt32Array>(), None)?)
}

/// `array` of the type `ty` with structs in the place of unions, which is `arrow`.
fn converted(array: &ArrayRef, ty: &HiveType, arrow: &DataType) -> QueryResult<ArrayRef> {
    let unexpected = || DataFusionError::Internal(format!("{ty} does not become {arrow}"));
    match (ty, arrow) {
        (ty, _) if !has_union(ty) => Ok(array.clone()),
        (HiveType::Union(alternatives), DataType::Struct(fields)) => {
            let columns = alternatives
                .iter()
                .zip(fields)
                .enumerate()
                .map(|(place, (ty, field))| converted(&alternative(array, place)?, ty, field.data_type()))
                .collect::<QueryResult<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
        }
        (HiveType::Struct(types), DataType::Struct(fields)) => {
            let columns = array
                .as_struct()
                .columns()
                .iter()
                .zip(types.iter().zip(fields))
                .map(|(column, (of, field))| converted(column, &of.ty, field.data_type()))
                .collect::<QueryResult<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
        }
        (HiveType::Array(element), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let values = converted(lists.values(), element, item.data_type())?;
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
        }
        (HiveType::Map(key, value), DataType::Map(entries, sorted)) => {
            let DataType::Struct(fields) = entries.data_type() else { return Err(unexpected()) };
            let maps = array.as_map();
            let columns = vec![
                converted(maps.keys(), key, fields[0].data_type())?,
                converted(maps.values(), value, fields[1].data_type())?,
            ];
            let pairs = StructArray::try_new(fields.clone(), columns, None)?;
            let (offsets, nulls) = (maps.offsets().clone(), maps.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?))
        }
        _ => Err(unexpected()),
    }
}
