//! What a statement or a command answers.

use crate::{functions::SessionFacts, types::HiveType};
use datafusion::execution::SendableRecordBatchStream;

pub enum Answer {
    /// Nothing to print on standard output; the notes are for whoever looks on.
    Done {
        notes: Vec<String>,
    },
    Rows(Rows),
    /// Lines as they are: of SET, `dfs` and `!`.
    Text(Vec<String>),
    /// A command of the machine that the user sits at; [`super::run_shell`] runs it.
    Shell(String),
    /// The script in this file comes next.
    Source(String),
    Quit,
}

impl Answer {
    pub fn done() -> Answer {
        Answer::Done { notes: Vec::new() }
    }
}

/// Rows as they are made; whoever drops the stream ends the query.
pub struct Rows {
    pub columns: Vec<(String, HiveType)>,
    pub stream: SendableRecordBatchStream,
    /// What the values are printed by.
    pub facts: SessionFacts,
}
