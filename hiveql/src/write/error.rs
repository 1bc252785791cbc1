//! What can go wrong with a table's files.

use crate::{catalog::CatalogError, ddl::DdlError, formats::FormatError};

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Ddl(#[from] DdlError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("what was counted of the columns cannot be read: {0}")]
    Counts(#[from] datafusion::common::DataFusionError),
    #[error("table {0} was dropped or replaced while this statement ran; run it again")]
    TableGone(String),
    #[error(
        "partition {partition} of table {table} lies in another store than its table, which cannot be read together"
    )]
    OtherStore { table: String, partition: String },
    #[error(
        "{what} was changed{by} while this statement, which replaces all of it, ran; nothing was changed: run it again"
    )]
    Conflict { what: String, by: String },
    #[error(
        "rows of {what} were changed{by} while this statement, which changes them too, ran; nothing was changed: run it again"
    )]
    RowsConflict { what: String, by: String },
    #[error("Invalid path '{path}': No files matching path {path}")]
    NothingToLoad { path: String },
    #[error("Invalid path '{path}': source contains directory: {path}/{folder}")]
    FolderToLoad { path: String, folder: String },
    #[error("Target is not an empty directory : {0}")]
    NotEmpty(String),
    #[error("{path} holds no whole export: {reason}")]
    NoExport { path: String, reason: String },
    #[error("{doing} {path}: {source}")]
    File { doing: &'static str, path: String, source: std::io::Error },
    #[error("{doing} {location}: {source}")]
    Store { doing: &'static str, location: String, source: object_store::Error },
}

impl WriteError {
    /// Whether somebody else's transaction came between; the same may work when it is tried again.
    pub fn is_conflict(&self) -> bool {
        match self {
            WriteError::Ddl(error) => error.is_conflict(),
            WriteError::Catalog(error) => error.is_conflict(),
            _ => false,
        }
    }
}
