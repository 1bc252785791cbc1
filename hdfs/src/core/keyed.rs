//! The small keyed store that rides beside the files: versions for compare-and-set.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Raised by each put of the key; counted over all keys, so that a removed and re-made key gets a new one.
pub type Version = u64;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keyed {
    values: BTreeMap<String, (Version, Vec<u8>)>,
    pub next_version: Version,
}

impl Keyed {
    pub fn get(&self, key: &str) -> Option<&(Version, Vec<u8>)> {
        self.values.get(key)
    }

    pub fn version(&self, key: &str) -> Option<Version> {
        self.values.get(key).map(|(version, _)| *version)
    }

    pub fn put(&mut self, key: String, value: Vec<u8>, version: Version) {
        self.next_version = self.next_version.max(version + 1);
        self.values.insert(key, (version, value));
    }

    pub fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// Keys that begin with `prefix`, after `after`, at most `limit`.
    pub fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<(String, Version, Vec<u8>)> {
        let start = after.map_or(prefix, |after| after.max(prefix));
        self.values
            .range(start.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .take(limit)
            .map(|(key, (version, value))| (key.clone(), *version, value.clone()))
            .collect()
    }
}
