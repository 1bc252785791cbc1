//! What a table's definition says of its storage, and how a property of it is looked up.

use super::FormatError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// As the catalog lends it.
#[derive(Debug, Clone, Copy)]
pub struct StorageWords<'a> {
    pub input_format: &'a str,
    pub output_format: &'a str,
    pub serde: &'a str,
    pub serde_properties: &'a BTreeMap<String, String>,
    pub table_properties: &'a BTreeMap<String, String>,
}

/// The same, owned; it travels with a fragment, which makes its format anew from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Storage {
    pub input_format: String,
    pub output_format: String,
    pub serde: String,
    pub serde_properties: BTreeMap<String, String>,
    pub table_properties: BTreeMap<String, String>,
}

impl From<StorageWords<'_>> for Storage {
    fn from(words: StorageWords<'_>) -> Storage {
        Storage {
            input_format: words.input_format.to_owned(),
            output_format: words.output_format.to_owned(),
            serde: words.serde.to_owned(),
            serde_properties: words.serde_properties.clone(),
            table_properties: words.table_properties.clone(),
        }
    }
}

impl Storage {
    /// A table's property overrides its SerDe's of the same name, as in Hive's merged `Properties`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.table_properties.get(name).or_else(|| self.serde_properties.get(name)).map(String::as_str)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    pub(super) fn count(&self, name: &'static str) -> Result<usize, FormatError> {
        let Some(value) = self.get(name) else { return Ok(0) };
        value.trim().parse().map_err(|error: std::num::ParseIntError| FormatError::Property {
            name,
            value: value.to_owned(),
            reason: error.to_string(),
        })
    }
}
