//! Hive's own query tests: each is a script with the rows that Hive prints, run here against an empty warehouse of its own.
//! `hive-qtests/README.md` says what they are and when rows are right.
//!
//! All of them must pass but those that `hive-qtests/expected-failures.txt` names. `SKEP_HIVE_TESTS=join,union` runs only tests
//! with one of these in their names, `SKEP_HIVE_REPORT` says where the report goes (else `target/hive-report.txt`).
//! `SKEP_UPDATE=1` writes the figures of a whole run into `docs/hive-compatibility.md`.

mod compare;
mod corpus;
mod expectation;
mod report;
mod run;

use corpus::{Corpus, Test};
use expectation::Expectation;
use report::Report;
use run::{Clients, Outcome};
use skep_jobs::submit::SubmitEnvironment;
use skep_tests::Cluster;
use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

const THREADS: usize = 2;
/// Of the tests that a cluster could run, each of so many does.
const EVERY: usize = 12;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hive-qtests")
}

/// The tests that this run is about.
fn chosen(corpus: &Corpus) -> Vec<Test> {
    let wanted = std::env::var("SKEP_HIVE_TESTS").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|word| !word.is_empty()).collect();
    let is_wanted = |test: &Test| wanted.is_empty() || wanted.iter().any(|word| test.name.contains(word));
    corpus.tests().into_iter().filter(is_wanted).collect()
}

/// Some of all kinds, whose names of databases and paths mean the same on a cluster.
fn some_for_a_cluster(corpus: &Corpus) -> Vec<Test> {
    let depends_on_place = |test: &Test| {
        let texts = test.statements.iter().map(|statement| statement.sql.to_lowercase());
        let words = ["database", "schema", "default.", "use ", "@tmp@", "@warehouse@", "input__file__name"];
        texts.into_iter().any(|text| words.iter().any(|word| text.contains(word)))
    };
    let usable = chosen(corpus).into_iter().filter(|test| !depends_on_place(test));
    usable.step_by(if is_selected() { 1 } else { EVERY }).collect()
}

fn is_selected() -> bool {
    std::env::var_os("SKEP_HIVE_TESTS").is_some()
}

fn run_all(corpus: &Corpus, tests: &[Test], cluster: Option<&Clients>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![None; tests.len()]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run::guarded(corpus, test, cluster);
                    let place = tests.iter().position(|other| other.name == test.name).unwrap();
                    outcomes.lock().unwrap()[place] = Some(outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_iter().map(|outcome| outcome.expect("every test was run")).collect()
}

#[test]
fn the_tests_of_hive_pass_but_those_that_are_listed() {
    run::note_panics();
    let corpus = Corpus::at(folder());
    let expectation = Expectation::read(&folder().join("expected-failures.txt"));
    let tests = chosen(&corpus);
    let is_whole = tests.len() == corpus.tests().len();
    let outcomes = run_all(&corpus, &tests, None);
    let report = Report::of(&tests, &outcomes);
    report.write(&Report::path());
    println!("{}", report.summary());
    if is_whole && std::env::var_os("SKEP_UPDATE").is_some() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        report.publish(&docs.join("hive-compatibility.md"));
    }
    let problems = expectation.problems(&tests, &outcomes, is_whole);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn as_jobs_of_a_cluster_they_give_the_same_rows() {
    run::note_panics();
    let corpus = Corpus::at(folder());
    let expectation = Expectation::read(&folder().join("expected-failures.txt"));
    let mut tests = some_for_a_cluster(&corpus);
    tests.retain(|test| !expectation.lists(test));
    let cluster = Cluster::start(2, 1);
    let clients = Clients(SubmitEnvironment {
        master: cluster.address.parse().unwrap(),
        secret_file: cluster.secret(),
        user: "hive".to_owned(),
        name: None,
        conf: Vec::new(),
        detach: false,
    });
    let outcomes = run_all(&corpus, &tests, Some(&clients));
    let problems = expectation.problems(&tests, &outcomes, false);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
