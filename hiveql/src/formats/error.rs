//! What can go wrong with a table's storage words and with its files.

use crate::types::HiveType;
use datafusion::{arrow::error::ArrowError, error::DataFusionError};
use std::fmt;

/// Why a format cannot be made, or a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("no SerDe is known by the name {0}")]
    UnknownSerde(String),
    #[error("{serde} cannot work on {input_format}")]
    Mismatch { serde: String, input_format: String },
    #[error("property {name} is {value:?}: {reason}")]
    Property { name: &'static str, value: String, reason: String },
    #[error("property {0} is missing")]
    Missing(&'static str),
    #[error("the Avro schema: {0}")]
    AvroSchema(String),
    #[error("column {column} is {ty}, which {format} cannot hold")]
    ColumnType { column: String, ty: HiveType, format: &'static str },
    #[error("{file}, {place}: {reason}")]
    Broken { file: String, place: Place, reason: String },
    #[error("{file}: {source}")]
    Store { file: String, source: object_store::Error },
    #[error("{file}: {source}")]
    Io { file: String, source: std::io::Error },
    #[error("{file}: {source}")]
    Arrow { file: String, source: ArrowError },
}

/// Where in a file something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Offset(u64),
    Row(u64),
    /// In what describes the whole file.
    Head,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Offset(offset) => write!(out, "byte {offset}"),
            Place::Row(row) => write!(out, "row {row}"),
            Place::Head => out.write_str("header or footer"),
        }
    }
}

impl FormatError {
    pub(crate) fn broken(file: &impl fmt::Display, place: Place, reason: impl fmt::Display) -> FormatError {
        FormatError::Broken { file: file.to_string(), place, reason: reason.to_string() }
    }

    /// With the whole name of the file, which in its store begins behind `prefix`.
    pub(crate) fn under(mut self, prefix: &str) -> FormatError {
        if let FormatError::Broken { file, .. }
        | FormatError::Store { file, .. }
        | FormatError::Io { file, .. }
        | FormatError::Arrow { file, .. } = &mut self
        {
            file.insert_str(0, prefix);
        }
        self
    }

    pub(crate) fn store(file: &impl fmt::Display, source: object_store::Error) -> FormatError {
        FormatError::Store { file: file.to_string(), source }
    }

    pub(crate) fn io(file: &impl fmt::Display, source: std::io::Error) -> FormatError {
        FormatError::Io { file: file.to_string(), source }
    }

    pub(crate) fn arrow(file: &impl fmt::Display, source: ArrowError) -> FormatError {
        FormatError::Arrow { file: file.to_string(), source }
    }
}

impl From<FormatError> for DataFusionError {
    fn from(error: FormatError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}
