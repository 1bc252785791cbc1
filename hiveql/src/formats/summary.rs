//! What a file says of its rows before they are read. It is good for estimates only.

use super::{FileFormat, FileRange, Kind};
use crate::types::HiveType;
use futures::FutureExt;
use object_store::ObjectStore;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// A line of text is so much longer than what is left of it by compression.
const COMPRESSED: u64 = 4;

/// Counts and bounds of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    pub rows: u64,
    /// Smallest and largest value of each column of the format, where it has whole numbers or dates (as days).
    pub bounds: Vec<Option<(i64, i64)>>,
}

impl FileFormat {
    /// `None`: the file is not what it should be, which whoever reads it will say.
    pub async fn summary(&self, store: Arc<dyn ObjectStore>, path: &str, size: u64) -> Option<FileSummary> {
        let file = FileRange { path: path.to_owned(), size, start: 0, end: size };
        let footer = async {
            match &self.kind {
                Kind::Parquet(files) => files.summary(store, &file).await,
                Kind::Orc(files) => files.summary(store, &file).await,
                Kind::Rows { .. } | Kind::Avro(_) => Some(self.guess(&file)),
            }
        };
        // A library may panic over a broken file.
        AssertUnwindSafe(footer).catch_unwind().await.unwrap_or(None)
    }

    /// By how long a row usually is.
    fn guess(&self, file: &FileRange) -> FileSummary {
        let width: u64 = self.columns.iter().map(|(_, ty)| printed_bytes(ty) + 1).sum();
        let bytes = if self.splits(&file.path) { file.size } else { file.size.saturating_mul(COMPRESSED) };
        FileSummary { rows: bytes.div_ceil(width.max(1)), bounds: vec![None; self.columns.len()] }
    }
}

/// Whether values of this type are ordered as the numbers that the footers of files have for them.
pub(super) fn is_countable(ty: &HiveType) -> bool {
    matches!(ty, HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::BigInt | HiveType::Date)
}

fn printed_bytes(ty: &HiveType) -> u64 {
    match ty {
        HiveType::Boolean => 4,
        HiveType::TinyInt | HiveType::SmallInt => 3,
        HiveType::Int | HiveType::BigInt | HiveType::Decimal { .. } => 6,
        HiveType::Float | HiveType::Double | HiveType::Date => 10,
        HiveType::Timestamp | HiveType::TimestampLocalTz => 20,
        HiveType::Char(length) | HiveType::Varchar(length) => u64::from(*length).div_ceil(2).min(20),
        HiveType::String => 16,
        _ => 32,
    }
}
