//! Each printer over small batches.

use super::*;
use chrono::DateTime;
use datafusion::arrow::{
    array::{
        ArrayRef, BooleanArray, Float64Array, Int8Array, Int32Array, Int32Builder, ListArray, ListBuilder,
        MapBuilder, MapFieldNames, NullArray, StringArray, StringBuilder, StructArray,
    },
    datatypes::{Field, Schema},
};
use std::sync::Arc;

type Column = (&'static str, HiveType, ArrayRef);

fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::UTC,
        now: DateTime::UNIX_EPOCH,
        user: "ada".to_owned(),
        database: "default".to_owned(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

fn shape(columns: &[Column], header: bool) -> Shape {
    let columns = columns.iter().map(|(name, ty, _)| ((*name).to_owned(), ty.clone())).collect();
    Shape { columns, facts: facts(), header }
}

fn batch(columns: &[Column]) -> RecordBatch {
    let fields = columns.iter().map(|(name, _, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.iter().map(|(_, _, array)| Arc::clone(array)).collect())
        .unwrap()
}

fn printed(format: Format, header: bool, columns: &[Column]) -> String {
    let mut out = Vec::new();
    let mut printer = printer(format, shape(columns, header));
    let batch = batch(columns);
    // In two pieces, as results come.
    let cut = batch.num_rows() / 2;
    printer.batch(&batch.slice(0, cut), &mut out).unwrap();
    printer.batch(&batch.slice(cut, batch.num_rows() - cut), &mut out).unwrap();
    printer.end(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn people() -> Vec<Column> {
    vec![
        ("name", HiveType::String, text(&[Some("größe"), Some("日本"), None])),
        ("n", HiveType::Int, Arc::new(Int32Array::from(vec![Some(1), None, Some(-300)]))),
    ]
}

fn no_rows() -> Vec<Column> {
    vec![
        ("a", HiveType::String, text(&[])),
        ("b", HiveType::Int, Arc::new(Int32Array::from(Vec::<i32>::new()))),
    ]
}

#[test]
fn tsv2_is_values_between_tabs_and_no_header_unless_wanted() {
    assert_eq!(printed(Format::Tsv2, false, &people()), "größe\t1\n日本\tNULL\nNULL\t-300\n");
    assert!(printed(Format::Tsv2, true, &people()).starts_with("name\tn\ngröße\t1\n"));
    assert_eq!(printed(Format::Tsv2, true, &no_rows()), "a\tb\n");
    assert_eq!(printed(Format::Tsv2, false, &no_rows()), "");
}

#[test]
fn csv2_quotes_where_it_must() {
    let columns = [
        ("a", HiveType::String, text(&[Some("x,y"), Some("say \"hi\""), Some("two\nlines"), None])),
        ("b", HiveType::String, text(&[Some("plain text"), Some(""), Some("'"), Some("\t")])),
    ];
    assert_eq!(
        printed(Format::Csv2, true, &columns),
        "a,b\n\"x,y\",plain text\n\"say \"\"hi\"\"\",\n\"two\nlines\",'\nNULL,\t\n"
    );
    assert_eq!(printed(Format::Csv2, true, &no_rows()), "a,b\n");
}

#[test]
fn a_table_lines_up_wide_characters_and_puts_numbers_right() {
    assert_eq!(
        printed(Format::Table, true, &people()),
        "\
+-------+------+
| name  |    n |
+-------+------+
| größe |    1 |
| 日本  | NULL |
| NULL  | -300 |
+-------+------+
"
    );
}

#[test]
fn a_table_keeps_each_row_on_one_line() {
    let columns = [("a", HiveType::String, text(&[Some("x\ny\tz\u{1}")]))];
    assert!(printed(Format::Table, false, &columns).contains("| x\\ny\\tz\\u0001 |\n"));
}

#[test]
fn a_table_without_rows_is_its_header() {
    assert_eq!(printed(Format::Table, true, &no_rows()), "+---+---+\n| a | b |\n+---+---+\n");
    assert_eq!(printed(Format::Table, false, &no_rows()), "+--+--+\n");
}

#[test]
fn a_table_measures_its_first_rows_only_and_cuts_no_later_value() {
    let mut values = vec![Some("ab"); 3000];
    values[2999] = Some("longer than all");
    let columns = [("a", HiveType::String, text(&values))];
    let table = printed(Format::Table, true, &columns);
    assert!(table.starts_with("+----+\n| a  |\n+----+\n| ab |\n"), "{}", &table[..60]);
    assert!(table.ends_with("| ab |\n| longer than all |\n+----+\n"));
}

#[test]
fn vertical_is_a_line_per_value_and_a_blank_line_per_row() {
    assert_eq!(
        printed(Format::Vertical, true, &people()),
        "name  größe\nn     1\n\nname  日本\nn     NULL\n\nname  NULL\nn     -300\n\n"
    );
}

#[test]
fn json_has_numbers_as_numbers_and_text_as_text() {
    let columns = [
        ("t", HiveType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None])) as ArrayRef),
        ("d", HiveType::Double, Arc::new(Float64Array::from(vec![1.5, 0.25]))),
        ("say \"s\"", HiveType::String, text(&[Some("a\"\n日"), Some("12")])),
        ("v", HiveType::Void, Arc::new(NullArray::new(2))),
    ];
    assert_eq!(
        printed(Format::Json, true, &columns),
        "{\"t\":true,\"d\":1.5,\"say \\\"s\\\"\":\"a\\\"\\n日\",\"v\":null}\n\
         {\"t\":null,\"d\":0.25,\"say \\\"s\\\"\":\"12\",\"v\":null}\n"
    );
}

#[test]
fn json_writes_what_json_has_no_number_for_as_text() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY, 1.0e10]));
    let columns = [("t", HiveType::Double, numbers)];
    assert_eq!(
        printed(Format::Json, true, &columns),
        "{\"t\":\"NaN\"}\n{\"t\":\"-Infinity\"}\n{\"t\":1.0E10}\n"
    );
}

