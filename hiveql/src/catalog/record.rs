//! How records are laid out in the keyed store.
//!
//! | key | value |
//! | --- | --- |
//! | `hive/next` | the next number of a table, a removal or a write |
//! | `hive/database/<name>` | [`super::Database`] |
//! | `hive/table/<database>/<name>` | [`super::Table`] |
//! | `hive/partition/<table id, 16 hexadecimal digits>/<partition name>` | [`super::Partition`] |
//! | `hive/partitions/<table id>` | anew for each change of which partitions there are |
//! | `hive/function/<database>/<name>` | [`super::Function`] |
//! | `hive/removal/<number>` | [`super::Removal`] |
//! | `hive/write/<number>` | [`super::PendingWrite`] |
//!
//! Names in keys are escaped as partition names are, so `/` only separates. A value is JSON: `{"version":1,"record":...}`.
//! Partitions stand under their table's id, so a renamed table keeps them without touching them, and those of a dropped
//! table can go after it: no later table has its id.

use super::{CatalogError, TableId, partition_name::escape};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version of the layout of values that this program writes.
pub const RECORD_VERSION: u32 = 1;
pub const NEXT: &str = "hive/next";
pub const DATABASES: &str = "hive/database/";
pub const FUNCTIONS: &str = "hive/function/";
pub const REMOVALS: &str = "hive/removal/";
pub const WRITES: &str = "hive/write/";

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    record: &'a T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Read<T> {
    version: u32,
    record: T,
}

pub fn encode<T: Serialize>(key: &str, record: &T) -> Result<Vec<u8>, CatalogError> {
    serde_json::to_vec(&Written { version: RECORD_VERSION, record })
        .map_err(|source| CatalogError::Damaged { key: key.to_owned(), source })
}

pub fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, CatalogError> {
    let newer = |found| CatalogError::Newer { key: key.to_owned(), found };
    match serde_json::from_slice::<Read<T>>(value) {
        Ok(read) if read.version > RECORD_VERSION => Err(newer(read.version)),
        Ok(read) => Ok(read.record),
        // What a newer version is made of is not known here.
        Err(source) => Err(match serde_json::from_slice::<Version>(value) {
            Ok(Version { version }) if version > RECORD_VERSION => newer(version),
            _ => CatalogError::Damaged { key: key.to_owned(), source },
        }),
    }
}

/// What is put there differs from all that was there before.
pub fn partitions_changed_key(table: TableId) -> String {
    format!("hive/partitions/{:016x}", table.0)
}

pub fn database_key(name: &str) -> String {
    joined(DATABASES, &[name])
}

pub fn tables_of(database: &str) -> String {
    joined("hive/table/", &[database]) + "/"
}

pub fn table_key(database: &str, name: &str) -> String {
    joined("hive/table/", &[database, name])
}

pub fn partitions_of(table: TableId) -> String {
    format!("hive/partition/{:016x}/", table.0)
}

/// `name` is escaped already.
pub fn partition_key(table: TableId, name: &str) -> String {
    partitions_of(table) + name
}

pub fn functions_of(database: &str) -> String {
    joined(FUNCTIONS, &[database]) + "/"
}

pub fn function_key(database: &str, name: &str) -> String {
    joined(FUNCTIONS, &[database, name])
}

pub fn removal_key(number: u64) -> String {
    format!("{REMOVALS}{number:016x}")
}

pub fn write_key(number: u64) -> String {
    format!("{WRITES}{number:016x}")
}

fn joined(prefix: &str, names: &[&str]) -> String {
    let mut key = prefix.to_owned();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            key.push('/');
        }
        escape(&name.to_lowercase(), &mut key);
    }
    key
}
