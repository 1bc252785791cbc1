//! One test, as a user would run it: a script for `skep sql --local`, its output cut at the statements.

use super::{
    compare::{Verdict, judge},
    corpus::{Compare, Corpus, Test},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// What became of a test.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Statement and what is wrong with it, in order. Empty: the test passed.
    pub wrong: Vec<(usize, String)>,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// A script, and the line at which each statement begins.
struct Script {
    text: String,
    starts: Vec<usize>,
}

fn marker(index: usize) -> String {
    format!("~~~{index}~~~")
}

fn script(corpus: &Corpus, test: &Test, folder: &Path) -> Script {
    let places = |sql: &str| {
        sql.replace("@DATA@", &corpus.data().display().to_string())
            .replace("@TMP@", &folder.join("tmp").display().to_string())
            .replace("@WAREHOUSE@", &folder.join("warehouse").display().to_string())
    };
    let mut text = String::new();
    for name in &test.datasets {
        text.push_str(&places(&corpus.dataset(name)));
        text.push_str("\n;\n");
    }
    let mut starts = Vec::with_capacity(test.statements.len());
    for (index, statement) in test.statements.iter().enumerate() {
        writeln!(text, "SELECT '{}';", marker(index)).expect("a string takes all");
        starts.push(text.lines().count() + 1);
        writeln!(text, "{};", places(&statement.sql)).expect("a string takes all");
    }
    writeln!(text, "SELECT '{}';", marker(test.statements.len())).expect("a string takes all");
    Script { text, starts }
}

/// Runs the test in an empty folder with the given `skep`.
pub fn run(skep: &Path, corpus: &Corpus, test: &Test, folder: &Path) -> Outcome {
    fs::create_dir_all(folder.join("tmp")).expect("a scratch folder");
    let script = script(corpus, test, folder);
    let path = folder.join("test.hql");
    fs::write(&path, &script.text).expect("the script is written");
    let output = Command::new(skep)
        .args(["sql", "--local", "--continue-on-error", "--format", "tsv2", "--warehouse"])
        .arg(folder.join("warehouse"))
        .arg("-f")
        .arg(&path)
        .args(["--hiveconf", "hive.cli.errors.ignore=true"])
        .current_dir(folder)
        .env("TZ", &test.timezone)
        .stdin(Stdio::null())
        .output()
        .expect("skep runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let rows = cut(&stdout);
    let failed = failures(&stderr, &path, &script.starts);
    let mut wrong = Vec::new();
    for (index, statement) in test.statements.iter().enumerate() {
        if statement.compare == Compare::None {
            continue;
        }
        let verdict = match (failed.get(&index), rows.get(&index)) {
            (Some(message), _) => Verdict::Wrong(message.clone()),
            (None, Some(rows)) => judge(statement, rows),
            (None, None) => Verdict::Wrong(format!("no output: {}", stderr.lines().last().unwrap_or_default())),
        };
        if let Verdict::Wrong(message) = verdict {
            wrong.push((index, message));
        }
    }
    Outcome { wrong }
}

/// The lines after each marker, up to the next one.
fn cut(stdout: &str) -> BTreeMap<usize, Vec<String>> {
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut current = None;
    for line in stdout.lines() {
        let marked = line.strip_prefix("~~~").and_then(|rest| rest.strip_suffix("~~~"));
        match marked.and_then(|number| number.parse().ok()) {
            Some(index) => {
                rows.entry(index).or_default();
                current = Some(index);
            }
            None => {
                if let Some(index) = current {
                    rows.entry(index).or_default().push(line.to_owned());
                }
            }
        }
    }
    rows
}

/// The statements that failed, by the place that each error names: `path:line:column`.
fn failures(stderr: &str, path: &Path, starts: &[usize]) -> BTreeMap<usize, String> {
    let place = format!("{}:", path.display());
    let mut failed = BTreeMap::new();
    let mut last = String::new();
    for line in stderr.lines() {
        if line.starts_with("FAILED:") {
            last = line.to_owned();
        }
        let Some((_, rest)) = line.split_once(&place) else { continue };
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = number.parse::<usize>() else { continue };
        let before: BTreeSet<usize> = starts.iter().copied().filter(|start| *start <= number).collect();
        if let Some(index) = before.len().checked_sub(1) {
            failed.entry(index).or_insert_with(|| last.clone());
        }
    }
    failed
}
