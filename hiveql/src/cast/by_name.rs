//! Casts that are called by the name of their type: `int(x)` is `CAST(x AS int)`.
//!
//! Dates, timestamps and intervals have such functions in their own folder. Types with a length or a precision are not among them: Hive has such functions, but only CAST can tell them how long.

use super::{cast_in_zone, conversion};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, wrong_type, wrong_value},
    },
    types::HiveType,
};

/// The functions that are called by the names of types.
pub const NAMED: &[ScalarFunction] = &[
    named("boolean", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("tinyint", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("smallint", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("int", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("bigint", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("float", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("double", "_FUNC_(x) - converts it's parameter to _FUNC_", resolve),
    named("string", "_FUNC_(expr) - converts it's parameter to _FUNC_", resolve),
    named("binary", "_FUNC_(a) - cast a to binary", resolve),
    named(
        "timestamp with local time zone",
        "CAST(STRING as TIMESTAMP WITH LOCAL TIME ZONE) - returns the timestamp with local time zone represented by string.",
        resolve,
    ),
    named("decimal", "_FUNC_(a) - cast a to decimal", without_length),
    named("char", "CAST(<value> as CHAR(length)) - Converts the argument to a char value.", without_length),
    named(
        "varchar",
        "CAST(<value> as VARCHAR(length)) - Converts the argument to a varchar value.",
        without_length,
    ),
];

const fn named(
    name: &'static str,
    usage: &'static str,
    resolve: fn(&str, &[Arg], &SessionFacts) -> Result<Scalar, FunctionError>,
) -> ScalarFunction {
    ScalarFunction { name, aliases: &[], usage, extended: "", resolve }
}

fn resolve(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let to = of_name(name).ok_or_else(|| wrong_value(name, 0, "there is no such type"))?;
    let from = args[0].ty.clone();
    if from != to && conversion(&from, &to).is_none() {
        return Err(wrong_type(name, args, 0, &format!("what can be cast to {to}")));
    }
    let (takes, returns, zone) = (vec![from.clone()], to.clone(), facts.timezone);
    Ok(scalar(name, args, takes, returns, move |columns, _| cast_in_zone(&columns[0], &from, &to, zone)))
}

fn without_length(name: &str, _: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let reason = format!("{name} type used without type params: write CAST(x AS {name}(...))");
    Err(wrong_value(name, 0, reason))
}

fn of_name(name: &str) -> Option<HiveType> {
    let types = [
        HiveType::Boolean,
        HiveType::TinyInt,
        HiveType::SmallInt,
        HiveType::Int,
        HiveType::BigInt,
        HiveType::Float,
        HiveType::Double,
        HiveType::String,
        HiveType::Binary,
        HiveType::TimestampLocalTz,
    ];
    types.into_iter().find(|ty| ty.to_string().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::evaluate;
    use datafusion::common::ScalarValue;

    const ALL: &[&[ScalarFunction]] = &[NAMED];

    #[test]
    fn a_type_called_like_a_function_casts() {
        for (name, argument, answer) in [
            ("int", evaluate::string("12.9"), "12"),
            ("int", evaluate::string("x"), "NULL"),
            ("bigint", evaluate::string("9223372036854775807"), "9223372036854775807"),
            ("smallint", evaluate::arg(ScalarValue::Float64(Some(0.9))), "0"),
            ("boolean", evaluate::string("false"), "false"),
            ("string", evaluate::int(7), "7"),
        ] {
            assert_eq!(
                evaluate::text(ALL, name, std::slice::from_ref(&argument)),
                answer,
                "{name} {argument:?}"
            );
        }
    }

    #[test]
    fn a_type_with_a_length_needs_cast() {
        for name in ["char", "varchar", "decimal"] {
            let error = without_length(name, &[evaluate::int(1)], &evaluate::facts()).unwrap_err();
            assert!(error.to_string().contains("without type params"), "{error}");
        }
    }

    #[test]
    fn each_name_is_that_of_a_type() {
        for function in
            NAMED.iter().filter(|function| !["decimal", "char", "varchar"].contains(&function.name))
        {
            assert!(of_name(function.name).is_some(), "{}", function.name);
        }
    }
}
