//! Scripts against a connection that answers as each test says.

use super::*;
use crate::{
    args::sql::ScriptSource,
    commands::sql::{connection::Scripted, console::Manner},
};
use chrono::DateTime;
use datafusion::{
    arrow::{
        array::{ArrayRef, StringArray},
        record_batch::RecordBatch,
    },
    error::DataFusionError,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use futures::stream;
use skep_hiveql::{functions::SessionFacts, syntax::ast::Span, types::HiveType};
use std::{cell::RefCell, io::Write};

/// What a stream of the console got.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

struct Stage {
    runner: Runner,
    out: Written,
    err: Written,
    /// The statements that ran.
    ran: Rc<RefCell<Vec<String>>>,
    settings: Vec<(&'static str, &'static str)>,
}

impl Stage {
    fn new() -> Stage {
        let (out, err) = (Written::default(), Written::default());
        let manner = Manner {
            format: Format::Tsv2,
            header: None,
            notes: true,
            times: false,
            progress: false,
            echo: false,
        };
        let console = Console {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            manner,
            out_is_terminal: false,
        };
        let runner = Runner::new(console, Interrupts::default(), false);
        Stage { runner, out, err, ran: Rc::default(), settings: vec![] }
    }

    async fn run(&mut self, text: &str) -> Ended {
        let ran = Rc::clone(&self.ran);
        let answer = Box::new(move |text: &str| {
            ran.borrow_mut().push(text.to_owned());
            answer(text)
        });
        let mut connection = Connection::Scripted(Scripted { answer, settings: self.settings.clone() });
        let script = Script::read(&ScriptSource::Text(text.to_owned())).unwrap();
        self.runner.run(&mut connection, script).await.unwrap()
    }

    fn ran(&self) -> Vec<String> {
        self.ran.borrow().clone()
    }
}

fn answer(text: &str) -> Result<Answer, SessionError> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "rows" => Ok(Answer::Rows(rows(rest.split(' ').map(|value| Ok(batch(value))).collect()))),
        "breaks" => {
            let broken = Err(DataFusionError::Execution("disk is gone".to_owned()));
            Ok(Answer::Rows(rows(vec![Ok(batch("first")), broken])))
        }
        "forever" => Ok(Answer::Rows(Rows { stream: endless(), ..rows(vec![]) })),
        "echo" => Ok(Answer::Text(vec![rest.to_owned()])),
        "source" => Ok(Answer::Source(rest.to_owned())),
        "quit" => Ok(Answer::Quit),
        "note" => Ok(Answer::Done { notes: vec![rest.to_owned()] }),
        _ => Err(SessionError {
            message: format!("SemanticException Line 1:0 no {word}"),
            span: Some(Span::new(0, word.len())),
            hints: vec!["did you mean `rows`?".to_owned()],
        }),
    }
}

fn batch(value: &str) -> RecordBatch {
    let values: ArrayRef = std::sync::Arc::new(StringArray::from(vec![value]));
    RecordBatch::try_from_iter([("v", values)]).unwrap()
}

fn rows(batches: Vec<Result<RecordBatch, DataFusionError>>) -> Rows {
    Rows {
        columns: vec![("v".to_owned(), HiveType::String)],
        stream: Box::pin(RecordBatchStreamAdapter::new(batch("").schema(), stream::iter(batches))),
        facts: SessionFacts {
            timezone: chrono_tz::UTC,
            now: DateTime::UNIX_EPOCH,
            user: "ada".to_owned(),
            database: "default".to_owned(),
            settings: Default::default(),
            scripts: Default::default(),
        },
    }
}

fn endless() -> datafusion::execution::SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(batch("").schema(), stream::pending()))
}

#[tokio::test]
async fn rows_and_lines_go_to_standard_output_and_notes_to_the_other() {
    let mut stage = Stage::new();
    assert_eq!(stage.run("rows a b; echo x=1; note loaded").await, Ended::AtItsEnd);
    assert_eq!((stage.out.text().as_str(), stage.err.text().as_str()), ("a\nb\nx=1\n", "loaded\n"));
    assert!(!stage.runner.failed);
}

