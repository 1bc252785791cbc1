//! What a statement answers: rows of texts, and what it changes in its session.

use crate::types::HiveType;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    pub columns: Vec<(String, HiveType)>,
    /// As Hive's CLI prints them, padding included.
    pub rows: Vec<Vec<Option<String>>>,
    pub changes: Vec<SessionChange>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// USE, or the current database was dropped.
    Database(String),
}

impl Output {
    pub fn none() -> Output {
        Output::default()
    }

    pub fn changing(change: SessionChange) -> Output {
        Output { changes: vec![change], ..Output::default() }
    }

    /// One column of strings.
    pub fn listing(column: &str, values: impl IntoIterator<Item = String>) -> Output {
        Output::table(&[column], values.into_iter().map(|value| vec![value]))
    }

    pub fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Output {
        Output {
            columns: columns.iter().map(|name| ((*name).to_owned(), HiveType::String)).collect(),
            rows: rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect(),
            changes: Vec::new(),
        }
    }
}
