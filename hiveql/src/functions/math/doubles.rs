//! Functions of doubles, as `java.lang.Math` has them. Where Hive leaves their domain the answer is NULL.

use super::{function, operand::is_operand, with_aliases};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{ArrayRef, Float64Array},
    datatypes::Float64Type,
};
use std::{
    f64::consts::{E, LN_2, PI},
    sync::Arc,
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "sqrt",
        "_FUNC_(x) - returns the square root of x",
        "Example:\n   > SELECT _FUNC_(4) FROM src LIMIT 1;\n  2",
        one,
    ),
    function(
        "cbrt",
        "_FUNC_(double) - Returns the cube root of a double value.",
        "Example:\n  > SELECT _FUNC_(27.0);\n  3.0",
        one,
    ),
    function(
        "exp",
        "_FUNC_(x) - Returns e to the power of x",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "ln",
        "_FUNC_(x) - Returns the natural logarithm of x",
        "Example:\n   > SELECT _FUNC_(1) FROM src LIMIT 1;\n  0",
        one,
    ),
    function(
        "log10",
        "_FUNC_(x) - Returns the logarithm of x with base 10",
        "Example:\n   > SELECT _FUNC_(10) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "log2",
        "_FUNC_(x) - Returns the logarithm of x with base 2",
        "Example:\n   > SELECT _FUNC_(2) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "sin",
        "_FUNC_(x) - returns the sine of x (x is in radians)",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0",
        one,
    ),
    function(
        "asin",
        "_FUNC_(x) - returns the arc sine of x if -1<=x<=1 or NULL otherwise",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0\n  > SELECT _FUNC_(2) FROM src LIMIT 1;\n  NULL",
        one,
    ),
    function(
        "sinh",
        "_FUNC_(x) - returns the hyperbolic sine of x",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0",
        one,
    ),
    function(
        "cos",
        "_FUNC_(x) - returns the cosine of x (x is in radians)",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "acos",
        "_FUNC_(x) - returns the arc cosine of x if -1<=x<=1 or NULL otherwise",
        "Example:\n   > SELECT _FUNC_(1) FROM src LIMIT 1;\n  0\n  > SELECT _FUNC_(2) FROM src LIMIT 1;\n  NULL",
        one,
    ),
    function(
        "cosh",
        "_FUNC_(x) - returns the hyperbolic cosine of x",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "tan",
        "_FUNC_(x) - returns the tangent of x (x is in radians)",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  1",
        one,
    ),
    function(
        "atan",
        "_FUNC_(x) - returns the atan (arctan) of x (x is in radians)",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0",
        one,
    ),
    function(
        "tanh",
        "_FUNC_(x) - returns the hyperbolic tangent of x",
        "Example:\n   > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0",
        one,
    ),
    function(
        "degrees",
        "_FUNC_(x) - Converts radians to degrees",
        "Example:\n  > SELECT _FUNC_(30) FROM src LIMIT 1;\n  -1",
        one,
    ),
    function(
        "radians",
        "_FUNC_(x) - Converts degrees to radians",
        "Example:\n  > SELECT _FUNC_(90) FROM src LIMIT 1;\n  1.5707963267949mo\n",
        one,
    ),
    function(
        "log",
        "_FUNC_([b], x) - Returns the logarithm of x with base b",
        "Example:\n   > SELECT _FUNC_(13, 13) FROM src LIMIT 1;\n  1",
        log,
    ),
    with_aliases(
        "power",
        &["pow"],
        "_FUNC_(x1, x2) - raise x1 to the power of x2",
        "Example:\n  > SELECT _FUNC_(2, 3) FROM src LIMIT 1;\n  8",
        power,
    ),
    function(
        "e",
        "_FUNC_() - returns E",
        "Example:\n  > SELECT _FUNC_() FROM src LIMIT 1;\n  2.718281828459045",
        constant,
    ),
    function(
        "pi",
        "_FUNC_() - returns PI",
        "Example:\n  > SELECT _FUNC_() FROM src LIMIT 1;\n  3.14159...",
        constant,
    ),
];

