//! first_value and last_value.

use super::{arguments::count, kernel::WindowKernel};
use crate::{
    functions::{Arg, FunctionError, Window, WindowFunction},
    types::HiveType,
};
use datafusion::{
    common::ScalarValue,
    functions_window::nth_value::{first_value_udwf, last_value_udwf},
    logical_expr::WindowUDF,
};
use std::sync::Arc;

pub const FIRST_VALUE: WindowFunction = WindowFunction {
    name: "first_value",
    aliases: &[],
    usage: "_FUNC_(x[, skip_nulls]) - Returns the value of x in the first row of the window's frame; with true as the \
            second argument, or IGNORE NULLS, in the first row in which it is not NULL",
    extended: "",
    resolve: |name, args, _| resolve(name, args, first_value_udwf()),
};

pub const LAST_VALUE: WindowFunction = WindowFunction {
    name: "last_value",
    aliases: &[],
    usage: "_FUNC_(x[, skip_nulls]) - Returns the value of x in the last row of the window's frame; with true as the \
            second argument, or IGNORE NULLS, in the last row in which it is not NULL",
    extended: "",
    resolve: |name, args, _| resolve(name, args, last_value_udwf()),
};

fn resolve(name: &str, args: &[Arg], udf: Arc<WindowUDF>) -> Result<Window, FunctionError> {
    count(name, args, 1..=2)?;
    let skips_nulls = match args.get(1) {
        Some(arg) if arg.ty != HiveType::Boolean => {
            return Err(FunctionError::Type {
                function: name.to_owned(),
                position: 2,
                found: arg.ty.clone(),
                expected: "boolean".into(),
            });
        }
        Some(arg) => match arg.constant {
            Some(ScalarValue::Boolean(skips_nulls)) => skips_nulls.unwrap_or(false),
            _ => {
                return Err(FunctionError::NotConstant {
                    function: name.to_owned(),
                    position: 2,
                    expected: "boolean".into(),
                });
            }
        },
        None => false,
    };
    let value = args[0].ty.clone();
    let kernel = WindowKernel::library(name, args, value.arrow(), udf).skipping_nulls(skips_nulls);
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    Ok(Window { args: takes, returns: value, udf: kernel.into_udf() })
}
