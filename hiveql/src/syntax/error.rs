//! Why a text is not HiveQL, and where.

use super::ast::Span;

/// The first piece of the text that cannot be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.message())]
pub struct SyntaxError {
    pub span: Span,
    /// What stands there.
    pub found: String,
    /// What could stand there instead; empty where a reason says more.
    pub expected: Vec<String>,
    reason: Option<String>,
}

impl SyntaxError {
    pub(super) fn unexpected(found: &str, expected: &[&str], span: Span) -> SyntaxError {
        let expected = expected.iter().map(|word| (*word).to_owned()).collect();
        SyntaxError { span, found: found.to_owned(), expected, reason: None }
    }

    pub(super) fn because(reason: impl Into<String>, span: Span) -> SyntaxError {
        SyntaxError { span, found: String::new(), expected: vec![], reason: Some(reason.into()) }
    }

    pub(super) fn character(character: char, span: Span) -> SyntaxError {
        SyntaxError::because(format!("character '{character}' not supported here"), span)
    }

    pub(super) fn unended(what: &str, span: Span) -> SyntaxError {
        SyntaxError::because(format!("{what} that begins here does not end"), span)
    }

    fn message(&self) -> String {
        match &self.reason {
            Some(reason) => reason.clone(),
            None => format!(
                "cannot recognize input near '{}', expected {}",
                self.found,
                self.expected.join(" or ")
            ),
        }
    }
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
