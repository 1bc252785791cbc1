//! Every function of this folder on the values of Hive's own tests.

use super::FUNCTIONS;
use crate::functions::{
    Arg, collection,
    evaluate::{arg, int, string, text, value, void},
};
use datafusion::common::ScalarValue;

fn boolean(value: impl Into<Option<bool>>) -> Arg {
    arg(ScalarValue::Boolean(value.into()))
}

fn check(cases: &[(&str, &[Arg], &str)]) {
    for (name, args, expected) in cases {
        assert_eq!(&text(FUNCTIONS, name, args), expected, "{name} of {args:?}");
    }
}

#[test]
fn one_of_the_values_is_chosen() {
    let decimal = arg(ScalarValue::Decimal128(Some(11), 2, 1));
    check(&[
        ("if", &[boolean(true), int(1), int(2)], "1"),
        ("if", &[boolean(None), int(1), int(2)], "2"),
        ("if", &[boolean(false), int(1), decimal.clone()], "1.1"),
        ("if", &[boolean(false), int(1), string("ABC")], "ABC"),
        ("if", &[boolean(true), void(), int(1)], "NULL"),
        ("nvl", &[void(), int(5)], "5"),
        ("coalesce", &[void(), void(), int(1), int(2)], "1"),
        ("coalesce", &[void()], "NULL"),
        ("when", &[boolean(false), int(1), boolean(true), int(2), int(3)], "2"),
        ("when", &[boolean(false), int(1)], "NULL"),
        ("case", &[int(2), int(1), string("a"), int(2), string("b")], "b"),
        ("case", &[void(), int(1), string("a"), string("z")], "z"),
    ]);
}

#[test]
fn equal_values_become_null() {
    let array = |elements: &[Arg]| value(collection::FUNCTIONS, "array", elements);
    let map = |entries: &[Arg]| value(collection::FUNCTIONS, "map", entries);
    let decimal = arg(ScalarValue::Decimal128(Some(10), 2, 1));
    check(&[
        ("nullif", &[int(1), int(1)], "NULL"),
        ("nullif", &[int(2), int(1)], "2"),
        ("nullif", &[int(1), void()], "1"),
        ("nullif", &[string("x"), string("")], "x"),
        ("nullif", &[decimal, int(1)], "NULL"),
        ("nullif", &[array(&[int(1), int(2)]), array(&[int(1), int(2)])], "NULL"),
        ("nullif", &[array(&[int(1), int(2)]), array(&[int(2), int(1)])], "[1, 2]"),
        (
            "nullif",
            &[
                map(&[string("a"), int(1), string("b"), int(2)]),
                map(&[string("b"), int(2), string("a"), int(1)]),
            ],
            "NULL",
        ),
    ]);
}

#[test]
fn truth_is_asked_for_and_answered() {
    check(&[
        ("isnull", &[void()], "true"),
        ("isnull", &[int(1)], "false"),
        ("isnotnull", &[void()], "false"),
        ("istrue", &[boolean(None)], "false"),
        ("isnottrue", &[boolean(None)], "true"),
        ("isfalse", &[boolean(false)], "true"),
        ("isnotfalse", &[boolean(None)], "true"),
        ("in", &[int(1), int(2), int(1)], "true"),
        ("in", &[int(1), int(2), void()], "NULL"),
        ("in", &[int(1), int(2), int(3)], "false"),
        ("between", &[boolean(false), int(2), int(1), int(3)], "true"),
        ("between", &[boolean(true), int(2), int(1), int(3)], "false"),
        ("between", &[boolean(false), int(2), int(3), void()], "false"),
        ("assert_true", &[boolean(true)], "NULL"),
    ]);
}

#[test]
fn a_constraint_holds_where_it_is_not_false_and_one_row_is_one_row() {
    let one = arg(ScalarValue::Int64(Some(1)));
    check(&[
        ("enforce_constraint", &[boolean(true)], "true"),
        ("enforce_constraint", &[boolean(None)], "true"),
        ("sq_count_check", &[one], "1"),
    ]);
}
