//! What the parser makes of a statement's text. It knows no catalog and no types of columns: names are names here.
//!
//! Every node that an error may have to point at carries its [`Span`].

mod ddl;
mod dml;
mod expr;
mod query;
mod statement;
pub mod walk;

pub use ddl::*;
pub use dml::*;
pub use expr::*;
pub use query::*;
pub use statement::*;

/// Bytes `start..end` of the script. Any two are equal: trees compare by what they say, not by where they say it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// From the start of one to the end of the other.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// An identifier. Hive folds all of them to lower case, quoted or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// As written, without back-quotes.
    pub text: String,
    pub quoted: bool,
    pub span: Span,
}

impl Name {
    /// What it is looked up by.
    pub fn folded(&self) -> String {
        self.text.to_lowercase()
    }

    pub fn is(&self, other: &str) -> bool {
        self.text.eq_ignore_ascii_case(other)
    }
}

/// A name of one to three parts, such as `table`, `database.table`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectName {
    pub parts: Vec<Name>,
    pub span: Span,
}
