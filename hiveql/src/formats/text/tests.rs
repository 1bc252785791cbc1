//! Delimited text as in the data files of Hive's own tests.

use super::super::tests::{columns, format_of, properties};
use super::*;
use crate::formats::{FileFormat, FileRange, ReadOptions, RowFormat, RowWords};
use bytes::Bytes;
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory, path::Path};
use std::sync::Arc;

/// Cells between bars, rows between line feeds.
fn cells(format: &FileFormat, bytes: &[u8]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches: Vec<RecordBatch> = runtime.block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&Path::from("f"), bytes.to_vec().into()).await.unwrap();
        let all: Vec<usize> = (0..format.columns().len()).collect();
        let file = FileRange::whole("f", bytes.len() as u64);
        format.read(store, file, ReadOptions::columns(all, 2)).try_collect().await.unwrap()
    });
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(1);
    rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>().join("|")).collect()
}

#[test]
fn fields_that_are_missing_or_bad_are_null_and_more_are_ignored() {
    let columns = columns(&[("a", HiveType::Int), ("b", HiveType::String), ("c", HiveType::Boolean)]);
    let format = format_of("TEXTFILE", None, &[("field.delim", ",")], &columns);
    assert_eq!(
        cells(&format, b"1,x,TRUE\r\nq,,yes\n3\n4,y,false,more\n\\N,\\N"),
        ["|1|x|true|", "||||", "|3|||", "|4|y|false|", "||||"]
    );
}

#[test]
fn nested_values_have_a_delimiter_for_each_level() {
    let pair = HiveType::structure([("x", HiveType::Int), ("y", HiveType::array(HiveType::Int))]);
    let columns = columns(&[
        ("list", HiveType::array(HiveType::array(HiveType::Int))),
        ("map", HiveType::map(HiveType::String, HiveType::Int)),
        ("pair", pair),
    ]);
    let format = format_of("TEXTFILE", None, &[], &columns);
    let text = b"1\x032\x023\x01k\x037\x02k\x038\x02n\x015\x026\x037\n\x01\x01\n";
    assert_eq!(cells(&format, text), ["|[[1, 2], [3]]|{k: 7, n: }|{x: 5, y: [6, 7]}|", "|[]|{}|{x: , y: }|"]);
}

#[test]
fn unions_have_a_tag_before_their_value() {
    let union = HiveType::Union(vec![HiveType::Int, HiveType::Double, HiveType::array(HiveType::String)]);
    let format = format_of("TEXTFILE", None, &[], &columns(&[("u", union), ("n", HiveType::Int)]));
    assert_eq!(
        cells(&format, b"0\x021\x011\n2\x02three\x03four\x013\n9\x02x\x010\n"),
        ["|{tag: 0, _0: 1, _1: , _2: }|1|", "|{tag: 2, _0: , _1: , _2: [three, four]}|3|", "||0|"]
    );
}

#[test]
fn escapes_hide_delimiters_and_stand_for_line_ends() {
    let columns = columns(&[("a", HiveType::String), ("b", HiveType::String)]);
    let format = format_of("TEXTFILE", None, &[("field.delim", "|"), ("escape.delim", "\\")], &columns);
    assert_eq!(cells(&format, b"x\\;y\\\\|z"), ["|x;y\\|z|"]);
    let row = cells(&format, b"a\\tb|c");
    assert_eq!(row, ["|atb|c|"]);
}

#[test]
fn delimiters_may_be_of_many_bytes() {
    let columns = columns(&[("a", HiveType::Int), ("b", HiveType::Int), ("c", HiveType::String)]);
    let serde = "org.apache.hadoop.hive.serde2.MultiDelimitSerDe";
    let format = format_of("TEXTFILE", Some(serde), &[("field.delim", "^,")], &columns);
    assert_eq!(cells(&format, b"1^,1^,^,0^,0\n5^,5\n\n7777\n"), ["|1|1||", "|5|5||", "||||", "|7777|||"]);
}

#[test]
fn another_encoding_is_read_as_it_says() {
    let format = format_of(
        "TEXTFILE",
        None,
        &[("serialization.encoding", "ISO8859_1")],
        &columns(&[("a", HiveType::String)]),
    );
    assert_eq!(cells(&format, b"Ren\xe9\n"), ["|René|"]);
}

#[test]
fn a_script_sees_lines_with_tabs() {
    let columns = columns(&[("a", HiveType::Int), ("b", HiveType::String)]);
    let words = RowWords {
        serde: String::new(),
        properties: properties(&[]),
        columns,
        last_takes_rest: true,
        escaped: false,
    };
    let format = RowFormat::new(&words).unwrap();
    let batch = format.decode(Bytes::from_static(b"1\tx\ty\n\\N\t\n")).unwrap();
    let mut lines = Vec::new();
    format.encode(&batch, &mut lines);
    assert_eq!(lines, b"1\tx\ty\n\\N\t\n");
}