#[tokio::test]
async fn the_header_is_a_setting_unless_the_command_line_says_otherwise() {
    let mut stage = Stage::new();
    stage.settings = vec![(HEADER, "true")];
    stage.run("rows a").await;
    stage.runner.console.manner.header = Some(false);
    stage.run("rows b").await;
    assert_eq!(stage.out.text(), "v\na\nb\n");
}

#[tokio::test]
async fn a_script_stops_at_its_first_error_and_says_where_it_is() {
    let mut stage = Stage::new();
    assert_eq!(stage.run("rows a;\n  oops x;\nrows b").await, Ended::Failed);
    assert_eq!(stage.ran(), ["rows a", "oops x"]);
    assert_eq!(
        stage.err.text(),
        "FAILED: SemanticException Line 1:0 no oops\n --> -e:2:3\n  |\n2 |   oops x;\n  |   ^^^^\n  \
         = did you mean `rows`?\n"
    );
}

#[tokio::test]
async fn a_script_goes_on_after_errors_if_told_so_and_has_failed_all_the_same() {
    for by_setting in [true, false] {
        let mut stage = Stage::new();
        stage.runner.continue_on_error = !by_setting;
        stage.settings = if by_setting { vec![(IGNORE_ERRORS, "true")] } else { vec![] };
        assert_eq!(stage.run("oops; rows b").await, Ended::AtItsEnd);
        assert!(stage.runner.failed);
        assert_eq!(stage.out.text(), "b\n");
    }
}

#[tokio::test]
async fn rows_that_came_before_an_error_are_printed() {
    let mut stage = Stage::new();
    stage.runner.console.manner.format = Format::Table;
    assert_eq!(stage.run("breaks").await, Ended::Failed);
    assert!(stage.out.text().contains("| first |"), "{}", stage.out.text());
    assert!(stage.err.text().contains("disk is gone"), "{}", stage.err.text());
}

#[tokio::test]
async fn a_sourced_script_runs_in_between_and_quit_ends_everything() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner.hql");
    std::fs::write(&inner, "echo 2; quit; echo 3;").unwrap();
    let mut stage = Stage::new();
    let ended = stage.run(&format!("echo 1; source {}; echo 4", inner.display())).await;
    assert_eq!((ended, stage.out.text().as_str()), (Ended::Quit, "1\n2\n"));
}

#[tokio::test]
async fn a_script_that_sources_itself_or_nothing_fails() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("own.hql");
    let source = format!("source {};", own.display());
    std::fs::write(&own, &source).unwrap();
    let mut stage = Stage::new();
    assert_eq!(stage.run(&source).await, Ended::Failed);
    assert!(stage.err.text().contains("deeper than 64 files"), "{}", stage.err.text());
    let mut stage = Stage::new();
    assert_eq!(stage.run("source /no/such.hql").await, Ended::Failed);
    assert!(
        stage.err.text().starts_with("FAILED: cannot read the script /no/such.hql"),
        "{}",
        stage.err.text()
    );
}

#[tokio::test]
async fn ctrl_c_ends_the_running_statement_and_the_rest_does_not_run() {
    let mut stage = Stage::new();
    let interrupts = stage.runner.interrupts.clone();
    let (ended, ()) = tokio::join!(stage.run("forever; rows a"), async move {
        tokio::task::yield_now().await;
        interrupts.press();
    });
    assert_eq!(ended, Ended::Interrupted);
    assert_eq!(stage.ran(), ["forever"]);
}

#[tokio::test]
async fn times_are_told_in_hives_words() {
    let mut stage = Stage::new();
    stage.runner.console.manner.times = true;
    stage.run("rows a b; note x; echo y").await;
    let told = stage.err.text();
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("Time taken: 0.") && lines[0].ends_with(" seconds, Fetched: 2 row(s)"),
        "{told}"
    );
    assert!(lines[2].ends_with(" seconds") && lines.len() == 3, "{told}");
}
