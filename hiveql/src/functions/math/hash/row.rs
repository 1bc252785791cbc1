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

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::{arrow::array::new_null_array, common::ScalarValue};

    fn check(value: ScalarValue, ty: &HiveType, java: i32, murmur: i32) {
        let column = value.to_array_of_size(1).unwrap();
        let zone = Zone::from(chrono_tz::Tz::UTC);
        let hash =
            |algorithm| hash_rows(std::slice::from_ref(&column), std::slice::from_ref(ty), 1, algorithm);
        assert_eq!(hash(Algorithm::Java { zone }).unwrap(), [java], "{value}");
        assert_eq!(hash(Algorithm::Murmur).unwrap(), [murmur], "{value}");
    }

    /// These numbers are what Hive 3 computes; Trino checks itself against them.
    #[test]
    fn values_have_the_hashes_of_hive() {
        check(ScalarValue::Int8(Some(-128)), &HiveType::TinyInt, -128, -128);
        check(ScalarValue::Int16(Some(300)), &HiveType::SmallInt, 300, 2_107_031_704);
        check(ScalarValue::Int32(Some(i32::MAX)), &HiveType::Int, i32::MAX, 1_133_859_967);
        check(ScalarValue::Int64(Some(300_000_000_000)), &HiveType::BigInt, -647_710_651, -888_935_297);
        for (value, java, murmur) in [
            (12.34, 1_095_069_860, -381_747_602),
            (f32::NAN, 2_143_289_344, -480_354_314),
            (-f32::MAX, -8_388_609, 470_252_243),
        ] {
            check(ScalarValue::Float32(Some(value)), &HiveType::Float, java, murmur);
        }
        for (value, java, murmur) in
            [(12.34, 986_311_098, -2_070_733_568), (f64::NAN, 2_146_959_360, 1_138_026_565)]
        {
            check(ScalarValue::Float64(Some(value)), &HiveType::Double, java, murmur);
        }
        for (ty, text, java, murmur) in [
            (HiveType::String, "test string", -318_923_937, -138_301_454),
            (HiveType::String, "\u{5f3a}\u{5927}\u{7684}Trino\u{5f15}\u{64ce}", 1_688_501_507, 1_784_416_344),
            (HiveType::Varchar(15), "", 1, -965_378_730),
            (HiveType::Varchar(15), "test string", -189_841_218, -138_301_454),
        ] {
            check(ScalarValue::Utf8(Some(text.into())), &ty, java, murmur);
        }
        check(ScalarValue::Date32(Some(16_758)), &HiveType::Date, 16_758, 8_542_395);
        check(ScalarValue::Boolean(None), &HiveType::Boolean, 0, 0);
    }

    #[test]
    fn arrays_have_the_hashes_of_hive() {
        let array = |values: &[ScalarValue], ty: &HiveType| {
            ScalarValue::List(ScalarValue::new_list_nullable(values, &ty.arrow()))
        };
        let numbers = [5, 8, 13].map(|number| ScalarValue::Int16(Some(number)));
        let ty = HiveType::array(HiveType::SmallInt);
        check(array(&numbers, &HiveType::SmallInt), &ty, 5_066, -905_011_156);
        let texts = ["test1", "test2", "test3", "test4"].map(ScalarValue::from);
        let ty = HiveType::array(HiveType::String);
        check(array(&texts, &HiveType::String), &ty, 957_612_994, 1_305_539_282);
        let absent = new_null_array(&ty.arrow(), 2);
        assert_eq!(hash_rows(&[absent], &[ty], 2, Algorithm::Murmur).unwrap(), [0, 0]);
    }
}