fn lists() -> ListArray {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append_value([]);
    lists.append_value([Some(7)]);
    lists.finish()
}

#[test]
fn json_has_nested_values_as_what_they_are() {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), ListBuilder::new(Int32Builder::new()));
    for row in 0..4 {
        maps.keys().append_value(format!("k\"{row}"));
        maps.values().append_value([Some(row)]);
        maps.append(row != 1).unwrap();
    }
    let structs = StructArray::from(vec![
        (
            Arc::new(Field::new("x", HiveType::array(HiveType::Int).arrow(), true)),
            Arc::new(lists()) as ArrayRef,
        ),
        (
            Arc::new(Field::new("y", HiveType::String.arrow(), true)),
            text(&[Some("p"), None, Some("q"), Some("r")]),
        ),
    ]);
    let integers = HiveType::array(HiveType::Int);
    let columns = [
        ("l", integers.clone(), Arc::new(lists()) as ArrayRef),
        ("m", HiveType::map(HiveType::String, integers.clone()), Arc::new(maps.finish())),
        ("s", HiveType::structure([("x", integers), ("y", HiveType::String)]), Arc::new(structs)),
    ];
    let expected = [
        r#"{"l":[1,null],"m":{"k\"0":[0]},"s":{"x":[1,null],"y":"p"}}"#,
        r#"{"l":null,"m":null,"s":{"x":null,"y":null}}"#,
        r#"{"l":[],"m":{"k\"2":[2]},"s":{"x":[],"y":"q"}}"#,
        r#"{"l":[7],"m":{"k\"3":[3]},"s":{"x":[7],"y":"r"}}"#,
    ];
    let found = printed(Format::Json, false, &columns);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    for line in found.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_union_in_json_is_its_tag_and_the_value_of_that() {
    let ty = HiveType::Union(vec![HiveType::Int, HiveType::String]);
    let field = |name: &str, ty: &HiveType| Arc::new(Field::new(name, ty.arrow(), true));
    let unions = StructArray::from(vec![
        (field("tag", &HiveType::TinyInt), Arc::new(Int8Array::from(vec![0, 1])) as ArrayRef),
        (field("_0", &HiveType::Int), Arc::new(Int32Array::from(vec![Some(5), None]))),
        (field("_1", &HiveType::String), text(&[None, Some("five")])),
    ]);
    let columns = [("u", ty, Arc::new(unions) as ArrayRef)];
    assert_eq!(printed(Format::Json, false, &columns), "{\"u\":{\"0\":5}}\n{\"u\":{\"1\":\"five\"}}\n");
}
