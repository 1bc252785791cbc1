//! TPC-H and TPC-DS through a session of this process: every query over tables made here, its rows compared with those that
//! another engine gave for the same tables. `tests/answers.py` makes the answers.
//!
//! `SKEP_TPC_QUERIES=1,17` runs only queries with these numbers.

mod compare;
mod connection;

use connection::Connection;
use skep_tests::tpc::{FileKind, Suite};
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// That of the answers.
const SCALE: f64 = 0.01;
const THREADS: usize = 2;
/// Code that is not optimised nests deep.
const STACK_BYTES: usize = 64 << 20;

fn chosen(suite: Suite) -> Vec<usize> {
    let wanted = std::env::var("SKEP_TPC_QUERIES").unwrap_or_default();
    let wanted: Vec<usize> = wanted.split(',').filter_map(|number| number.parse().ok()).collect();
    suite.queries().filter(|number| wanted.is_empty() || wanted.contains(number)).collect()
}

/// What is wrong with a query; nothing if its rows are right.
fn problem(suite: Suite, number: usize, found: Result<Vec<String>, String>) -> Option<String> {
    let wrong = match found {
        Ok(lines) => compare::difference(&suite.answer(number), &lines)?,
        Err(error) => error,
    };
    Some(format!("query {number}: {wrong}"))
}

/// Sessions that take one query after the other, and what is wrong with these.
fn run(suite: Suite, data: &Path, kind: FileKind) -> Vec<String> {
    let (queries, next) = (chosen(suite), AtomicUsize::new(0));
    let problems = Mutex::new(Vec::new());
    let body = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let warehouse = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut connection = Connection::open(warehouse.path()).await;
            connection.run(&suite.tables(data, kind)).await.expect("the tables are created");
            while let Some(number) = queries.get(next.fetch_add(1, Ordering::Relaxed)) {
                let found = connection.run(&suite.query(*number)).await;
                problems.lock().unwrap().extend(problem(suite, *number, found));
            }
        });
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, body).unwrap();
        }
    });
    problems.into_inner().unwrap()
}

fn check(suite: Suite, kind: FileKind) {
    let data = tempfile::tempdir().unwrap();
    suite.generate(data.path(), SCALE, kind);
    let problems = run(suite, data.path(), kind);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn all_queries_of_tpch_are_right_over_parquet() {
    check(Suite::TpcH, FileKind::Parquet);
}

#[test]
fn all_queries_of_tpch_are_right_over_orc() {
    check(Suite::TpcH, FileKind::Orc);
}

#[test]
fn all_queries_of_tpch_are_right_over_delimited_text() {
    check(Suite::TpcH, FileKind::Text);
}

#[test]
fn all_queries_of_tpcds_are_right_over_parquet() {
    check(Suite::TpcDs, FileKind::Parquet);
}
