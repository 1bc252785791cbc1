//! What can be wrong with a request to the catalog, in the words that Hive's metastore uses.

use super::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("Database {0} already exists")]
    DatabaseExists(String),
    #[error("Database does not exist: {0}")]
    NoDatabase(String),
    #[error("InvalidOperationException(message:Database {database} is not empty. One or more {what} exist.)")]
    DatabaseNotEmpty { database: String, what: &'static str },
    #[error("AlreadyExistsException(message:Table hive.{0} already exists)")]
    TableExists(String),
    #[error("Table not found {0}")]
    NoTable(String),
    #[error("AlreadyExistsException(message:Partition already exists: {0})")]
    PartitionExists(String),
    #[error("Partition not found {0}")]
    NoPartition(String),
    #[error("Function {0} already exists")]
    FunctionExists(String),
    #[error("Function does not exist: {0}")]
    NoFunction(String),
    #[error(
        "{what} was changed by another session at the same time; nothing was done, run the statement again"
    )]
    Conflict { what: String },
    #[error("the catalog's entry `{key}` was written by a newer version ({found}) of this program")]
    Newer { key: String, found: u32 },
    #[error("the catalog's entry `{key}` cannot be read")]
    Damaged { key: String, source: serde_json::Error },
    #[error(transparent)]
    Store(StoreError),
}

impl CatalogError {
    /// The number that Hive gives it among its errors of semantics.
    pub fn code(&self) -> Option<u16> {
        Some(match self {
            CatalogError::NoTable(_) => 10001,
            CatalogError::NoPartition(_) => 10006,
            CatalogError::NoDatabase(_) => 10072,
            _ => return None,
        })
    }

    /// Whether the same request may succeed when it is made again.
    pub fn is_conflict(&self) -> bool {
        matches!(self, CatalogError::Conflict { .. })
    }
}

impl From<StoreError> for CatalogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { key, .. } => CatalogError::Conflict { what: key },
            other => CatalogError::Store(other),
        }
    }
}
