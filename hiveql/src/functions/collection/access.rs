//! What lies in a collection: elements, values by key, fields, keys, and how many there are.

use super::{comparable::Comparable, gather::Gather};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int32Array, ListArray, UInt32Array},
        compute::take,
        datatypes::{DataType, Field, Int32Type},
    },
    common::ScalarValue,
};
use std::sync::Arc;

/// The name under which access to a field travels.
const STRUCT_FIELD: &str = "struct_field";

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "index",
        aliases: &[],
        usage: "_FUNC_(a, n) - Returns the n-th element of a ",
        extended: "",
        resolve: index,
    },
    ScalarFunction {
        name: STRUCT_FIELD,
        aliases: &[],
        usage: "_FUNC_(s, name) - Returns the field of a struct, or of every struct of an array",
        extended: "",
        resolve: struct_field,
    },
    ScalarFunction {
        name: "size",
        aliases: &[],
        usage: "_FUNC_(a) - Returns the size of a",
        extended: "",
        resolve: size,
    },
    ScalarFunction {
        name: "map_keys",
        aliases: &[],
        usage: "_FUNC_(map) - Returns an unordered array containing the keys of the input map.",
        extended: "",
        resolve: map_keys,
    },
    ScalarFunction {
        name: "map_values",
        aliases: &[],
        usage: "_FUNC_(map) - Returns an unordered array containing the values of the input map.",
        extended: "",
        resolve: map_values,
    },
];

/// The field of a struct, or the array of the fields of an array's structs. It takes the container alone.
pub fn field(container: &HiveType, name: &str) -> Result<Scalar, FunctionError> {
    let args = [
        Arg { ty: container.clone(), constant: None },
        Arg { ty: HiveType::String, constant: Some(ScalarValue::Utf8(Some(name.to_owned()))) },
    ];
    let (path, returns) = found(container, name)
        .ok_or_else(|| wrong_type(STRUCT_FIELD, &args, 0, &format!("a struct with a field {name}")))?;
    Ok(scalar(STRUCT_FIELD, &args, vec![container.clone()], returns, move |columns, _| {
        Ok(projected(&columns[0], path))
    }))
}

fn struct_field(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    field(&args[0].ty, &constant_text(name, args, 1)?)
}

/// The place of the field in its struct, and the type of the access.
fn found(container: &HiveType, name: &str) -> Option<(usize, HiveType)> {
    match container {
        HiveType::Struct(fields) => {
            let place = fields.iter().position(|field| field.name.eq_ignore_ascii_case(name))?;
            Some((place, fields[place].ty.clone()))
        }
        HiveType::Array(element) => {
            let (place, ty) = found(element, name)?;
            Some((place, HiveType::array(ty)))
        }
        _ => None,
    }
}

fn projected(container: &ArrayRef, place: usize) -> ArrayRef {
    if let Some(list) = container.as_list_opt::<i32>() {
        let values = projected(list.values(), place);
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        return Arc::new(ListArray::new(field, list.offsets().clone(), values, list.nulls().cloned()));
    }
    let structs = container.as_struct();
    let column = structs.column(place);
    // Where the struct is NULL, so is its field.
    match (structs.nulls(), column.data_type()) {
        (None, _) | (_, DataType::Null) => column.clone(),
        (Some(nulls), _) => {
            let indices = UInt32Array::new((0..column.len() as u32).collect(), Some(nulls.clone()));
            take(column, &indices, None).unwrap_or_else(|_| column.clone())
        }
    }
}

