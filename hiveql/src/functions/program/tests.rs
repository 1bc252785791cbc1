//! Programs that answer, and those that do not.

use super::*;
use datafusion::arrow::array::{AsArray, Int32Array, StringArray};
use datafusion::arrow::datatypes::Int32Type;
use std::{fs, sync::Arc, time::Duration};
use tempfile::TempDir;

/// Answers each line with its length and the first field, and says how often it was started.
const SHELL: &str = "#!/bin/sh\nwhile IFS= read -r line; do echo \"${#line}:$line\"; done\n";

fn program(folder: &TempDir, text: &str, class: &str) -> Program {
    let path = folder.path().join("program.sh");
    fs::write(&path, text).unwrap();
    Program {
        name: "f".into(),
        class: class.into(),
        resources: vec![("FILE".into(), path.display().to_string())],
        environment: vec![],
        files: vec![],
    }
}

fn service(program: &Program, types: &[HiveType]) -> Service {
    Service::new(program.describe().unwrap(), types, Default::default()).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn a_program_answers_row_by_row_and_stays_for_the_next_batch() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&program(&folder, SHELL, "program.sh"), &[HiveType::String, HiveType::Int]);
    for _ in 0..3 {
        let columns = vec![
            texts(&[Some("a"), None, Some("a\tb")]),
            Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef,
        ];
        let answers = service.answers(columns, 3).unwrap();
        let answers: Vec<_> = answers.as_string::<i32>().iter().collect();
        assert_eq!(answers.len(), 3);
        assert!(answers[0].is_some_and(|answer| answer.starts_with("3:a")), "{answers:?}");
        assert_eq!(service.processes(), 1);
    }
}

#[test]
fn answers_have_the_type_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let counting = "#!/bin/sh\nwhile IFS= read -r line; do echo \"${#line}\"; done\n";
    let service = service(&program(&folder, counting, "program.sh returns INT"), &[HiveType::String]);
    let answers = service.answers(vec![texts(&[Some("four"), Some("")])], 2).unwrap();
    assert_eq!(answers.as_primitive::<Int32Type>().values().to_vec(), [4, 0]);
    let none = service.answers(vec![texts(&[])], 0).unwrap();
    assert_eq!(none.len(), 0);
}

#[test]
fn many_rows_pass_though_pipes_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&program(&folder, "#!/bin/sh\nexec cat\n", "program.sh"), &[HiveType::String]);
    let long = "x".repeat(200);
    let rows = vec![Some(long.as_str()); 20_000];
    let answers = service.answers(vec![texts(&rows)], rows.len()).unwrap();
    assert_eq!(answers.as_string::<i32>().value(19_999), long);
}

#[test]
fn a_program_that_ends_or_is_silent_or_says_too_much_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let column = || vec![texts(&[Some("a"), Some("b")])];
    for (text, complaint) in [
        ("#!/bin/sh\nread -r line; echo \"$line\"\ncat > /dev/null &\nexit 3\n", "exit status: 3"),
        ("#!/bin/sh\nwhile read -r line; do echo 1; echo 2; done\n", "must answer each line with one line"),
        ("#!/bin/sh\ncat > /dev/null; sleep 60\n", "must flush its output"),
    ] {
        let program = program(&folder, text, "program.sh");
        let service = service(&program, &[HiveType::String]).with_patience(Duration::from_secs(3));
        // What is too much may come after the answers: then the next batch finds it.
        let mut answers = service.answers(column(), 2);
        for _ in 0..100 {
            if answers.is_ok() {
                std::thread::sleep(Duration::from_millis(10));
                answers = service.answers(column(), 2);
            }
        }
        let error = answers.unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert_eq!(service.processes(), 0);
    }
}

#[test]
fn a_class_of_java_is_no_program() {
    let java = Program {
        name: "f".into(),
        class: "org.example.Upper".into(),
        resources: vec![("JAR".into(), "/tmp/upper.jar".into())],
        environment: vec![],
        files: vec![],
    };
    assert!(matches!(java.describe(), Err(FunctionError::NotAProgram { .. })));
    let odd = Program { class: "/bin/cat RETURNS nothing".into(), ..java };
    assert!(matches!(odd.describe(), Err(FunctionError::Signature { .. })));
}
