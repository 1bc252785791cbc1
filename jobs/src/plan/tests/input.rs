//! Input: lines and records come once each, wherever the splits lie.

use super::{collected, cramped, run_with, text_file};
use crate::plan::Plan;
use proptest::prelude::*;
use std::io::Write;

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The lines of a text, the way Hadoop cuts them.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let last = lines.pop().unwrap();
    for line in &mut lines {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if !last.is_empty() {
        lines.push(last);
    }
    lines
}

fn read_lines(path: &str, split_bytes: usize) -> Vec<Vec<u8>> {
    let plan = Plan::new();
    let result = plan.byte_lines(path).collect("lines");
    collected(&plan, cramped(split_bytes, 1), &result)
}

#[test]
fn splits_at_every_offset_give_each_line_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = b"one\n\ntwo is longer\r\n\n\nthree\nx\r\r\nlast without end";
    let path = write(&folder, "in", text);
    for split_bytes in 1..=text.len() + 1 {
        assert_eq!(read_lines(&path, split_bytes), lines(text), "splits of {split_bytes} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn random_text_gives_each_line_once(text in "[ab\r\n]{0,60}", split_bytes in 1usize..30) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "in", text.as_bytes());
        prop_assert_eq!(read_lines(&path, split_bytes), lines(text.as_bytes()));
    }

    #[test]
    fn records_of_one_length_come_once_each(count in 0usize..60, len in 1usize..9, split_bytes in 1usize..40) {
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<Vec<u8>> = (0..count).map(|index| vec![index as u8; len]).collect();
        let path = write(&folder, "in", &records.concat());
        let plan = Plan::new();
        let result = plan.binary_records(len as u64, &path).collect("records");
        prop_assert_eq!(collected(&plan, cramped(split_bytes, 1), &result), records);
    }
}

#[test]
fn a_line_longer_than_many_chunks_comes_whole() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(9 << 20);
    let text = format!("before\n{long}\nafter\n");
    let path = write(&folder, "in", text.as_bytes());
    for split_bytes in [1 << 20, 5 << 20, 20 << 20] {
        let plan = Plan::new();
        let result = plan.text_file(&path).map(|line| line.len() as u64).collect("lengths");
        assert_eq!(collected(&plan, cramped(split_bytes, 1), &result), [6, 9 << 20, 5]);
    }
}

#[test]
fn compressed_files_are_read_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..100_000).map(|line| format!("line {line}\r\n")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text.as_bytes()[..500_000]).unwrap();
    let mut gzipped = gzip.finish().unwrap();
    // Two members, as `cat a.gz b.gz` makes them.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text.as_bytes()[500_000..]).unwrap();
    gzipped.extend(gzip.finish().unwrap());
    for (name, bytes) in [("in.gz", gzipped), ("in.zst", zstd::encode_all(text.as_bytes(), 1).unwrap())] {
        let path = write(&folder, name, &bytes);
        assert_eq!(read_lines(&path, 1000), lines(text.as_bytes()), "{name}");
    }
}

#[test]
fn damaged_compressed_data_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = zstd::encode_all(&[7u8; 100_000][..], 1).unwrap();
    bytes.truncate(bytes.len() - 3);
    for name in ["broken.zst", "broken.gz"] {
        let path = write(&folder, name, &bytes);
        let plan = Plan::new();
        plan.text_file(&path).count("lines");
        let error = run_with(&plan, cramped(1000, 1)).unwrap_err();
        assert!(error.contains(name) && error.contains("compressed"), "{error}");
    }
}

#[test]
fn text_that_is_not_utf8_is_replaced_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "in", b"good\nb\xffad\n\xc3\xa9\n");
    let plan = Plan::new();
    let result = plan.text_file(&path).collect("lines");
    let run = run_with(&plan, cramped(1000, 1)).unwrap();
    assert_eq!(run.collected(&result).unwrap(), ["good", "b\u{fffd}ad", "\u{e9}"]);
    assert_eq!(run.counters["text.lines_not_utf8"], 1);
}

#[test]
fn a_directory_and_a_glob_name_their_visible_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.txt", "_SUCCESS", ".hidden", "c.log"] {
        text_file(&folder, name, &[name.to_owned()]);
    }
    let read = |pattern: String| {
        let plan = Plan::new();
        let result = plan.text_file(pattern).collect("lines");
        collected(&plan, cramped(1 << 20, 1), &result)
    };
    let root = folder.path().display().to_string();
    assert_eq!(read(root.clone()), ["a.txt", "b.txt", "c.log"]);
    assert_eq!(read(format!("{root}/*.txt")), ["a.txt", "b.txt"]);
}

#[test]
fn empty_input_gives_an_empty_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "in", b"");
    assert_eq!(read_lines(&path, 10), Vec::<Vec<u8>>::new());
}

#[test]
fn records_that_do_not_fill_the_file_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "in", &[0; 25]);
    let plan = Plan::new();
    plan.binary_records(10, &path).count("records");
    let error = run_with(&plan, cramped(10, 1)).unwrap_err();
    assert!(error.contains("25 bytes") && error.contains("/in"), "{error}");
}

#[test]
fn rows_come_once_each_in_order() {
    for count in [0u64, 1, 5, 100_000] {
        let plan = Plan::new();
        let result = plan.range(10..10 + count).collect("rows");
        assert_eq!(collected(&plan, cramped(1, 1), &result), (10..10 + count).collect::<Vec<_>>());
    }
}
