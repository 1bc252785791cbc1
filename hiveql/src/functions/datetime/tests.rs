//! Every function of this folder on the values of Hive's own tests.

use std::slice::from_ref;

use super::FUNCTIONS;
use crate::functions::{
    Arg,
    evaluate::{arg, int, string, text, value, void},
};
use datafusion::common::ScalarValue;

fn date(written: &str) -> Arg {
    value(FUNCTIONS, "date", &[string(written)])
}

fn timestamp(written: &str) -> Arg {
    value(FUNCTIONS, "timestamp", &[string(written)])
}

fn check(cases: &[(&str, &[Arg], &str)]) {
    for (name, args, expected) in cases {
        assert_eq!(&text(FUNCTIONS, name, args), expected, "{name} of {args:?}");
    }
}

#[test]
fn fields_are_those_of_the_calendar() {
    let time = timestamp("2011-05-06 07:08:09.123456");
    check(&[
        ("year", from_ref(&time), "2011"),
        ("quarter", from_ref(&time), "2"),
        ("month", from_ref(&time), "5"),
        ("day", from_ref(&time), "6"),
        ("dayofweek", from_ref(&time), "6"),
        ("week", from_ref(&time), "18"),
        ("hour", from_ref(&time), "7"),
        ("minute", from_ref(&time), "8"),
        ("second", from_ref(&time), "9"),
        ("minute", &[string("13:14:15")], "14"),
        ("second", &[string("2009-08-07")], "0"),
        ("weekofyear", &[string("1980-12-31")], "1"),
        ("year", &[void()], "NULL"),
    ]);
}

#[test]
fn fields_of_intervals_are_their_parts() {
    let months = value(FUNCTIONS, "interval_year_month", &[string("1-2")]);
    let time = value(FUNCTIONS, "interval_day_time", &[string("3 4:5:6.789")]);
    check(&[
        ("year", from_ref(&months), "1"),
        ("month", from_ref(&months), "2"),
        ("day", from_ref(&time), "3"),
        ("hour", from_ref(&time), "4"),
        ("minute", from_ref(&time), "5"),
        ("second", from_ref(&time), "6"),
    ]);
}

#[test]
fn days_and_months_are_added_as_in_hive() {
    check(&[
        ("date_add", &[string("2009-07-30"), int(1)], "2009-07-31"),
        ("date_sub", &[string("1900-01-01"), int(10)], "1899-12-22"),
        ("datediff", &[string("2009-07-30"), string("2009-07-31")], "-1"),
        ("add_months", &[string("2009-08-31"), int(1)], "2009-09-30"),
        ("add_months", &[string("2017-02-28"), int(1)], "2017-03-31"),
        (
            "add_months",
            &[string("2017-12-31 14:15:16"), int(2), string("yyyy-MM-dd HH:mm:ss")],
            "2018-02-28 14:15:16",
        ),
        ("last_day", &[string("2009-01-12")], "2009-01-31"),
        ("next_day", &[string("2015-01-14"), string("TU")], "2015-01-20"),
        ("next_day", &[string("2015-01-14"), string("wed")], "2015-01-21"),
        ("next_day", &[string("2015-01-14"), string("someday")], "NULL"),
        ("months_between", &[string("1995-02-02"), string("1995-01-01")], "1.03225806"),
        ("months_between", &[string("2001-06-30"), string("2000-05-31")], "13.0"),
        ("months_between", &[string("2002-02-28"), string("2002-03-01")], "-0.12903226"),
        ("months_between", &[string("1997-02-28 10:30:00"), string("1996-10-30")], "3.94959677"),
    ]);
}

#[test]
fn units_are_cut_off() {
    check(&[
        ("trunc", &[date("2009-02-12"), string("MM")], "2009-02-01"),
        ("trunc", &[date("2017-03-15"), string("Q")], "2017-01-01"),
        ("trunc", &[string("2015-10-27"), string("YEAR")], "2015-01-01"),
        ("trunc", &[string("2015-10-27"), string("hour")], "NULL"),
        ("trunc", &[arg(ScalarValue::Float64(Some(12345.54321))), int(1)], "12345.5"),
        ("trunc", &[arg(ScalarValue::Decimal128(Some(1_234_554_321), 10, 5)), int(1)], "12345.5"),
        ("trunc", &[arg(ScalarValue::Decimal128(Some(1_234_554_321), 10, 5)), int(-1)], "12340"),
        ("trunc", &[arg(ScalarValue::Decimal128(Some(1_234_554_321), 10, 5))], "12345"),
        ("floor_week", &[timestamp("2011-05-06 07:08:09")], "2011-05-02T00:00:00"),
    ]);
}

#[test]
fn instants_are_printed_and_read_in_the_zone_of_the_session() {
    check(&[
        ("unix_timestamp", &[], "1577863800"),
        ("unix_timestamp", &[string("2009-03-20 11:30:01")], "1237573801"),
        ("to_unix_timestamp", &[string("2009-03-20"), string("yyyy-MM-dd")], "1237532400"),
        ("to_unix_timestamp", &[date("2009-03-20")], "1237532400"),
        ("from_unixtime", &[int(1_237_573_801)], "2009-03-20 11:30:01"),
        ("from_unixtime", &[int(1_237_573_801), string("HH z")], "11 PDT"),
        ("date_format", &[string("2015-04-08"), string("EEEE")], "Wednesday"),
        ("date_format", &[string("2015-04-08"), string("B")], "NULL"),
        ("current_date", &[], "2019-12-31"),
        ("current_timestamp", &[], "2019-12-31T23:30:00"),
        ("to_epoch_milli", &[timestamp("2012-02-11 04:30:00")], "1328934600000"),
    ]);
}

#[test]
fn times_are_moved_between_zones() {
    let time = timestamp("2011-05-06 07:08:09");
    check(&[
        ("from_utc_timestamp", &[time.clone(), string("America/Chicago")], "2011-05-06T02:08:09"),
        ("to_utc_timestamp", &[time.clone(), string("America/Chicago")], "2011-05-06T12:08:09"),
        ("from_utc_timestamp", &[time, arg(ScalarValue::Utf8(None))], "NULL"),
    ]);
}

#[test]
fn every_function_says_what_it_does() {
    let mut names = std::collections::HashSet::new();
    for function in FUNCTIONS.iter().flat_map(|list| list.iter()) {
        assert!(!function.usage.is_empty(), "{}", function.name);
        for name in std::iter::once(&function.name).chain(function.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
        }
    }
}
