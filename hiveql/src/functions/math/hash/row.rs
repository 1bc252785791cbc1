//! Hashes of whole columns, nested ones among them, combined to hashes of rows.

use super::{java, murmur};
use crate::{functions::datetime::zone::Zone, types::HiveType};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, StructArray},
        datatypes::Int8Type,
    },
    common::Result,
};

/// Which hash single values have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Algorithm {
    /// `hashCode` of Java, for which timestamps are instants in a zone.
    Java {
        zone: Zone,
    },
    Murmur,
}

/// Of each row.
pub(super) fn hash_rows(
    columns: &[ArrayRef],
    types: &[HiveType],
    rows: usize,
    algorithm: Algorithm,
) -> Result<Vec<i32>> {
    let mut hashes = vec![0_i32; rows];
    for (column, ty) in columns.iter().zip(types) {
        let values = hash_column(column, ty, algorithm)?;
        for (hash, value) in hashes.iter_mut().zip(values) {
            *hash = combined(*hash, value);
        }
    }
    Ok(hashes)
}

fn combined(hash: i32, value: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(value)
}

/// Of each value; of NULL it is 0.
fn hash_column(column: &ArrayRef, ty: &HiveType, algorithm: Algorithm) -> Result<Vec<i32>> {
    let mut hashes = match ty {
        HiveType::Array(element) => {
            let list = column.as_list::<i32>();
            let values = hash_column(list.values(), element, algorithm)?;
            folded(list.value_offsets(), |slots| values[slots].iter().copied().fold(0, combined))
        }
        HiveType::Map(key, value) => {
            let map = column.as_map();
            let keys = hash_column(map.keys(), key, algorithm)?;
            // Hive takes Java's hash for the values of a map, whatever that of the keys is.
            let of_values = match algorithm {
                Algorithm::Java { .. } => algorithm,
                Algorithm::Murmur => Algorithm::Java { zone: Zone::from(chrono_tz::Tz::UTC) },
            };
            let values = hash_column(map.values(), value, of_values)?;
            folded(map.value_offsets(), |slots| {
                slots.fold(0_i32, |sum, slot| sum.wrapping_add(keys[slot] ^ values[slot]))
            })
        }
        HiveType::Struct(fields) => {
            let structs = column.as_struct();
            let types: Vec<HiveType> = fields.iter().map(|field| field.ty.clone()).collect();
            hash_rows(structs.columns(), &types, column.len(), algorithm)?
        }
        HiveType::Union(alternatives) => hash_union(column.as_struct(), alternatives, algorithm)?,
        ty => match algorithm {
            Algorithm::Java { zone } => java::hash(column, ty, zone)?,
            Algorithm::Murmur => murmur::hash(column, ty)?,
        },
    };
    if let Some(there) = column.logical_nulls() {
        for (row, hash) in hashes.iter_mut().enumerate() {
            if there.is_null(row) {
                *hash = 0;
            }
        }
    }
    Ok(hashes)
}

fn folded(offsets: &[i32], hash: impl Fn(std::ops::Range<usize>) -> i32) -> Vec<i32> {
    offsets.windows(2).map(|bounds| hash(bounds[0] as usize..bounds[1] as usize)).collect()
}

/// That of the alternative which is there.
fn hash_union(union: &StructArray, alternatives: &[HiveType], algorithm: Algorithm) -> Result<Vec<i32>> {
    let Some((tags, columns)) = union.columns().split_first() else { return Ok(vec![0; union.len()]) };
    let values = columns
        .iter()
        .zip(alternatives)
        .map(|(column, ty)| hash_column(column, ty, algorithm))
        .collect::<Result<Vec<_>>>()?;
    let tags = tags.as_primitive::<Int8Type>();
    let chosen = tags.iter().enumerate().map(|(row, tag)| {
        let values = values.get(usize::try_from(tag?).ok()?)?;
        values.get(row).copied()
    });
    Ok(chosen.map(Option::unwrap_or_default).collect())
}
