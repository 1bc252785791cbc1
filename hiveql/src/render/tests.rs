//! Rows, as Hive prints them.

use super::*;
use crate::{cast::cast_array, types::StructField};
use HiveType as T;
use chrono::{TimeZone, Utc};
use datafusion::arrow::{
    array::{
        Decimal128Array, Int8Array, Int32Array, Int32Builder, ListArray, MapArray, MapBuilder, StringArray,
        StringBuilder, StructArray,
    },
    datatypes::{DataType, Int32Type},
};
use std::sync::Arc;

fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::UTC,
        now: Utc.with_ymd_and_hms(2020, 1, 1, 7, 30, 0).unwrap(),
        user: "hive".into(),
        database: "default".into(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

fn shown(array: &ArrayRef, ty: &HiveType) -> Vec<String> {
    let renderer = Renderer::new(array, ty, &facts()).unwrap();
    let show = |row| {
        let mut out = Vec::new();
        if renderer.write(row, &mut out) { String::from_utf8(out).unwrap() } else { "NULL".into() }
    };
    (0..array.len()).map(show).collect()
}

fn structure(ty: &HiveType, columns: Vec<ArrayRef>) -> ArrayRef {
    let DataType::Struct(fields) = ty.arrow() else { panic!() };
    Arc::new(StructArray::new(fields, columns, None))
}

fn integers() -> ArrayRef {
    let rows = vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(300)])];
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows))
}

fn map() -> MapArray {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in [vec![("1", Some(2)), ("x", None)], vec![], vec![("3", Some(4))]] {
        for (key, value) in row {
            builder.keys().append_value(key);
            builder.values().append_option(value);
        }
        builder.append(true).unwrap();
    }
    builder.finish()
}

/// The same with the names that columns have here.
fn named(map: MapArray, ty: &HiveType) -> ArrayRef {
    let DataType::Map(field, _) = ty.arrow() else { panic!() };
    let DataType::Struct(fields) = field.data_type().clone() else { panic!() };
    let (_, offsets, entries, nulls, _) = map.into_parts();
    let (_, columns, _) = entries.into_parts();
    Arc::new(MapArray::new(field, offsets, StructArray::new(fields, columns, None), nulls, false))
}

#[test]
fn lists_and_maps_are_json_with_keys_as_they_are() {
    assert_eq!(shown(&integers(), &T::array(T::Int)), ["[1,null]", "NULL", "[]", "[300]"]);
    let ty = T::map(T::String, T::Int);
    assert_eq!(shown(&named(map(), &ty), &ty), [r#"{"1":2,"x":null}"#, "{}", r#"{"3":4}"#]);
}

#[test]
fn values_within_a_struct_are_quoted_escaped_padded_and_trimmed() {
    let ty = T::structure([("a", T::String), ("b", T::Char(4)), ("c", T::decimal(5, 2)), ("d", T::Binary)]);
    let decimals = Decimal128Array::from(vec![720]).with_precision_and_scale(5, 2).unwrap();
    let bytes = datafusion::arrow::array::BinaryArray::from(vec![&b"raw"[..]]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["say \"x\"\n"])),
        Arc::new(StringArray::from(vec!["ab"])),
        Arc::new(decimals),
        Arc::new(bytes),
    ];
    assert_eq!(shown(&structure(&ty, columns), &ty), [r#"{"a":"say \"x\"\n","b":"ab  ","c":7.2,"d":raw}"#]);
}

#[test]
fn a_union_is_its_tag_and_its_value() {
    let ty = T::Union(vec![T::Int, T::String]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![0, 1])),
        Arc::new(Int32Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![None, Some("x")])),
    ];
    assert_eq!(shown(&structure(&ty, columns), &ty), ["{0:1}", r#"{1:"x"}"#]);
}

#[test]
fn top_level_values_are_raw() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("say \"x\""), None]));
    assert_eq!(shown(&texts, &T::String), ["say \"x\"", "NULL"]);
    assert_eq!(shown(&texts, &T::Char(9)), ["say \"x\"  ", "NULL"]);
    let decimals = Decimal128Array::from(vec![720]).with_precision_and_scale(5, 2).unwrap();
    assert_eq!(shown(&(Arc::new(decimals) as ArrayRef), &T::decimal(5, 2)), ["7.20"]);
}

#[test]
fn an_array_of_another_type_is_an_error() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    assert!(Renderer::new(&texts, &T::Int, &facts()).is_err());
}

#[test]
fn nested_values_are_cast_part_by_part() {
    let lists = cast_array(&integers(), &T::array(T::Int), &T::array(T::TinyInt), &facts()).unwrap();
    assert_eq!(shown(&lists, &T::array(T::TinyInt)), ["[1,null]", "NULL", "[]", "[44]"]);

    let (from, to) = (T::map(T::String, T::Int), T::map(T::Int, T::String));
    let map = named(map(), &from);
    let whole = cast_array(&map, &from, &to, &facts()).unwrap();
    assert_eq!(shown(&whole, &to), [r#"{1:"2"}"#, "{}", r#"{3:"4"}"#]);
    let tail = cast_array(&map.slice(1, 2), &from, &to, &facts()).unwrap();
    assert_eq!(shown(&tail, &to), ["{}", r#"{3:"4"}"#]);

    let from = T::structure([("a", T::Int), ("b", T::Int)]);
    let to = T::Struct(vec![
        StructField { name: "x".into(), ty: T::String },
        StructField { name: "y".into(), ty: T::Double },
        StructField { name: "z".into(), ty: T::Date },
    ]);
    let column = || Arc::new(Int32Array::from(vec![7])) as ArrayRef;
    let wider = cast_array(&structure(&from, vec![column(), column()]), &from, &to, &facts()).unwrap();
    assert_eq!(shown(&wider, &to), [r#"{"x":"7","y":7.0,"z":null}"#]);
}
