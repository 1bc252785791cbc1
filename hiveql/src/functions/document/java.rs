//! `uuid`, and the few static methods of Java's library that `reflect` can call here.

use crate::{
    functions::{
        Arg, FunctionError, Kernel, Rows, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, primitive, scalar, wrong_value},
    },
    render,
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, StringArray},
        datatypes::{Float64Type, Int64Type},
    },
    logical_expr::Volatility,
};
use std::sync::Arc;
use uuid::Uuid;

const REFLECT_USAGE: &str = "_FUNC_(class,method[,arg1[,arg2..]]) calls method with reflection";
const REFLECT_EXTENDED: &str = "Use this UDF to call Java methods by matching the argument signature\n";

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "uuid",
        aliases: &[],
        usage: "_FUNC_() - Returns a universally unique identifier (UUID) string.",
        extended: "The value is returned as a canonical UUID 36-character string.\nExample:\n  > SELECT _FUNC_();\n  '0baf1f52-53df-487f-8292-99a03716b688'\n  > SELECT _FUNC_();\n  '36718a53-84f5-45d6-8796-4f79983ad49d'",
        resolve: uuid,
    },
    ScalarFunction {
        name: "reflect",
        aliases: &["java_method"],
        usage: REFLECT_USAGE,
        extended: REFLECT_EXTENDED,
        resolve: reflect,
    },
];

fn uuid(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    Ok(random(name, args, vec![]))
}

fn random(name: &str, args: &[Arg], takes: Vec<HiveType>) -> Scalar {
    let returns = HiveType::String;
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Volatile, |_, rows: Rows| {
        let ids = (0..rows).map(|_| Uuid::new_v4().to_string());
        Ok(Arc::new(StringArray::from_iter_values(ids)) as ArrayRef)
    });
    Scalar { args: takes, returns, udf: kernel.into_udf() }
}

/// A method, by what it takes.
#[derive(Clone, Copy)]
enum Method {
    Double(fn(f64) -> f64),
    Doubles(fn(f64, f64) -> f64),
    Long(fn(i64) -> i64),
    Longs(fn(i64, i64) -> i64),
    Round,
    ValueOf,
    IsEmptyString,
    RandomUuid,
}

/// `whole` says that all arguments are whole numbers, for which some methods have a version of their own.
fn method(class: &str, name: &str, arity: usize, whole: bool) -> Option<Method> {
    Some(match (class, name, arity, whole) {
        ("java.lang.Math", "abs", 1, true) => Method::Long(i64::wrapping_abs),
        ("java.lang.Math", "abs", 1, false) => Method::Double(f64::abs),
        ("java.lang.Math", "max", 2, true) => Method::Longs(i64::max),
        ("java.lang.Math", "max", 2, false) => Method::Doubles(f64::max),
        ("java.lang.Math", "min", 2, true) => Method::Longs(i64::min),
        ("java.lang.Math", "min", 2, false) => Method::Doubles(f64::min),
        ("java.lang.Math", "round", 1, _) => Method::Round,
        ("java.lang.Math", "exp", 1, _) => Method::Double(f64::exp),
        ("java.lang.Math", "floor", 1, _) => Method::Double(f64::floor),
        ("java.lang.Math", "ceil", 1, _) => Method::Double(f64::ceil),
        ("java.lang.Math", "sqrt", 1, _) => Method::Double(f64::sqrt),
        ("java.lang.Math", "cbrt", 1, _) => Method::Double(f64::cbrt),
        ("java.lang.Math", "log", 1, _) => Method::Double(f64::ln),
        ("java.lang.Math", "log10", 1, _) => Method::Double(f64::log10),
        ("java.lang.Math", "sin", 1, _) => Method::Double(f64::sin),
        ("java.lang.Math", "cos", 1, _) => Method::Double(f64::cos),
        ("java.lang.Math", "tan", 1, _) => Method::Double(f64::tan),
        ("java.lang.Math", "pow", 2, _) => Method::Doubles(f64::powf),
        ("java.lang.Math", "atan2", 2, _) => Method::Doubles(f64::atan2),
        ("java.lang.Math", "hypot", 2, _) => Method::Doubles(f64::hypot),
        ("java.lang.String", "valueOf", 1, _) => Method::ValueOf,
        ("java.lang.String", "isEmpty", 0, _) => Method::IsEmptyString,
        ("java.util.UUID", "randomUUID", 0, _) => Method::RandomUuid,
        _ => return None,
    })
}

fn reflect(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let (class, called) = (constant_text(name, args, 0)?, constant_text(name, args, 1)?);
    let whole = args[2..].iter().all(|arg| arg.ty.is_integer());
    let method = method(&class, &called, args.len() - 2, whole)
        .ok_or_else(|| wrong_value(name, 1, format!("there is no method {called} of {class} here")))?;
    let takes = |ty: HiveType| {
        let mut takes = vec![HiveType::String, HiveType::String];
        takes.resize(args.len(), ty);
        takes
    };
    let returns = HiveType::String;
    Ok(match method {
        Method::RandomUuid => random(name, args, takes(returns)),
        Method::ValueOf => {
            scalar(name, args, takes(returns.clone()), returns, |columns, _| Ok(columns[2].clone()))
        }
        Method::IsEmptyString => scalar(name, args, takes(returns.clone()), returns, |_, rows| {
            Ok(crate::functions::resolve::repeated_text("true", rows))
        }),
        Method::Long(_) | Method::Longs(_) => {
            scalar(name, args, takes(HiveType::BigInt), returns, move |columns, rows| {
                let first = primitive::<Int64Type>(columns, 2)?;
                let second = primitive::<Int64Type>(columns, columns.len() - 1)?;
                Ok(texts(rows, |row| {
                    let (first, second) = (there(first, row)?, there(second, row)?);
                    Some(match method {
                        Method::Longs(call) => call(first, second).to_string(),
                        Method::Long(call) => call(first).to_string(),
                        _ => return None,
                    })
                }))
            })
        }
        _ => scalar(name, args, takes(HiveType::Double), returns, move |columns, rows| {
            let first = primitive::<Float64Type>(columns, 2)?;
            let second = primitive::<Float64Type>(columns, columns.len() - 1)?;
            Ok(texts(rows, |row| {
                let (first, second) = (there(first, row)?, there(second, row)?);
                Some(match method {
                    Method::Doubles(call) => written(call(first, second)),
                    Method::Double(call) => written(call(first)),
                    _ => ((first + 0.5).floor() as i64).to_string(),
                })
            }))
        }),
    })
}

fn there<T: datafusion::arrow::datatypes::ArrowPrimitiveType>(
    column: &datafusion::arrow::array::PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    use datafusion::arrow::array::Array;
    column.is_valid(row).then(|| column.value(row))
}

fn texts(rows: Rows, text: impl Fn(usize) -> Option<String>) -> ArrayRef {
    Arc::new((0..rows).map(text).collect::<StringArray>())
}

/// As `Double.toString` writes it.
pub(in crate::functions) fn written(value: f64) -> String {
    let mut text = Vec::new();
    render::number::double(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
