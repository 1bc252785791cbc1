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
    #[error("table {0} was dropped or replaced while it was read; run the statement again")]
    TableGone(String),
    #[error(
        "partition {partition} of table {table} lies in another store than its table, which cannot be read together"
    )]
    OtherStore { table: String, partition: String },
}
