//! The buckets of bucketed tables and of samples.

use super::row::{Algorithm, hash_rows};
use crate::{functions::datetime::zone::Zone, types::HiveType};
use chrono_tz::Tz;
use datafusion::{
    arrow::array::{Array, ArrayRef},
    common::Result,
};

/// How a table's rows are spread, which its property `bucketing_version` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
