//! What is wrong is told, with what and where.

use super::{run, text_file};
use crate::plan::Plan;

#[test]
fn a_panic_in_a_function_names_its_file_line_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = text_file(&folder, "in", &["7".to_owned(), "x".to_owned()]);
    let plan = Plan::new();
    plan.text_file(&path).map(|line| line.parse::<u64>().expect("every line is a number")).count("numbers");
    let error = run(&plan).unwrap_err();
    assert!(error.contains("errors.rs:") && error.contains("every line is a number"), "{error}");
    assert!(error.contains("text, map"), "it names the stage: {error}");
}

#[test]
fn a_function_can_fail_the_task_with_a_message() {
    let plan = Plan::new();
    let checked = plan.range(0..10).flat_map::<u64, _>(|row, out| {
        if row == 5 {
            out.fail("row 5 must not be");
        }
    });
    checked.count("rows");
    assert!(run(&plan).unwrap_err().contains("row 5 must not be"));
}

#[test]
fn a_missing_input_is_named_before_anything_runs() {
    let plan = Plan::new();
    plan.text_file("/no/such/file").count("lines");
    let error = run(&plan).unwrap_err();
    assert!(error.contains("/no/such/file") && error.contains("No such file"), "{error}");
}

#[test]
fn a_plan_without_an_output_is_refused() {
    let plan = Plan::new();
    let _ = plan.range(0..10).map(|row| row + 1);
    assert!(run(&plan).unwrap_err().contains("no output"));
}

#[test]
fn a_number_of_partitions_where_there_are_none_is_refused() {
    let plan = Plan::new();
    plan.range(0..10).map(|row| row + 1).partitions(3).count("rows");
    assert!(run(&plan).unwrap_err().contains("partitions(3) after `map` has no effect"));
}

#[test]
fn a_result_that_is_too_large_is_refused_with_the_remedy() {
    let plan = Plan::new();
    plan.range(0..40_000).map(|row| vec![row as u8; 1000]).collect("big");
    let error = run(&plan).unwrap_err();
    assert!(error.contains("save_text"), "{error}");
}
