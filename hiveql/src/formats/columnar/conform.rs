//! Arrays as files have them to arrays of a Hive type: other widths, other units, other nesting, changed types.

use crate::{
    cast::cast_in_zone,
    formats::text::map_array,
    types::{HiveType, StructField},
};
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, Int8Array, ListArray, MapArray, StructArray, UnionArray, new_null_array,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Fields, TimeUnit},
    error::ArrowError,
};
use std::sync::Arc;

/// How fields of a file and a table find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matching {
    /// In any case.
    Name,
    Position,
}

const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: datafusion::arrow::util::display::FormatOptions::new() };

/// What cannot be had is NULL.
pub(super) fn conform(array: &ArrayRef, ty: &HiveType, matching: Matching) -> Result<ArrayRef, ArrowError> {
    let target = ty.arrow();
    if *array.data_type() == target && !matches!(ty, HiveType::Varchar(_) | HiveType::Char(_)) {
        return Ok(array.clone());
    }
    match (array.data_type(), ty) {
        (DataType::Dictionary(_, value), _) => {
            conform(&cast_with_options(array, value, &SAFE)?, ty, matching)
        }
        (DataType::LargeList(item) | DataType::FixedSizeList(item, _), HiveType::Array(_)) => {
            conform(&cast_with_options(array, &DataType::List(item.clone()), &SAFE)?, ty, matching)
        }
        (DataType::List(_), HiveType::Array(element)) => list(array.as_list::<i32>(), element, matching),
        (DataType::Map(..), HiveType::Map(key, value)) => map(array.as_map(), key, value, matching),
        (DataType::Struct(_), HiveType::Struct(fields)) => structure(array.as_struct(), fields, ty, matching),
        (DataType::Struct(_), HiveType::Union(types)) => {
            let tag = StructField { name: "tag".to_owned(), ty: HiveType::TinyInt };
            let alternative =
                |(index, ty): (usize, &HiveType)| StructField { name: format!("_{index}"), ty: ty.clone() };
            let fields: Vec<_> =
                std::iter::once(tag).chain(types.iter().enumerate().map(alternative)).collect();
            structure(array.as_struct(), &fields, ty, Matching::Position)
        }
        (DataType::Union(..), HiveType::Union(types)) => union(array, types, ty, matching),
        (from, _) if from.is_nested() || !ty.is_primitive() => Ok(new_null_array(&target, array.len())),
        _ => primitive(array, ty),
    }
}

fn list(array: &ListArray, element: &HiveType, matching: Matching) -> Result<ArrayRef, ArrowError> {
    let values = conform(array.values(), element, matching)?;
    let field = Arc::new(Field::new("item", element.arrow(), true));
    Ok(Arc::new(ListArray::try_new(field, array.offsets().clone(), values, array.nulls().cloned())?))
}

fn map(
    array: &MapArray,
    key: &HiveType,
    value: &HiveType,
    matching: Matching,
) -> Result<ArrayRef, ArrowError> {
    let keys = conform(array.keys(), key, matching)?;
    let values = conform(array.values(), value, matching)?;
    if keys.null_count() > 0 {
        return Err(ArrowError::CastError(format!("a key of a map cannot be read as {key}")));
    }
    let starts_at_zero = array.offsets().first() == Some(&0);
    if starts_at_zero && array.offsets().last().copied() == i32::try_from(keys.len()).ok() {
        let lengths = array.offsets().lengths().collect();
        return Ok(map_array(keys, values, lengths, array.nulls().cloned()));
    }
    let first = array.offsets().first().copied().unwrap_or_default() as usize;
    let length = array.offsets().last().copied().unwrap_or_default() as usize - first;
    let lengths = array.offsets().lengths().collect();
    Ok(map_array(keys.slice(first, length), values.slice(first, length), lengths, array.nulls().cloned()))
}

