//! What a query can learn of the session that it runs in, and of its own values' types.

mod privileges;
#[cfg(test)]
mod tests;

use super::{
    Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
    resolve::{count, repeated_text, scalar},
};
use crate::types::HiveType;
use datafusion::arrow::array::{BooleanArray, ListArray, StringArray};
use datafusion::arrow::{
    buffer::OffsetBuffer,
    datatypes::{DataType, Field},
};
use std::sync::Arc;

/// The release of Hive whose language this is.
const VERSION: &str = concat!("4.0.0 (Skep ", env!("CARGO_PKG_VERSION"), ")");

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[SESSION, privileges::FUNCTIONS];

const SESSION: &[ScalarFunction] = &[
    ScalarFunction {
        name: "current_user",
        aliases: &[],
        usage: "_FUNC_() - Returns current user name",
        extended: "SessionState UserFromAuthenticator",
        resolve: current_user,
    },
    ScalarFunction {
        name: "logged_in_user",
        aliases: &[],
        usage: "_FUNC_() - Returns logged in user name",
        extended: "SessionState GetUserName - the username provided at session initialization",
        resolve: current_user,
    },
    ScalarFunction {
        name: "current_database",
        aliases: &["current_schema"],
        usage: "_FUNC_() - returns currently using database name",
        extended: "",
        resolve: current_database,
    },
    ScalarFunction {
        name: "current_catalog",
        aliases: &[],
        usage: "_FUNC_() - returns currently using catalog name",
        extended: "",
        resolve: current_catalog,
    },
    ScalarFunction {
        name: "current_groups",
        aliases: &[],
        usage: "_FUNC_() - Returns all groups the current user belongs to",
        extended: "SessionState GroupsFromAuthenticator",
        resolve: current_groups,
    },
    ScalarFunction {
        name: "current_authorizer",
        aliases: &[],
        usage: "_FUNC_() - Returns the current authorizer (Hive's default or sql standard)",
        extended: "",
        resolve: current_authorizer,
    },
    ScalarFunction {
        name: "restrict_information_schema",
        aliases: &[],
        usage: "_FUNC_() - Returns whether or not to enable information schema restriction",
        extended: "Currently it is enabled if either HS2 authorizer or metastore authorizer implements policy provider interface",
        resolve: restrict_information_schema,
    },
    ScalarFunction {
        name: "version",
        aliases: &["buildversion"],
        usage: "_FUNC_() - Returns the Hive build version string - includes base version and revision.",
        extended: "",
        resolve: version,
    },
    ScalarFunction {
        name: "typeof",
        aliases: &[],
        usage: "_FUNC_(a) - Returns the type of the supplied argument",
        extended: "",
        resolve: type_of,
    },
];

/// The same text in each row.
fn constant(name: &str, args: &[Arg], value: String) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    Ok(scalar(name, args, vec![], HiveType::String, move |_, rows| Ok(repeated_text(&value, rows))))
}

fn current_user(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    constant(name, args, facts.user.clone())
}

fn current_database(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    constant(name, args, facts.database.clone())
}

/// There is one, under the name that Hive gives its own.
fn current_catalog(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    constant(name, args, "hive".to_owned())
}

fn version(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    constant(name, args, VERSION.to_owned())
}

/// Nobody is asked here whether a query may run.
fn current_authorizer(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    constant(name, args, "none".to_owned())
}

fn restrict_information_schema(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    Ok(scalar(name, args, vec![], HiveType::Boolean, |_, rows| {
        Ok(Arc::new(BooleanArray::from(vec![false; rows])))
    }))
}

/// A session knows its user alone, whose own group this is.
fn current_groups(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    let user = facts.user.clone();
    Ok(scalar(name, args, vec![], HiveType::array(HiveType::String), move |_, rows| {
        let values = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&user, rows)));
        let field = Arc::new(Field::new("item", DataType::Utf8, true));
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows));
        Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
    }))
}

fn type_of(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = args[0].ty.to_string();
    Ok(scalar(name, args, vec![args[0].ty.clone()], HiveType::String, move |_, rows| {
        Ok(repeated_text(&ty, rows))
    }))
}
