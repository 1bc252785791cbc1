//! Output: whole or not there, never into a directory that exists.

use super::{cramped, run, run_with, text_file};
use crate::{conf, plan::Plan};
use std::{io::Read, path::Path};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn output_is_numbered_parts_and_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = text_file(&folder, "in", &["b".to_owned(), "a".to_owned(), "c".to_owned()]);
    let out = folder.path().join("out");
    let plan = Plan::new();
    let sorted = plan.text_file(&path).key_by::<String, _>(|line| line).sort_by_key().partitions(2);
    sorted
        .flat_map::<(String, u64), _>(|(key, _), record| record.emit((key, 1)))
        .save_text(out.display().to_string());
    let ended = run(&plan).unwrap();
    assert_eq!(ended.outputs, [out.display().to_string()]);
    assert_eq!(names(&out), ["_SUCCESS", "part-00000", "part-00001"]);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(format!("{}{}", read("part-00000"), read("part-00001")), "a\t1\nb\t1\nc\t1\n");
}

#[test]
fn parts_of_a_union_are_numbered_on() {
    let folder = tempfile::tempdir().unwrap();
    let a = text_file(&folder, "a", &["a".to_owned()]);
    let b = text_file(&folder, "b", &["b".to_owned()]);
    let out = folder.path().join("out");
    let plan = Plan::new();
    plan.text_file(&a).union(&plan.text_file(&b)).save_text(out.display().to_string());
    run(&plan).unwrap();
    assert_eq!(names(&out), ["_SUCCESS", "part-00000", "part-00001"]);
    assert_eq!(std::fs::read_to_string(out.join("part-00001")).unwrap(), "b\n");
}

#[test]
fn an_output_directory_that_exists_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = text_file(&folder, "in", &["a".to_owned()]);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let plan = Plan::new();
    plan.text_file(&path).save_text(out.display().to_string());
    let error = run(&plan).unwrap_err();
    assert!(error.contains("/out") && error.contains("already exists"), "{error}");
    assert!(names(&out).is_empty());
}

#[test]
fn two_outputs_into_one_directory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = text_file(&folder, "in", &["a".to_owned()]);
    let out = folder.path().join("out").display().to_string();
    let plan = Plan::new();
    plan.text_file(&path).save_text(&out);
    plan.text_file(&path).save_text(format!("{out}/"));
    assert!(run(&plan).unwrap_err().contains("two outputs"));
}

#[test]
fn a_job_that_fails_leaves_nothing_in_its_output_places() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
    let path = text_file(&folder, "in", &lines);
    let out = folder.path().join("out");
    let plan = Plan::new();
    plan.text_file(&path)
        .map(|line| {
            assert!(line != "90", "ninety is too much");
            line.len() as u64
        })
        .save_text(out.display().to_string());
    let error = run_with(&plan, cramped(30, 1)).unwrap_err();
    assert!(error.contains("ninety is too much"), "{error}");
    assert!(!out.exists(), "{:?}", names(&out));
}

#[test]
fn output_is_compressed_when_the_setting_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = text_file(&folder, "in", &["a".to_owned(), "b".to_owned()]);
    for (setting, ending) in [("gzip", "gz"), ("zstd", "zst")] {
        let out = folder.path().join(setting);
        let plan = Plan::new();
        plan.text_file(&path).save_text(out.display().to_string());
        run_with(&plan, conf::parse([format!("output.compress={setting}")]).unwrap()).unwrap();
        let bytes = std::fs::read(out.join(format!("part-00000.{ending}"))).unwrap();
        let mut text = String::new();
        match ending {
            "gz" => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
            _ => zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap(),
        };
        assert_eq!(text, "a\nb\n");
    }
}

#[test]
fn saved_records_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let plan = Plan::new();
    plan.range(0..1000).map(|row| row.to_be_bytes().to_vec()).save_records(&out);
    run(&plan).unwrap();
    let plan = Plan::new();
    let result = plan.binary_records(8, &out).collect("records");
    let expected: Vec<Vec<u8>> = (0..1000u64).map(|row| row.to_be_bytes().to_vec()).collect();
    assert_eq!(run(&plan).unwrap().collected(&result).unwrap(), expected);
}
