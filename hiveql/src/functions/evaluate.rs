//! Calls of functions on single values, for the tests of this folder.

use super::{Arg, Scalar, ScalarFunction, SessionFacts, Table, TableFunction};
use crate::types::HiveType;
use chrono::{TimeZone, Utc};
use datafusion::{
    arrow::{
        array::ArrayRef,
        compute::cast,
        datatypes::Field,
        util::display::{ArrayFormatter, FormatOptions},
    },
    common::{ScalarValue, config::ConfigOptions},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};
use std::sync::Arc;

pub(crate) fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::America::Los_Angeles,
        now: Utc.with_ymd_and_hms(2020, 1, 1, 7, 30, 0).unwrap(),
        user: "hive".into(),
        database: "default".into(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

pub(crate) fn arg(value: ScalarValue) -> Arg {
    Arg { ty: HiveType::of_arrow(&value.data_type()).unwrap(), constant: Some(value) }
}

pub(crate) fn string(value: &str) -> Arg {
    arg(ScalarValue::Utf8(Some(value.into())))
}

pub(crate) fn int(value: i32) -> Arg {
    arg(ScalarValue::Int32(Some(value)))
}

pub(crate) fn void() -> Arg {
    arg(ScalarValue::Null)
}

fn find<R>(lists: &'static [&'static [super::Definition<R>]], name: &str) -> &'static super::Definition<R> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    all.find(|function| function.name == name || function.aliases.contains(&name)).unwrap()
}

fn invoke(udf: &ScalarUDF, takes: &[HiveType], args: &[Arg], returns: &HiveType) -> ArrayRef {
    let columns: Vec<ArrayRef> = args
        .iter()
        .zip(takes)
        .map(|(arg, ty)| {
            let column = arg.constant.clone().unwrap().to_array_of_size(1).unwrap();
            cast(&column, &ty.arrow()).unwrap()
        })
        .collect();
    let call = ScalarFunctionArgs {
        arg_fields: columns
            .iter()
            .map(|column| Arc::new(Field::new("", column.data_type().clone(), true)))
            .collect(),
        args: columns.into_iter().map(ColumnarValue::Array).collect(),
        number_rows: 1,
        return_field: Arc::new(Field::new("", returns.arrow(), true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    udf.invoke_with_args(call).unwrap().into_array(1).unwrap()
}

fn shown(array: &ArrayRef) -> String {
    let options = FormatOptions::default().with_null("NULL");
    ArrayFormatter::try_new(array.as_ref(), &options).unwrap().value(0).to_string()
}

/// The answer of a scalar function as a constant.
pub(crate) fn value(functions: &'static [&'static [ScalarFunction]], name: &str, args: &[Arg]) -> Arg {
    let Scalar { args: takes, returns, udf } = (find(functions, name).resolve)(name, args, &facts()).unwrap();
    let array = invoke(&udf, &takes, args, &returns);
    assert_eq!(array.data_type(), &returns.arrow(), "{name}");
    Arg { ty: returns, constant: Some(ScalarValue::try_from_array(&array, 0).unwrap()) }
}

/// The answer of a scalar function, as text.
pub(crate) fn text(functions: &'static [&'static [ScalarFunction]], name: &str, args: &[Arg]) -> String {
    let answer = value(functions, name, args);
    shown(&answer.constant.unwrap().to_array().unwrap())
}

/// The rows of a table function, as text.
pub(crate) fn rows(functions: &'static [&'static [TableFunction]], name: &str, args: &[Arg]) -> String {
    let Table { args: takes, columns, udf } = (find(functions, name).resolve)(name, args, &facts()).unwrap();
    let returns = HiveType::array(HiveType::structure(columns));
    let array = invoke(&udf, &takes, args, &returns);
    assert_eq!(array.data_type(), &returns.arrow(), "{name}");
    shown(&array)
}
