//! The text of HiveQL: from tokens to the tree of a statement.

pub mod ast;
pub mod command;
mod error;
pub mod lexer;
mod parser;
mod quotes;
pub mod script;
mod substitution;

pub use error::{SyntaxError, position};
pub use parser::{is_reserved, parse_expr, parse_query, parse_statement, parse_type};
pub use quotes::back_quoted;
pub use substitution::Substituted;
