//! Encodings of records and keys, on random values.

use super::*;
use proptest::prelude::*;
use std::{cmp::Ordering, fmt::Debug};

fn record_form<T: Record>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::write(value.view(), &mut bytes);
    bytes
}

fn whole_form<T: Record>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::write_whole(value.view(), &mut bytes);
    bytes
}

fn key_form<T: Key>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::write_key(value.view(), &mut bytes);
    bytes
}

fn whole_key_form<T: Key>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::write_key_whole(value.view(), &mut bytes);
    bytes
}

fn check_record<T: Record + PartialEq + Debug>(value: &T) {
    let mut bytes = record_form(value);
    bytes.extend_from_slice(b"tail");
    let mut rest = &bytes[..];
    assert_eq!(&T::own(T::read(&mut rest).unwrap()), value);
    assert_eq!(rest, b"tail");
    assert_eq!(&T::own(T::read_whole(&whole_form(value)).unwrap()), value);
}

fn check_key_round_trip<T: Key + Debug>(value: &T) {
    let mut bytes = key_form(value);
    bytes.extend_from_slice(b"tail");
    let mut rest = &bytes[..];
    let mut out = Vec::new();
    T::transcode(&mut rest, &mut out).unwrap();
    assert_eq!(rest, b"tail");
    assert_eq!(out, record_form(value));
    out.clear();
    T::transcode_whole(&whole_key_form(value), &mut out).unwrap();
    assert_eq!(out, record_form(value));
    let mut scratch = Vec::new();
    assert_eq!(T::key_bytes(value.view(), &mut scratch), whole_key_form(value));
}

fn check_order<T: Key + Debug>(a: &T, b: &T, order: Ordering) {
    assert_eq!(key_form(a).cmp(&key_form(b)), order, "delimited keys of {a:?} and {b:?}");
    assert_eq!(whole_key_form(a).cmp(&whole_key_form(b)), order, "whole keys of {a:?} and {b:?}");
}

fn check_pair<T: Key + Element + Ord + Debug + Clone>(a: &T, b: &T) {
    for value in [a, b] {
        check_record(value);
        check_record(&Some(T::own(value.view())));
        check_key_round_trip(value);
    }
    check_order(a, b, a.cmp(b));
    check_order(&Reverse(a.clone()), &Reverse(b.clone()), b.cmp(a));
    check_key_round_trip(&Reverse(a.clone()));
}

/// Strings over a tiny alphabet with zero bytes: prefixes and escapes are frequent.
fn tricky() -> impl Strategy<Value = String> {
    "[\\x00\\x01ab\u{ff}]{0,4}"
}

macro_rules! properties {
    ($($name:ident: $strategy:expr;)*) => {
        proptest! {$(
            #[test]
            fn $name(a in $strategy, b in $strategy) {
                check_pair(&a, &b);
            }
        )*}
    };
}

properties! {
    keys_of_u16_are_ordered_and_come_back: any::<u16>();
    keys_of_u64_are_ordered_and_come_back: any::<u64>();
    keys_of_u128_are_ordered_and_come_back: any::<u128>();
    keys_of_i8_are_ordered_and_come_back: any::<i8>();
    keys_of_i32_are_ordered_and_come_back: any::<i32>();
    keys_of_i64_are_ordered_and_come_back: any::<i64>();
    keys_of_bool_are_ordered_and_come_back: any::<bool>();
    keys_of_strings_are_ordered_and_come_back: any::<String>();
    keys_of_tricky_strings_are_ordered_and_come_back: tricky();
    keys_of_options_are_ordered_and_come_back: any::<Option<i16>>();
    keys_of_pairs_are_ordered_and_come_back: (tricky(), any::<i32>());
    keys_of_triples_are_ordered_and_come_back: (tricky(), tricky(), any::<bool>());
    keys_of_quadruples_are_ordered_and_come_back: (any::<bool>(), any::<Option<u16>>(), tricky(), tricky());
    keys_of_vectors_are_ordered_and_come_back: prop::collection::vec(tricky(), 0..4);
    keys_of_nested_vectors_are_ordered_and_come_back: prop::collection::vec(prop::collection::vec(any::<i8>(), 0..3), 0..3);
    keys_of_optional_strings_in_pairs_are_ordered: (prop::option::of(tricky()), tricky());
}

proptest! {
    #[test]
    fn keys_of_bytes_are_ordered_and_come_back(a: Vec<u8>, b: Vec<u8>) {
        check_record(&a);
        check_key_round_trip(&a);
        check_order(&a, &b, a.cmp(&b));
        check_order(&(a.clone(), 1u8), &(b.clone(), 1u8), a.cmp(&b));
    }

    #[test]
    fn keys_of_f64_have_the_total_order(a in any::<u64>(), b in any::<u64>()) {
        let (a, b) = (f64::from_bits(a), f64::from_bits(b));
        check_key_round_trip(&a);
        check_order(&a, &b, a.total_cmp(&b));
    }

    #[test]
    fn no_garbage_makes_a_reader_panic(bytes: Vec<u8>) {
        let _ = <(String, u64)>::read_whole(&bytes);
        let _ = <(Vec<u8>, Option<String>, bool)>::read_whole(&bytes);
        let _ = Vec::<Vec<String>>::read_whole(&bytes);
        let _ = Vec::<(String, Option<i64>)>::transcode_whole(&bytes, &mut Vec::new());
        let _ = Reverse::<(String, u8)>::transcode_whole(&bytes, &mut Vec::new());
    }
}

#[test]
fn signs_of_floating_zero_and_infinities_are_in_order() {
    let values = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 1.5, f64::INFINITY];
    for pair in values.windows(2) {
        check_order(&pair[0], &pair[1], Ordering::Less);
    }
}

#[test]
fn a_record_alone_is_just_its_bytes() {
    assert_eq!(whole_form(&"word".to_owned()), b"word");
    assert_eq!(whole_form(&("k".to_owned(), "value".to_owned())), b"\x01kvalue");
}

#[test]
fn lines_have_tabs_between_the_parts_and_nothing_for_none() {
    let mut line = Vec::new();
    <(String, (u64, Option<String>, f64))>::write_line(("a", (7, None, 1.5)), &mut line);
    assert_eq!(line, b"a\t7\t\t1.5");
    line.clear();
    Vec::<String>::write_line(vec!["x".to_owned(), "y".to_owned()].view(), &mut line);
    assert_eq!(line, b"x,y");
}
