//! The built-in functions of Hive, and how a call of one is resolved: name and argument types in, casts and result type out.
//!
//! A call is resolved anew wherever it runs: a fragment that travels carries the name and the arguments' types, never code.

pub mod aggregate;
pub mod collection;
pub mod conditional;
pub mod datetime;
pub mod document;
#[cfg(test)]
pub(crate) mod evaluate;
mod extension;
mod facts;
mod hive_names;
mod kernel;
pub mod math;
mod operators;
pub mod program;
#[cfg(test)]
mod reference;
pub mod registry;
pub(crate) mod resolve;
pub mod session;
pub mod table;
pub mod text;
pub mod window;

pub use extension::{Extension, NameTaken, extend};
pub(crate) use facts::MASKING_ALGORITHM;
pub use facts::{SETTINGS, SessionFacts};
pub use kernel::{Columns, Kernel, Rows};

use crate::types::HiveType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};
use std::sync::Arc;

/// An argument as the analyser knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    pub ty: HiveType,
    /// Its value, where the analyser could fold it.
    pub constant: Option<ScalarValue>,
}

/// A function that can be called here: how, and what it is said to do.
#[derive(Debug, Clone, Copy)]
pub struct Definition<R> {
    /// Lower case.
    pub name: &'static str,
    /// Other names of the same function.
    pub aliases: &'static [&'static str],
    /// What DESCRIBE FUNCTION prints; `_FUNC_` stands for the name.
    pub usage: &'static str,
    /// What DESCRIBE FUNCTION EXTENDED prints below that; empty for nothing.
    pub extended: &'static str,
    pub resolve: fn(&str, &[Arg], &SessionFacts) -> Result<R, FunctionError>,
}

pub type ScalarFunction = Definition<Scalar>;
pub type AggregateFunction = Definition<Aggregate>;
pub type WindowFunction = Definition<Window>;
pub type TableFunction = Definition<Table>;

/// One value per row.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// What each argument is cast to before the call.
    pub args: Vec<HiveType>,
    pub returns: HiveType,
    pub udf: Arc<ScalarUDF>,
}

/// One value per group, also over a window.
#[derive(Debug, Clone)]
pub struct Aggregate {
    pub args: Vec<HiveType>,
    pub returns: HiveType,
    pub udf: Arc<AggregateUDF>,
}

/// Only over a window.
#[derive(Debug, Clone)]
pub struct Window {
    pub args: Vec<HiveType>,
    pub returns: HiveType,
    pub udf: Arc<WindowUDF>,
}

/// Any number of rows per row. The UDF returns an array of structs with the columns as fields.
#[derive(Debug, Clone)]
pub struct Table {
    pub args: Vec<HiveType>,
    /// Names, for when the query gives none, and types.
    pub columns: Vec<(String, HiveType)>,
    pub udf: Arc<ScalarUDF>,
}

/// Why a call cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FunctionError {
    #[error("{function} takes {expected}, not {found} arguments")]
    Count { function: String, expected: String, found: usize },
    #[error("argument {position} of {function} is {found}, expected {expected}")]
    Type { function: String, position: usize, found: HiveType, expected: String },
    #[error("argument {position} of {function} must be a constant {expected}")]
    NotConstant { function: String, position: usize, expected: String },
    #[error("argument {position} of {function}: {reason}")]
    Value { function: String, position: usize, reason: String },
    #[error(
        "{function} is made of {class}, which is no program: say USING FILE 'path' and name the file in AS 'file arguments \
         RETURNS type'; classes of Java do not run here"
    )]
    NotAProgram { function: String, class: String },
    #[error("what {function} returns is not said in {class}: {reason}")]
    Signature { function: String, class: String, reason: String },
}
