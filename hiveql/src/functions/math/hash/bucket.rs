//! The buckets of bucketed tables and of samples.

use super::row::{Algorithm, hash_rows};
use crate::{functions::datetime::zone::Zone, types::HiveType};
use chrono_tz::Tz;
use datafusion::{
    arrow::array::{Array, ArrayRef},
    common::Result,
};

/// How a table's rows are spread, which its property `bucketing_version` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BucketingVersion {
    /// By the hash of Java, as in Hive before 3.
    V1,
    /// By the hash Murmur3.
    V2,
}

/// The bucket of each row, from 0, by these columns of it. There are no rows where there are no columns, and all are
/// in bucket 0 where there are no buckets.
pub fn bucket_of(
    columns: &[ArrayRef],
    types: &[HiveType],
    buckets: u32,
    version: BucketingVersion,
) -> Result<Vec<u32>> {
    let rows = columns.first().map_or(0, |column| column.len());
    let algorithm = match version {
        BucketingVersion::V1 => Algorithm::Java { zone: Zone::from(Tz::UTC) },
        BucketingVersion::V2 => Algorithm::Murmur,
    };
    let hashes = hash_rows(columns, types, rows, algorithm)?;
    Ok(hashes.into_iter().map(|hash| (hash & i32::MAX) as u32 % buckets.max(1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int32Array, Int64Array};
    use std::sync::Arc;

    #[test]
    fn rows_fall_into_the_buckets_that_hive_puts_them_in() {
        let columns: [ArrayRef; 1] = [Arc::new(Int32Array::from(vec![Some(300_000), Some(i32::MIN), None]))];
        let buckets = |version| bucket_of(&columns, &[HiveType::Int], 500, version).unwrap();
        let expected = |hashes: [i32; 3]| hashes.map(|hash| (hash & i32::MAX) as u32 % 500).to_vec();
        assert_eq!(buckets(BucketingVersion::V1), expected([300_000, i32::MIN, 0]));
        assert_eq!(buckets(BucketingVersion::V2), expected([-678_663_480, 1_194_881_028, 0]));
        let two: [ArrayRef; 2] =
            [Arc::new(Int64Array::from(vec![300_000_000_000])), Arc::new(Int32Array::from(vec![1]))];
        let types = [HiveType::BigInt, HiveType::Int];
        let expected = ((-647_710_651_i32).wrapping_mul(31).wrapping_add(1) & i32::MAX) as u32 % 8;
        assert_eq!(bucket_of(&two, &types, 8, BucketingVersion::V1).unwrap(), [expected]);
    }
}
