//! Why a statement failed, in the words and with the numbers that Hive's CLI prints.

use super::completion::nearest_word;
use crate::{
    catalog::CatalogError,
    ddl::DdlError,
    nearest::nearest,
    plan::{PlanError, Problem},
    syntax::{Substituted, SyntaxError, ast::Span, is_reserved, position},
    write::WriteError,
};
use datafusion::error::DataFusionError;

/// Ready to be printed after `FAILED: `.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    pub message: String,
    /// What it is about, in the text that was given to run.
    pub span: Option<Span>,
    pub hints: Vec<String>,
}

impl SessionError {
    pub fn new(message: impl Into<String>) -> SessionError {
        SessionError { message: message.into(), span: None, hints: Vec::new() }
    }

    /// Of an error that is told whole, with its causes.
    pub fn failed(error: impl std::error::Error) -> SessionError {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            message = format!("{message}: {next}");
            cause = next.source();
        }
        SessionError::new(message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> SessionError {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn of_syntax(error: &SyntaxError, text: &str) -> SessionError {
        let (line, column) = hive_position(text, error.span);
        let message = format!("ParseException line {line}:{column} {error}");
        let is_name =
            error.expected.iter().any(|expected| matches!(expected.as_str(), "a name" | "an expression"));
        let hint = match error.found.as_str() {
            _ if error.expected.is_empty() => None,
            word if is_name && is_reserved(word) => Some(format!(
                "{word} is a word of the language; a name that is one stands in back-quotes: `{word}`"
            )),
            word => nearest_word(word).as_ref().map(did_you_mean),
        };
        SessionError { message, span: Some(error.span), hints: hint.into_iter().collect() }
    }

    /// The same, told of the text as it was written before its variables were replaced.
    pub(super) fn before_substitution(self, replaced: &Substituted, written: &str) -> SessionError {
        let Some(span) = self.span.filter(|_| replaced.text != written) else { return self };
        let origin = replaced.origin(span);
        let place = |text: &str, span: Span| {
            let (line, column) = hive_position(text, span);
            format!("ine {line}:{column} ")
        };
        let message = self.message.replacen(&place(&replaced.text, span), &place(written, origin), 1);
        SessionError { message, span: Some(origin), hints: self.hints }
    }

    pub(super) fn of_plan(error: &PlanError, text: &str) -> SessionError {
        let number = error.problem.code().map(|code| format!(" [Error {code}]:")).unwrap_or_default();
        let place = error.span.map(|span| {
            let (line, column) = hive_position(text, span);
            format!(" Line {line}:{column}")
        });
        let message = format!("SemanticException{number}{} {}", place.unwrap_or_default(), error.problem);
        let meant = match &error.problem {
            Problem::ColumnNotFound { name, candidates } => {
                let columns =
                    candidates.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column));
                nearest(&name.to_lowercase(), columns).map(str::to_owned)
            }
            _ => None,
        };
        SessionError { message, span: error.span, hints: meant.iter().map(did_you_mean).collect() }
    }

    pub(super) fn of_ddl(error: &DdlError, text: &str) -> SessionError {
        let span = match error {
            DdlError::Semantic { span, .. } => *span,
            _ => None,
        };
        let mut message = error.with_line(text);
        if let Some(source) = std::error::Error::source(error) {
            let source = source.to_string();
            if !message.ends_with(&source) {
                message = format!("{message}: {source}");
            }
        }
        SessionError { message, span, hints: Vec::new() }
    }
}

impl From<CatalogError> for SessionError {
    fn from(error: CatalogError) -> Self {
        SessionError::new(DdlError::from(error).to_string())
    }
}

impl From<WriteError> for SessionError {
    fn from(error: WriteError) -> Self {
        match &error {
            WriteError::Ddl(error) => SessionError::of_ddl(error, ""),
            WriteError::NothingToLoad { .. } | WriteError::FolderToLoad { .. } => {
                SessionError::new(format!("SemanticException {error}"))
            }
            _ => SessionError::new(error.to_string()),
        }
    }
}

impl From<DataFusionError> for SessionError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        // What a service says is said already.
        if let DataFusionError::External(source) = root
            && let Some(error) = source.downcast_ref::<SessionError>()
        {
            return error.clone();
        }
        let reason = match root {
            DataFusionError::External(source) => with_causes(source.as_ref()),
            // Its own text asks to tell DataFusion's authors.
            DataFusionError::Internal(reason) => format!("internal error: {reason}"),
            root => root.strip_backtrace(),
        };
        SessionError::new(format!("Execution Error: {reason}"))
    }
}

/// Its text and those of its causes, each once.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let reason = next.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = next.source();
    }
    text
}

fn did_you_mean(name: &String) -> String {
    format!("did you mean {name}?")
}

/// Hive counts lines from 1 and columns from 0.
fn hive_position(text: &str, span: Span) -> (usize, usize) {
    let (line, column) = position(text, span.start);
    (line, column - 1)
}