fn structure(
    array: &StructArray,
    fields: &[StructField],
    ty: &HiveType,
    matching: Matching,
) -> Result<ArrayRef, ArrowError> {
    let find = |(index, field): (usize, &StructField)| match matching {
        Matching::Name => {
            array.fields().iter().position(|found| found.name().eq_ignore_ascii_case(&field.name))
        }
        Matching::Position => Some(index).filter(|index| *index < array.num_columns()),
    };
    let child = |(index, field): (usize, &StructField)| match find((index, field)) {
        Some(place) => conform(array.column(place), &field.ty, matching),
        None => Ok(new_null_array(&field.ty.arrow(), array.len())),
    };
    let children = fields.iter().enumerate().map(child).collect::<Result<Vec<_>, _>>()?;
    let DataType::Struct(arrow) = ty.arrow() else { return Ok(new_null_array(&ty.arrow(), array.len())) };
    Ok(Arc::new(StructArray::try_new_with_length(arrow, children, array.nulls().cloned(), array.len())?))
}

/// Arrow's unions to a struct of a tag and one field per alternative. An alternative of NULL is no alternative.
fn union(
    array: &ArrayRef,
    types: &[HiveType],
    ty: &HiveType,
    matching: Matching,
) -> Result<ArrayRef, ArrowError> {
    let Some(union) = array.as_any().downcast_ref::<UnionArray>() else {
        return Ok(new_null_array(&ty.arrow(), array.len()));
    };
    let DataType::Union(variants, _) = union.data_type() else {
        return Ok(new_null_array(&ty.arrow(), array.len()));
    };
    let ids: Vec<i8> =
        variants.iter().filter(|(_, field)| *field.data_type() != DataType::Null).map(|(id, _)| id).collect();
    let tag = |row: usize| {
        let id = union.type_id(row);
        let place = ids.iter().position(|known| *known == id)?;
        union.child(id).is_valid(union.value_offset(row)).then_some(place as i8)
    };
    let tags: Int8Array = (0..union.len()).map(tag).collect();
    let nulls = tags.nulls().cloned();
    let mut children: Vec<ArrayRef> = vec![Arc::new(tags)];
    for (place, alternative) in types.iter().enumerate() {
        let Some(id) = ids.get(place) else {
            children.push(new_null_array(&alternative.arrow(), union.len()));
            continue;
        };
        let mine = |row: usize| (union.type_id(row) == *id).then(|| union.value_offset(row) as u64);
        let rows: datafusion::arrow::array::UInt64Array = (0..union.len()).map(mine).collect();
        let taken = datafusion::arrow::compute::take(union.child(*id), &rows, None)?;
        children.push(conform(&taken, alternative, matching)?);
    }
    let DataType::Struct(fields) = ty.arrow() else { return Ok(new_null_array(&ty.arrow(), array.len())) };
    let fields: Fields = fields;
    Ok(Arc::new(StructArray::try_new(fields, children, nulls)?))
}

/// Changes of a column's type: text by Hive's casts, and numbers that do not fit are NULL.
fn primitive(array: &ArrayRef, ty: &HiveType) -> Result<ArrayRef, ArrowError> {
    let from = array.data_type();
    let is_text = matches!(from, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if is_text && *ty != HiveType::Binary {
        return recast(array, &HiveType::String, ty);
    }
    if let Some(from) = HiveType::of_arrow(from).filter(|_| ty.is_text()) {
        return recast(array, &from, ty);
    }
    // A zone of the file says how its instants are meant, not that they be shifted.
    let target = ty.arrow();
    if let (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(TimeUnit::Microsecond, None)) =
        (from, &target)
    {
        let utc = DataType::Timestamp(*unit, Some("UTC".into()));
        let utc = cast_with_options(array, &utc, &SAFE)?;
        return cast_with_options(&utc, &target, &SAFE);
    }
    if !datafusion::arrow::compute::can_cast_types(from, &target) {
        return Ok(new_null_array(&target, array.len()));
    }
    cast_with_options(array, &target, &SAFE)
}

/// By Hive's casts. Times with a zone are in UTC.
fn recast(array: &ArrayRef, from: &HiveType, ty: &HiveType) -> Result<ArrayRef, ArrowError> {
    let array = cast_with_options(array, &from.arrow(), &SAFE)?;
    cast_in_zone(&array, from, ty, chrono_tz::UTC).map_err(|error| ArrowError::ExternalError(Box::new(error)))
}
