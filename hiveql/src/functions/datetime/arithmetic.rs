//! Days added to dates, taken from them, and between them.

use super::{amount, civil::date_of, temporal};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Date32Array, Int32Array},
    datatypes::{Date32Type, Int32Type},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "date_add",
        aliases: &[],
        usage: "_FUNC_(start_date, num_days) - Returns the date that is num_days after start_date.",
        extended: "start_date is a string in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. num_days is a number. The time part of start_date is ignored.\nExample:\n   > SELECT _FUNC_('2009-07-30', 1) FROM src LIMIT 1;\n  '2009-07-31'",
        resolve: date_add,
    },
    ScalarFunction {
        name: "date_sub",
        aliases: &[],
        usage: "_FUNC_(start_date, num_days) - Returns the date that is num_days before start_date.",
        extended: "start_date is a string in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. num_days is a number. The time part of start_date is ignored.\nExample:\n   > SELECT _FUNC_('2009-07-30', 1) FROM src LIMIT 1;\n  '2009-07-29'",
        resolve: date_sub,
    },
    ScalarFunction {
        name: "datediff",
        aliases: &[],
        usage: "_FUNC_(date1, date2) - Returns the number of days between date1 and date2",
        extended: "date1 and date2 are strings in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. The time parts are ignored.If date1 is earlier than date2, the result is negative.\nExample:\n   > SELECT _FUNC_('2009-07-30', '2009-07-31') FROM src LIMIT 1;\n  1",
        resolve: datediff,
    },
];

fn date_add(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    move_days(name, args, i32::checked_add)
}

fn date_sub(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    move_days(name, args, i32::checked_sub)
}

fn move_days(name: &str, args: &[Arg], step: fn(i32, i32) -> Option<i32>) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let takes = vec![temporal(name, args, 0, HiveType::Date)?, amount(name, args, 1)?];
    Ok(scalar(name, args, takes, HiveType::Date, move |columns, _| {
        let (dates, amounts) = (primitive::<Date32Type>(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
        let moved = dates
            .iter()
            .zip(amounts)
            .map(|(days, amount)| step(days?, amount?).filter(|days| date_of(*days).is_some()));
        Ok(Arc::new(moved.collect::<Date32Array>()))
    }))
}

fn datediff(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let takes = vec![temporal(name, args, 0, HiveType::Date)?, temporal(name, args, 1, HiveType::Date)?];
    Ok(scalar(name, args, takes, HiveType::Int, |columns, _| {
        let (left, right) = (primitive::<Date32Type>(columns, 0)?, primitive::<Date32Type>(columns, 1)?);
        let days = left.iter().zip(right).map(|(left, right)| left?.checked_sub(right?));
        Ok(Arc::new(days.collect::<Int32Array>()))
    }))
}
