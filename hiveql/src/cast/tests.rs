//! Rules of the casts, on single values that are printed as Hive's CLI prints them.

use super::*;
use crate::{functions::registry, render::Renderer};
use HiveType as T;
use chrono::{TimeZone, Utc};
use datafusion::arrow::array::{BinaryArray, StringArray};
use std::sync::Arc;

fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::US::Pacific,
        now: Utc.with_ymd_and_hms(2020, 1, 1, 7, 30, 0).unwrap(),
        user: "hive".into(),
        database: "default".into(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn shown(array: &ArrayRef, ty: &HiveType) -> String {
    assert_eq!(*array.data_type(), ty.arrow());
    let mut out = Vec::new();
    let known = Renderer::new(array, ty, &facts()).unwrap().write(0, &mut out);
    if known { String::from_utf8(out).unwrap() } else { "NULL".into() }
}

/// Casts a string through all of the types.
fn through(value: &str, types: &[HiveType]) -> String {
    let (mut array, mut from) = (text(value), T::String);
    for to in types {
        array = cast_array(&array, &from, to, &facts()).unwrap();
        from = to.clone();
    }
    shown(&array, &from)
}

#[test]
fn text_is_read_as_a_number_or_is_null() {
    for (value, to, expected) in [
        ("12", T::Int, "12"),
        (" 12 ", T::Int, "12"),
        ("12.9", T::Int, "12"),
        ("-12.9", T::TinyInt, "-12"),
        ("128", T::TinyInt, "NULL"),
        ("abc", T::Int, "NULL"),
        ("", T::Int, "NULL"),
        ("1e3", T::Int, "NULL"),
        ("9223372036854775808", T::BigInt, "NULL"),
        ("1e3", T::Double, "1000.0"),
        (" 1.5 ", T::Double, "1.5"),
        ("x", T::Double, "NULL"),
        ("11.00", T::Float, "11.0"),
        ("11.00", T::decimal(10, 0), "11"),
        ("0.99999999999999999999", T::decimal(20, 20), "0.99999999999999999999"),
        ("100", T::decimal(4, 2), "NULL"),
    ] {
        assert_eq!(through(value, std::slice::from_ref(&to)), expected, "{value} {to}");
    }
}

#[test]
fn numbers_are_narrowed_as_java_narrows_them() {
    for (value, from, to, expected) in [
        ("300", T::Int, T::TinyInt, "44"),
        ("4294967297", T::BigInt, T::Int, "1"),
        ("1e30", T::Double, T::Int, "2147483647"),
        ("-1e30", T::Double, T::BigInt, "-9223372036854775808"),
        ("NaN", T::Double, T::Int, "0"),
        ("300.7", T::Double, T::TinyInt, "44"),
        ("1e30", T::Double, T::SmallInt, "-1"),
        ("-51.9", T::Float, T::BigInt, "-51"),
        ("773600971", T::Int, T::Float, "7.7360096E8"),
        ("-102936434", T::Int, T::Float, "-1.02936432E8"),
        ("3", T::TinyInt, T::Double, "3.0"),
    ] {
        assert_eq!(through(value, &[from.clone(), to.clone()]), expected, "{value} {from} {to}");
    }
}

#[test]
fn decimals_are_rounded_half_up_cut_for_integers_and_null_where_they_do_not_fit() {
    let wide = T::decimal(18, 9);
    for (value, from, to, expected) in [
        ("17.29", wide.clone(), T::TinyInt, "17"),
        ("-17.99", wide.clone(), T::Int, "-17"),
        ("3404045.5044003", wide.clone(), T::SmallInt, "NULL"),
        ("3404045.5044003", wide.clone(), T::Float, "3404045.5"),
        ("3404045.5044003", wide.clone(), T::Double, "3404045.5044003"),
        ("3404045.5044003", wide.clone(), T::String, "3404045.504400300"),
        ("12345678901234567.1", T::decimal(38, 1), T::Double, "1.2345678901234568E16"),
        ("17.29", wide.clone(), T::Boolean, "true"),
        ("17.29", wide.clone(), T::Timestamp, "1970-01-01 00:00:17.29"),
        ("1.005", wide.clone(), T::decimal(4, 2), "1.01"),
        ("-1.005", wide.clone(), T::decimal(4, 2), "-1.01"),
        ("-1255.49", wide.clone(), T::decimal(6, 3), "NULL"),
        ("3.14", T::Double, T::decimal(5, 4), "3.1400"),
        ("3.14", T::Float, T::decimal(4, 2), "3.14"),
        ("Infinity", T::Double, T::decimal(4, 2), "NULL"),
        ("100", T::TinyInt, T::decimal(4, 2), "NULL"),
        ("3", T::BigInt, T::decimal(10, 0), "3"),
    ] {
        assert_eq!(through(value, &[from.clone(), to.clone()]), expected, "{value} {from} {to}");
    }
}

#[test]
fn text_is_false_for_a_few_words_only() {
    for (value, expected) in [
        ("false", "false"),
        ("OFF", "false"),
        ("no", "false"),
        ("0", "false"),
        ("", "false"),
        ("2yK", "true"),
    ] {
        assert_eq!(through(value, &[T::Boolean]), expected, "{value}");
    }
}

#[test]
fn booleans_become_numbers_and_words_in_capitals() {
    for (to, expected) in [
        (T::Int, "1"),
        (T::Double, "1.0"),
        (T::decimal(10, 0), "1"),
        (T::String, "TRUE"),
        (T::Char(6), "TRUE  "),
        (T::Varchar(2), "TR"),
        (T::Timestamp, "1970-01-01 00:00:00.001"),
    ] {
        assert_eq!(through("true", &[T::Boolean, to.clone()]), expected, "{to}");
    }
}

#[test]
fn texts_are_cut_and_chars_are_printed_with_blanks() {
    for (value, types, expected) in [
        ("grün", vec![T::Varchar(3)], "grü"),
        ("ab  cd", vec![T::Char(3)], "ab "),
        ("ab  cd", vec![T::Char(3), T::String], "ab"),
        ("abc123", vec![T::Char(10), T::Char(10)], "abc123    "),
        ("abc123", vec![T::Char(10), T::Varchar(10)], "abc123"),
        ("hello", vec![T::Char(10), T::Binary], "hello     "),
        ("hello", vec![T::Varchar(10), T::Binary, T::String], "hello"),
        ("11.00", vec![T::Float, T::Char(10)], "11.0      "),
        ("11", vec![T::Char(10), T::Int], "11"),
    ] {
        assert_eq!(through(value, &types), expected, "{value} {types:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&[b'a', 0xff, b'b'][..]]));
    assert_eq!(
        shown(&cast_array(&bytes, &T::Binary, &T::String, &facts()).unwrap(), &T::String),
        "a\u{fffd}b"
    );
}

#[test]
fn times_count_seconds_and_integers_count_milliseconds() {
    for (value, types, expected) in [
        ("1969-12-31 16:00:08.451", vec![T::Timestamp, T::Int], "-28792"),
        ("1969-12-31 16:00:08.451", vec![T::Timestamp, T::Double], "-28791.549"),
        ("2011-04-30 03:46:56.4485", vec![T::Timestamp, T::TinyInt], "NULL"),
        ("2011-04-30 03:46:56.4485", vec![T::Timestamp, T::Boolean], "true"),
        ("2012-12-19 11:12:19.123456", vec![T::Timestamp, T::decimal(30, 8)], "1355915539.12345600"),
        ("773600971", vec![T::Int, T::Timestamp], "1970-01-09 22:53:20.971"),
        ("-51", vec![T::TinyInt, T::Timestamp], "1969-12-31 23:59:59.949"),
        ("1.5", vec![T::Double, T::Timestamp], "1970-01-01 00:00:01.5"),
        ("55.6189189189", vec![T::decimal(20, 10), T::Timestamp], "1970-01-01 00:00:55.618918"),
        ("2020-02-29", vec![T::Date, T::Timestamp], "2020-02-29 00:00:00"),
        ("2020-02-29 23:59:59", vec![T::Timestamp, T::Date], "2020-02-29"),
        ("2020-02-29 23:59:59", vec![T::Timestamp, T::String], "2020-02-29 23:59:59"),
        ("2011-01-01", vec![T::Char(12), T::Date, T::Char(12)], "2011-01-01  "),
        ("2011-01-01", vec![T::Date, T::Boolean], "NULL"),
        ("2011-01-01", vec![T::Date, T::Int], "NULL"),
        ("nothing", vec![T::Date], "NULL"),
    ] {
        assert_eq!(through(value, &types), expected, "{value} {types:?}");
    }
}

#[test]
fn zoned_times_are_those_of_the_session() {
    for (value, types, expected) in [
        ("2020-07-01 12:00:00 UTC", vec![T::TimestampLocalTz], "2020-07-01 05:00:00 US/Pacific"),
        ("2020-07-01 12:00:00", vec![T::TimestampLocalTz, T::Timestamp], "2020-07-01 12:00:00"),
        ("2020-07-01 03:00:00 UTC", vec![T::TimestampLocalTz, T::Date], "2020-06-30"),
        ("2020-07-01", vec![T::Date, T::TimestampLocalTz], "2020-07-01 00:00:00 US/Pacific"),
        ("1970-01-01 00:00:10 UTC", vec![T::TimestampLocalTz, T::BigInt], "10"),
        ("2020-07-01 12:00:00 UTC", vec![T::TimestampLocalTz, T::String], "2020-07-01 05:00:00 US/Pacific"),
    ] {
        assert_eq!(through(value, &types), expected, "{value} {types:?}");
    }
}

#[test]
fn intervals_are_read_and_written() {
    assert_eq!(through("10-11", &[T::Varchar(10), T::IntervalYearMonth, T::String]), "10-11");
    assert_eq!(through("2 1:2:3", &[T::Char(10), T::IntervalDayTime]), "2 01:02:03.000000000");
    assert_eq!(through("x", &[T::IntervalDayTime]), "NULL");
}

#[test]
fn what_hive_cannot_cast_is_an_error() {
    for (from, to) in [
        (T::Int, T::Date),
        (T::Int, T::Binary),
        (T::Binary, T::Int),
        (T::Int, T::IntervalDayTime),
        (T::array(T::Int), T::String),
        (T::Int, T::array(T::Int)),
        (T::IntervalDayTime, T::Double),
    ] {
        let error = cast(lit(1), &from, &to, &facts()).unwrap_err();
        assert_eq!(error, CastError { from: from.clone(), to: to.clone() });
        assert_eq!(error.to_string(), format!("cannot cast {from} to {to}"));
    }
}

#[test]
fn what_arrow_does_as_hive_is_left_to_it() {
    let facts = facts();
    let cast = |from, to| super::cast(lit(1), &from, &to, &facts).unwrap();
    assert!(matches!(cast(T::Int, T::BigInt), Expr::Cast(_)));
    assert!(matches!(cast(T::Date, T::Timestamp), Expr::Cast(_)));
    assert!(matches!(cast(T::BigInt, T::Int), Expr::ScalarFunction(_)));
    assert_eq!(cast(T::Varchar(3), T::String), lit(1));
    assert_eq!(cast(T::Char(3), T::Char(5)), lit(1));
    let void = cast(T::Void, T::map(T::Int, T::array(T::String)));
    assert!(matches!(void, Expr::Literal(value, _) if value.is_null()));
}

/// What another process does with the name and the arguments of a call.
#[test]
fn a_cast_is_resolved_again_from_its_arguments() {
    let nested = T::map(T::Char(3), T::structure([("a b", T::decimal(4, 2))]));
    let from = T::map(T::String, T::structure([("a b", T::String)]));
    let facts = facts();
    let casts = [
        cast(lit("x"), &from, &nested, &facts).unwrap(),
        cast_with_format(lit("x"), &T::String, &T::Date, "dd.mm.yyyy", &facts).unwrap(),
        cast_with_format(lit("x"), &T::Timestamp, &T::Varchar(4), "yyyy-mm", &facts).unwrap(),
    ];
    for expression in casts {
        let Expr::ScalarFunction(call) = expression else { panic!() };
        let kernel = call.func.inner().as_ref() as &dyn std::any::Any;
        let kernel = kernel.downcast_ref::<crate::functions::Kernel>().unwrap();
        let definition = registry::scalar(call.func.name()).unwrap();
        let again = (definition.resolve)(call.func.name(), kernel.args(), &facts).unwrap();
        assert_eq!(again.udf, call.func);
        assert_eq!(call.args.len(), kernel.args().len());
    }
    assert!(cast_with_format(lit("x"), &T::String, &T::Date, "yyyy", &facts).is_err());
    assert!(cast_with_format(lit("x"), &T::Int, &T::String, "yyyy", &facts).is_err());
}

#[test]
fn a_format_is_used_in_both_directions() {
    let read = Formatted::new(&T::String, &T::Date, "dd.mm.yyyy", &facts()).unwrap();
    let dates = read.cast(&text(" 24.12.2019 ")).unwrap();
    assert_eq!(shown(&dates, &T::Date), "2019-12-24");
    let print = Formatted::new(&T::Date, &T::Varchar(7), "yyyy/mm/dd", &facts()).unwrap();
    assert_eq!(shown(&print.cast(&dates).unwrap(), &T::Varchar(7)), "2019/12");
}
