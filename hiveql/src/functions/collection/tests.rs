//! Every function of this folder on the values of Hive's own tests.

use std::slice::from_ref;

use super::{FUNCTIONS, field};
use crate::functions::{
    Arg,
    evaluate::{int, string, text, value, void},
};
use crate::types::HiveType;
use proptest::prelude::*;

fn array(elements: &[Arg]) -> Arg {
    value(FUNCTIONS, "array", elements)
}

fn ints(elements: &[i32]) -> Arg {
    array(&elements.iter().copied().map(int).collect::<Vec<_>>())
}

fn check(cases: &[(&str, &[Arg], &str)]) {
    for (name, args, expected) in cases {
        assert_eq!(&text(FUNCTIONS, name, args), expected, "{name} of {args:?}");
    }
}

#[test]
fn collections_are_made_of_values() {
    check(&[
        ("array", &[], "[]"),
        ("array", &[int(1), string("a"), void()], "[1, a, NULL]"),
        ("map", &[string("a"), int(1), string("b"), int(2), string("a"), int(3)], "{a: 3, b: 2}"),
        ("struct", &[int(1), string("a")], "{col1: 1, col2: a}"),
        ("named_struct", &[string("Foo"), int(1), string("bar"), int(2)], "{foo: 1, bar: 2}"),
        ("create_union", &[int(1), int(1), string("one")], "{tag: 1, _0: NULL, _1: one}"),
    ]);
}

#[test]
fn unions_become_structs_or_one_alternative() {
    let union = value(FUNCTIONS, "create_union", &[int(1), int(7), string("one")]);
    let list = array(std::slice::from_ref(&union));
    check(&[
        ("extract_union", from_ref(&union), "{tag_0: NULL, tag_1: one}"),
        ("extract_union", from_ref(&list), "[{tag_0: NULL, tag_1: one}]"),
        ("extract_union", &[union.clone(), int(1)], "one"),
        ("extract_union", &[union.clone(), int(0)], "NULL"),
        ("array_compact", &[array(&[void(), int(3), void(), int(1)])], "[3, 1]"),
        ("array_compact", &[array(&[void()])], "[]"),
    ]);
}

#[test]
fn what_lies_in_a_collection_is_found_or_null() {
    let map = value(FUNCTIONS, "map", &[string("a"), int(1), string("b"), int(2)]);
    check(&[
        ("index", &[ints(&[1, 2, 3]), int(2)], "3"),
        ("index", &[ints(&[1, 2, 3]), int(3)], "NULL"),
        ("index", &[ints(&[1, 2, 3]), int(-1)], "NULL"),
        ("index", &[array(&[]), int(1)], "NULL"),
        ("index", &[map.clone(), string("b")], "2"),
        ("index", &[map.clone(), string("c")], "NULL"),
        ("size", from_ref(&map), "2"),
        ("size", &[ints(&[1, 2])], "2"),
        ("map_keys", from_ref(&map), "[a, b]"),
        ("map_values", from_ref(&map), "[1, 2]"),
        ("array_contains", &[ints(&[1, 2, 3]), int(2)], "true"),
        ("array_contains", &[ints(&[1, 2, 3]), void()], "false"),
        ("array_position", &[ints(&[1, 2, 2]), int(2)], "2"),
        ("array_position", &[ints(&[1, 2]), int(9)], "0"),
        ("array_min", &[array(&[int(3), int(1), void()])], "1"),
        ("array_max", &[array(&[int(3), int(1), void()])], "3"),
        ("array_min", &[array(&[])], "NULL"),
        ("array_min", &[array(&[void()])], "NULL"),
    ]);
}

#[test]
fn arrays_are_sorted_cut_and_combined() {
    check(&[
        ("sort_array", &[array(&[int(3), void(), int(1)])], "[NULL, 1, 3]"),
        ("array_distinct", &[ints(&[2, 1, 2])], "[2, 1]"),
        ("array_except", &[ints(&[1, 2, 3, 4]), ints(&[2, 3])], "[1, 4]"),
        ("array_intersect", &[ints(&[1, 2, 2, 4]), ints(&[2, 4, 5])], "[2, 4]"),
        ("array_union", &[ints(&[1, 2, 2, 4]), ints(&[2, 3])], "[1, 2, 4, 3]"),
        ("array_remove", &[ints(&[1, 2, 3, 2]), int(2)], "[1, 3]"),
        ("array_append", &[ints(&[1, 2]), int(3)], "[1, 2, 3]"),
        ("array_slice", &[ints(&[1, 2, 3, 4]), int(2), int(2)], "[3, 4]"),
        ("array_slice", &[ints(&[1, 2, 3, 4]), int(3), int(2)], "[]"),
        ("array_join", &[ints(&[1, 2, 3]), string(",")], "1,2,3"),
        ("array_join", &[array(&[int(1), void()]), string(","), string(":")], "1,:"),
    ]);
}

#[test]
fn structs_are_sorted_by_their_fields() {
    let person = |name, age| {
        value(FUNCTIONS, "named_struct", &[string("name"), string(name), string("age"), int(age)])
    };
    let people = array(&[person("b", 2), person("a", 2), person("c", 1)]);
    let ages = |sorted: Arg| {
        let names = field(&sorted.ty, "name").unwrap();
        assert_eq!(names.returns, HiveType::array(HiveType::String));
        text(FUNCTIONS, "struct_field", &[sorted, string("name")])
    };
    for (keys, expected) in [
        (vec![string("AGE")], "[c, b, a]"),
        (vec![string("age"), string("desc")], "[b, a, c]"),
        (vec![string("age"), string("name")], "[c, a, b]"),
    ] {
        let mut args = vec![people.clone()];
        args.extend(keys);
        assert_eq!(ages(value(FUNCTIONS, "sort_array_by", &args)), expected);
    }
}

proptest! {
    #[test]
    fn a_sorted_array_has_the_same_elements_in_order(mut numbers in prop::collection::vec(any::<i32>(), 1..20)) {
        let sorted = text(FUNCTIONS, "sort_array", &[ints(&numbers)]);
        numbers.sort_unstable();
        prop_assert_eq!(sorted, format!("{numbers:?}"));
    }

    #[test]
    fn what_is_left_and_what_is_shared_make_up_the_distinct_elements(
        left in prop::collection::vec(0..9, 1..9), right in prop::collection::vec(0..9, 1..9),
    ) {
        let (left, right) = (ints(&left), ints(&right));
        let apart = value(FUNCTIONS, "array_except", &[left.clone(), right.clone()]);
        let shared = value(FUNCTIONS, "array_intersect", &[left.clone(), right]);
        let both = value(FUNCTIONS, "sort_array", &[value(FUNCTIONS, "array_union", &[apart, shared])]);
        let distinct = value(FUNCTIONS, "sort_array", &[value(FUNCTIONS, "array_distinct", &[left])]);
        prop_assert_eq!(both.constant, distinct.constant);
    }
}
