//! Casts of arrays, maps, structs and unions: each part is cast by itself.

use super::{cast_in_zone, conversion};
use crate::types::{HiveType, StructField};
use chrono_tz::Tz;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, MapArray, StructArray, new_null_array},
        buffer::OffsetBuffer,
        compute::filter,
        datatypes::{DataType, Field},
    },
    common::Result,
};
use std::sync::Arc;

/// Structs and unions are matched by position; a struct's fields that there is nothing for are NULL.
pub(super) fn is_castable(from: &HiveType, to: &HiveType) -> bool {
    let is_castable = |from: &HiveType, to: &HiveType| conversion(from, to).is_some();
    match (from, to) {
        (HiveType::Array(from), HiveType::Array(to)) => is_castable(from, to),
        (HiveType::Map(from_key, from), HiveType::Map(to_key, to)) => {
            is_castable(from_key, to_key) && is_castable(from, to)
        }
        (HiveType::Struct(from), HiveType::Struct(to)) => {
            from.iter().zip(to).all(|(from, to)| is_castable(&from.ty, &to.ty))
        }
        (HiveType::Union(from), HiveType::Union(to)) => {
            from.len() <= to.len() && from.iter().zip(to).all(|(from, to)| is_castable(from, to))
        }
        _ => false,
    }
}

pub(super) fn cast(array: &ArrayRef, from: &HiveType, to: &HiveType, zone: Tz) -> Result<ArrayRef> {
    match (from, to) {
        (HiveType::Array(from), HiveType::Array(to)) => list(array.as_list(), from, to, zone),
        (HiveType::Map(from_key, from_value), HiveType::Map(to_key, to_value)) => {
            map(array.as_map(), [from_key, from_value], [to_key, to_value], to, zone)
        }
        (HiveType::Struct(from), HiveType::Struct(fields)) => {
            let pairs = types(from).zip(types(fields));
            structure(array.as_struct(), to, pairs, 0, zone)
        }
        (HiveType::Union(from), HiveType::Union(alternatives)) => {
            structure(array.as_struct(), to, from.iter().zip(alternatives), 1, zone)
        }
        _ => Err(super::integers::unexpected(from)),
    }
}

fn types(fields: &[StructField]) -> impl Iterator<Item = &HiveType> {
    fields.iter().map(|field| &field.ty)
}

fn list(array: &ListArray, from: &HiveType, to: &HiveType, zone: Tz) -> Result<ArrayRef> {
    let values = cast_in_zone(array.values(), from, to, zone)?;
    let field = Arc::new(Field::new("item", to.arrow(), true));
    Ok(Arc::new(ListArray::try_new(field, array.offsets().clone(), values, array.nulls().cloned())?))
}

/// An entry whose key cannot be cast is left out: a key is never NULL.
fn map(
    array: &MapArray,
    from: [&HiveType; 2],
    to: [&HiveType; 2],
    whole: &HiveType,
    zone: Tz,
) -> Result<ArrayRef> {
    let mut keys = cast_in_zone(array.keys(), from[0], to[0], zone)?;
    let mut values = cast_in_zone(array.values(), from[1], to[1], zone)?;
    let mut offsets = array.offsets().clone();
    if let Some(known) = keys.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let kept = |row: usize| {
            let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
            known.slice(start, end - start).len() - known.slice(start, end - start).null_count()
        };
        let lengths: Vec<usize> = (0..array.len()).map(kept).collect();
        // Entries before the first row and behind the last belong to nobody.
        let first = offsets[0] as usize;
        let count = offsets[array.len()] as usize - first;
        let chosen = BooleanArray::new(known.inner().slice(first, count), None);
        keys = filter(&keys.slice(first, count), &chosen)?;
        values = filter(&values.slice(first, count), &chosen)?;
        offsets = OffsetBuffer::from_lengths(lengths);
    }
    let DataType::Map(entries_field, _) = whole.arrow() else {
        return Ok(new_null_array(&whole.arrow(), array.len()));
    };
    let DataType::Struct(fields) = entries_field.data_type().clone() else {
        return Ok(new_null_array(&whole.arrow(), array.len()));
    };
    let entries = StructArray::try_new(fields, vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(entries_field, offsets, entries, array.nulls().cloned(), false)?))
}

/// The first `kept` children stay as they are.
fn structure<'a>(
    array: &StructArray,
    whole: &HiveType,
    pairs: impl Iterator<Item = (&'a HiveType, &'a HiveType)>,
    kept: usize,
    zone: Tz,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = whole.arrow() else {
        return Ok(new_null_array(&whole.arrow(), array.len()));
    };
    let mut children: Vec<ArrayRef> = array.columns().iter().take(kept).cloned().collect();
    for (child, (from, to)) in array.columns().iter().skip(kept).zip(pairs) {
        children.push(cast_in_zone(child, from, to, zone)?);
    }
    let missing = fields.iter().skip(children.len());
    children.extend(missing.map(|field| new_null_array(field.data_type(), array.len())).collect::<Vec<_>>());
    Ok(Arc::new(StructArray::try_new_with_length(fields, children, array.nulls().cloned(), array.len())?))
}
