//! Every function of this folder on the values of Hive's own tests.

use super::FUNCTIONS;
use crate::functions::{
    Arg, collection,
    evaluate::{arg, int, rows, string, value, void},
};
use datafusion::common::ScalarValue;

fn made(name: &str, args: &[Arg]) -> Arg {
    value(collection::FUNCTIONS, name, args)
}

#[test]
fn one_row_becomes_many() {
    let array = made("array", &[string("x"), string("y")]);
    let map = made("map", &[int(1), string("one"), int(2), string("two")]);
    let structs = made(
        "array",
        &[made("struct", &[int(1), string("dude!")]), made("struct", &[int(2), string("car")])],
    );
    for (name, args, expected) in [
        ("explode", vec![array.clone()], "[{col: x}, {col: y}]"),
        ("explode", vec![made("array", &[])], "[]"),
        ("explode", vec![map], "[{key: 1, value: one}, {key: 2, value: two}]"),
        ("posexplode", vec![array], "[{pos: 0, val: x}, {pos: 1, val: y}]"),
        ("inline", vec![structs], "[{col1: 1, col2: dude!}, {col1: 2, col2: car}]"),
        (
            "stack",
            vec![int(2), string("x"), int(1), string("z")],
            "[{col0: x, col1: 1}, {col0: z, col1: NULL}]",
        ),
        ("stack", vec![int(1), string("en"), void()], "[{col0: en, col1: NULL}]"),
        ("replicate_rows", vec![int(2), string("x")], "[{col0: 2, col1: x}, {col0: 2, col1: x}]"),
        (
            "json_tuple",
            vec![string(r#"{"a":"x","b":[1,2],"c":null}"#), string("a"), string("b"), string("c")],
            "[{c0: x, c1: [1,2], c2: NULL}]",
        ),
        ("json_tuple", vec![string("no json"), string("a")], "[{c0: NULL}]"),
        (
            "parse_url_tuple",
            vec![string("http://facebook.com/p.php?k1=v1"), string("HOST"), string("QUERY:k1")],
            "[{c0: facebook.com, c1: v1}]",
        ),
        ("parse_url_tuple", vec![arg(ScalarValue::Utf8(None)), string("HOST")], "[{c0: NULL}]"),
    ] {
        assert_eq!(rows(FUNCTIONS, name, &args), expected, "{name}");
    }
}
