//! STAND-IN for `skep_hiveql::{session, render}` until they are there: the same names and shapes, and no queries. When they
//! land, this whole file becomes
//! `pub use skep_hiveql::{render, session::{Answer, Rows, Session, SessionError, SessionOptions}};`

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, StringArray},
        util::display::{ArrayFormatter, FormatOptions},
    },
    error::DataFusionError,
    execution::SendableRecordBatchStream,
};
use skep_hiveql::{
    functions::SessionFacts,
    syntax::{
        ast::Span,
        command::{Command, command},
    },
    types::HiveType,
};
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Debug, Clone)]
pub struct SessionOptions {
    pub warehouse: PathBuf,
    pub database: Option<String>,
    pub conf: Vec<(String, String)>,
    pub variables: Vec<(String, String)>,
    pub user: String,
    pub partitions: usize,
    pub memory_bytes: usize,
}

pub enum Answer {
    Done { notes: Vec<String> },
    Rows(Rows),
    Text(Vec<String>),
    Source(String),
    Quit,
}

pub struct Rows {
    pub columns: Vec<(String, HiveType)>,
    pub stream: SendableRecordBatchStream,
    pub facts: SessionFacts,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    pub message: String,
    pub span: Option<Span>,
    pub hints: Vec<String>,
}

impl From<DataFusionError> for SessionError {
    fn from(error: DataFusionError) -> SessionError {
        SessionError { message: error.strip_backtrace(), span: None, hints: Vec::new() }
    }
}

pub struct Session {
    conf: BTreeMap<String, String>,
    options: SessionOptions,
}

impl Session {
    pub async fn local(options: SessionOptions) -> Result<Session, SessionError> {
        Ok(Session { conf: options.conf.iter().cloned().collect(), options })
    }

    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        match command(text) {
            Ok(Command::Set { key, value }) => {
                self.conf.insert(key, value);
                Ok(Answer::Done { notes: Vec::new() })
            }
            Ok(Command::SetShow(key)) => {
                let value = self.conf.get(&key).map_or_else(|| "<undefined>".to_owned(), String::clone);
                Ok(Answer::Text(vec![format!("{key}={value}")]))
            }
            Ok(Command::Source(file)) => Ok(Answer::Source(file)),
            Ok(Command::Quit) => Ok(Answer::Quit),
            _ => Err(SessionError {
                message: format!("there is no engine yet (warehouse {})", self.options.warehouse.display()),
                span: Some(Span::new(0, text.len())),
                hints: vec![format!("for {}, {} at a time", self.options.user, self.options.partitions)],
            }),
        }
    }

    pub fn setting(&self, key: &str) -> Option<String> {
        self.conf.get(key).cloned()
    }

    pub fn database(&self) -> &str {
        self.options.database.as_deref().unwrap_or("default")
    }

    pub fn completions(&self, prefix: &str) -> Vec<String> {
        let words = ["SELECT", "SHOW", "FROM", "WHERE"];
        words.into_iter().filter(|word| word.starts_with(&prefix.to_uppercase())).map(str::to_owned).collect()
    }
}

pub mod render {
    //! How values are written.
    use super::*;

    pub fn column(array: &ArrayRef, _: &HiveType, _: &SessionFacts) -> StringArray {
        let options = FormatOptions::new();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok();
        let text = |row| formatter.as_ref().map(|formatter| formatter.value(row).to_string());
        (0..array.len()).map(|row| if array.is_null(row) { None } else { text(row) }).collect()
    }
}