/// A function, and whether it is defined somewhere.
type Partial = (fn(f64) -> f64, fn(f64) -> bool);

fn call_of(name: &str) -> Partial {
    fn everywhere(_: f64) -> bool {
        true
    }
    // What is no number is in each domain.
    fn positive(x: f64) -> bool {
        x > 0.0 || x.is_nan()
    }
    fn not_negative(x: f64) -> bool {
        x >= 0.0 || x.is_nan()
    }
    fn unit(x: f64) -> bool {
        x.abs() <= 1.0 || x.is_nan()
    }
    match name {
        "sqrt" => (f64::sqrt, not_negative),
        "cbrt" => (f64::cbrt, everywhere),
        "exp" => (f64::exp, everywhere),
        "ln" => (f64::ln, positive),
        "log10" => (f64::log10, positive),
        "log2" => (|x| x.ln() / LN_2, positive),
        "sin" => (f64::sin, everywhere),
        "asin" => (f64::asin, unit),
        "sinh" => (f64::sinh, everywhere),
        "cos" => (f64::cos, everywhere),
        "acos" => (f64::acos, unit),
        "cosh" => (f64::cosh, everywhere),
        "tan" => (f64::tan, everywhere),
        "atan" => (f64::atan, everywhere),
        "tanh" => (f64::tanh, everywhere),
        "degrees" => (f64::to_degrees, everywhere),
        _ => (f64::to_radians, everywhere),
    }
}

fn takes(name: &str, args: &[Arg]) -> Result<Vec<HiveType>, FunctionError> {
    match args.iter().position(|arg| !is_operand(&arg.ty)) {
        Some(wrong) => Err(wrong_type(name, args, wrong, "double")),
        None => Ok(vec![HiveType::Double; args.len()]),
    }
}

fn one(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    unary(name, args, name)
}

/// `called` is the function whose name is in [`call_of`].
fn unary(name: &str, args: &[Arg], called: &str) -> Result<Scalar, FunctionError> {
    let (call, is_defined) = call_of(called);
    Ok(scalar(name, args, takes(name, args)?, HiveType::Double, move |columns, _| {
        let numbers = primitive::<Float64Type>(columns, 0)?;
        if numbers.values().iter().all(|x| is_defined(*x)) {
            return Ok(Arc::new(numbers.unary::<_, Float64Type>(call)));
        }
        Ok(Arc::new(numbers.unary_opt::<_, Float64Type>(|x| is_defined(x).then(|| call(x)))))
    }))
}

fn log(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    if args.len() == 1 {
        return unary(name, args, "ln");
    }
    binary(name, args, |base, x| {
        let is_outside = base <= 1.0 || x <= 0.0;
        (!is_outside).then(|| x.ln() / base.ln())
    })
}

fn power(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    binary(name, args, |base, exponent| Some(java_power(base, exponent)))
}

/// Java leaves open what C defines: 1 to what is no number, and 1 and -1 to infinity.
fn java_power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) {
        return f64::NAN;
    }
    base.powf(exponent)
}

fn binary(name: &str, args: &[Arg], call: fn(f64, f64) -> Option<f64>) -> Result<Scalar, FunctionError> {
    Ok(scalar(name, args, takes(name, args)?, HiveType::Double, move |columns, _| {
        let (left, right) = (primitive::<Float64Type>(columns, 0)?, primitive::<Float64Type>(columns, 1)?);
        let answers = left.iter().zip(right).map(|(left, right)| call(left?, right?));
        Ok(Arc::new(answers.collect::<Float64Array>()))
    }))
}

fn constant(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    let value = if name == "e" { E } else { PI };
    Ok(scalar(name, args, vec![], HiveType::Double, move |_, rows| {
        Ok(Arc::new(Float64Array::from_value(value, rows)) as ArrayRef)
    }))
}
