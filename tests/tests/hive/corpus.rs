//! The tests as they lie in their folder.

use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder with all tests and their data.
#[derive(Debug, Clone)]
pub struct Corpus {
    root: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Test {
    pub name: String,
    /// Loaded first, in this order.
    pub datasets: Vec<String>,
    pub timezone: String,
    pub features: Vec<String>,
    pub statements: Vec<Statement>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Statement {
    pub sql: String,
    pub compare: Compare,
    #[serde(default)]
    pub expect: Vec<String>,
    /// Output columns that hold the sort keys.
    pub sort_columns: Option<Vec<usize>>,
    /// A LIMIT may cut through the last group of ties.
    #[serde(default)]
    pub limit_cut: bool,
    #[serde(default)]
    pub unordered_arrays: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    None,
    Ordered,
    Multiset,
    Count,
}

impl Corpus {
    pub fn at(root: impl Into<PathBuf>) -> Corpus {
        Corpus { root: root.into() }
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// All tests, by name.
    pub fn tests(&self) -> Vec<Test> {
        let folder = self.root.join("tests");
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }

    /// The script that creates and loads a data set.
    pub fn dataset(&self, name: &str) -> String {
        let path = self.data().join("datasets").join(format!("{name}.sql"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

fn read(path: &Path) -> Test {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