/// `container[index]`: NULL where there is nothing.
fn index(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    match &args[0].ty {
        HiveType::Array(element) => {
            let is_index = args[1].ty.is_integer() && args[1].ty != HiveType::BigInt;
            if !is_index && args[1].ty != HiveType::Void {
                return Err(wrong_type(name, args, 1, "int"));
            }
            let takes = vec![args[0].ty.clone(), HiveType::Int];
            Ok(scalar(name, args, takes, element.as_ref().clone(), |columns, _| {
                let (lists, wanted) = (columns[0].as_list::<i32>(), columns[1].as_primitive::<Int32Type>());
                let places = wanted.iter().enumerate().map(|(row, wanted)| {
                    let wanted = wanted.filter(|wanted| {
                        lists.is_valid(row) && (0..lists.value_length(row)).contains(wanted)
                    })?;
                    u32::try_from(lists.value_offsets()[row] + wanted).ok()
                });
                Ok(take(lists.values(), &places.collect::<UInt32Array>(), None)?)
            }))
        }
        HiveType::Map(key, value) => {
            let takes = vec![args[0].ty.clone(), key.as_ref().clone()];
            let comparable = Comparable::new(key);
            Ok(scalar(name, args, takes, value.as_ref().clone(), move |columns, rows| {
                let maps = columns[0].as_map();
                let (keys, wanted) = comparable.pair(maps.keys(), &columns[1])?;
                let places = (0..rows).map(|row| {
                    let bounds = maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
                    let is_known = maps.is_valid(row) && columns[1].is_valid(row);
                    let place =
                        bounds.filter(|_| is_known).find(|place| keys.row(*place) == wanted.row(row))?;
                    u32::try_from(place).ok()
                });
                Ok(take(maps.values(), &places.collect::<UInt32Array>(), None)?)
            }))
        }
        _ => Err(wrong_type(name, args, 0, "array or map")),
    }
}

/// -1 for NULL.
fn size(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = vec![args[0].ty.clone()];
    match args[0].ty {
        HiveType::Array(_) => Ok(scalar(name, args, takes, HiveType::Int, |columns, _| {
            let lists = columns[0].as_list::<i32>();
            let sizes = lists.offsets().lengths().enumerate();
            let sizes = sizes.map(|(row, size)| if lists.is_null(row) { -1 } else { size as i32 });
            Ok(Arc::new(Int32Array::from_iter_values(sizes)))
        })),
        HiveType::Map(..) => Ok(scalar(name, args, takes, HiveType::Int, |columns, _| {
            let maps = columns[0].as_map();
            let sizes = maps.offsets().lengths().enumerate();
            let sizes = sizes.map(|(row, size)| if maps.is_null(row) { -1 } else { size as i32 });
            Ok(Arc::new(Int32Array::from_iter_values(sizes)))
        })),
        _ => Err(wrong_type(name, args, 0, "array or map")),
    }
}

fn map_keys(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    half_of_map(name, args, 0)
}

fn map_values(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    half_of_map(name, args, 1)
}

/// The keys or the values; none of a map that is NULL.
fn half_of_map(name: &str, args: &[Arg], half: usize) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let HiveType::Map(key, value) = &args[0].ty else { return Err(wrong_type(name, args, 0, "map")) };
    let element = if half == 0 { key.as_ref().clone() } else { value.as_ref().clone() };
    let arrow = element.arrow();
    Ok(scalar(name, args, vec![args[0].ty.clone()], HiveType::array(element), move |columns, rows| {
        let maps = columns[0].as_map();
        let values = maps.entries().column(half);
        if maps.null_count() == 0 {
            let item = Arc::new(Field::new("item", arrow.clone(), true));
            return Ok(Arc::new(ListArray::try_new(item, maps.offsets().clone(), values.clone(), None)?));
        }
        let mut lists = Gather::with_capacity(rows);
        for row in 0..rows {
            if maps.is_valid(row) {
                let bounds = maps.value_offsets()[row]..maps.value_offsets()[row + 1];
                bounds.for_each(|place| lists.push(0, place as usize));
            }
            lists.end()?;
        }
        lists.finish(&[values.as_ref()], &arrow)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_an_array_of_structs_is_an_array() {
        let container =
            HiveType::array(HiveType::structure([("Name", HiveType::String), ("age", HiveType::Int)]));
        assert_eq!(field(&container, "name").unwrap().returns, HiveType::array(HiveType::String));
        assert_eq!(field(&container, "AGE").unwrap().returns, HiveType::array(HiveType::Int));
        assert!(field(&container, "salary").is_err());
    }
}
