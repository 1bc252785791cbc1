//! The house style as a test: sizes, names, layering and the purity of the cores. Each failure names its remedy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const FILE_LINES_MAX: usize = 1_000;
const FILE_LINES_P95: usize = 500;
const FILE_LINES_MEDIAN: usize = 200;
const FUNCTION_LINES_MAX: usize = 120;

/// A crate and the crates of the house that it may name in its manifest (build and dev dependencies included).
const LAYERS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("hdfs", &["skep-wire"]),
    ("jobs", &["skep-wire", "skep-hdfs"]),
    ("master", &["skep-wire", "skep-hdfs", "skep-jobs"]),
    ("worker", &["skep-wire", "skep-hdfs", "skep-jobs"]),
    ("hiveql", &["skep-wire", "skep-hdfs", "skep-jobs"]),
];

/// What a pure core must not name, and what to do instead.
const IMPURE: &[(&str, &str)] = &[
    ("async fn", "a core is synchronous: emit an output, take the effect's result as an event"),
    (".await;", "a core is synchronous: emit an output, take the effect's result as an event"),
    (".await?", "a core is synchronous: emit an output, take the effect's result as an event"),
    (".await.", "a core is synchronous: emit an output, take the effect's result as an event"),
    ("tokio::", "I/O belongs to the shell"),
    ("std::net", "I/O belongs to the shell"),
    ("std::fs", "I/O belongs to the shell"),
    ("std::thread", "one task of the shell owns the core"),
    ("Instant::now", "time comes in with each event"),
    ("SystemTime", "time comes in with each event"),
    ("HashMap", "iteration order is behaviour: BTreeMap"),
    ("HashSet", "iteration order is behaviour: BTreeSet"),
    ("Mutex", "the core has one owner"),
    ("RwLock", "the core has one owner"),
    ("rand::rng", "randomness comes from the core's own seeded generator"),
    ("thread_rng", "randomness comes from the core's own seeded generator"),
];

const BANNED_MODULES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for room in ["wire", "hdfs", "jobs", "master", "worker", "hiveql", "cli", "tests", "benches"] {
        collect(&root().join(room), &mut files);
    }
    assert!(files.len() > 50, "only {} Rust files found: the walk is broken", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path.strip_prefix(root()).unwrap().to_path_buf(), text));
        }
    }
}

/// The part of a file before its unit tests.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn fail_with(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn files_are_short_enough_to_read() {
    let mut problems = Vec::new();
    let mut lengths = Vec::new();
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        lengths.push(lines);
        if lines > FILE_LINES_MAX {
            problems.push(format!(
                "{}: {lines} lines: cut it by concern, each file tells one story",
                path.display()
            ));
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    let p95 = lengths[lengths.len() * 95 / 100];
    println!(
        "{} files, median {median} lines, p95 {p95}, longest {}",
        lengths.len(),
        lengths[lengths.len() - 1]
    );
    if median > FILE_LINES_MEDIAN {
        problems.push(format!("the median file has {median} lines, the house keeps {FILE_LINES_MEDIAN}"));
    }
    if p95 > FILE_LINES_P95 {
        problems.push(format!("5 % of the files are over {p95} lines, the house keeps {FILE_LINES_P95}"));
    }
    fail_with(problems);
}

#[test]
fn functions_fit_on_a_screen_or_two() {
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        for (name, line, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                problems.push(format!(
                    "{}:{line}: `{name}` has {length} lines: name its steps as functions of their own",
                    path.display()
                ));
            }
        }
    }
    fail_with(problems);
}

/// Name, first line and length of every function, by the indentation that rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else { continue };
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| **line == closing);
        if let Some(end) = end.filter(|_| !line.trim_end().ends_with('}') && !line.trim_end().ends_with(';'))
        {
            found.push((name, start + 1, end + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    loop {
        match words.next()? {
            "pub" | "async" | "const" | "unsafe" | "pub(crate)" | "pub(super)" => {}
            "fn" => break,
            _ => return None,
        }
    }
    words.next().map(|name| name.split(['(', '<']).next().unwrap_or(name).to_owned())
}

#[test]
fn every_file_opens_with_what_lives_in_it() {
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        if !text.starts_with("//!") {
            problems.push(format!(
                "{}: open it with a //! comment: what lives here, what it must not know",
                path.display()
            ));
        }
    }
    fail_with(problems);
}

#[test]
fn no_module_is_a_junk_drawer() {
    let mut problems = Vec::new();
    for (path, _) in rust_files() {
        for part in path.iter().filter_map(|part| part.to_str()) {
            let name = part.strip_suffix(".rs").unwrap_or(part);
            if BANNED_MODULES.contains(&name) {
                problems
                    .push(format!("{}: `{name}` says nothing: name it for what it holds", path.display()));
            }
        }
    }
    fail_with(problems);
}

#[test]
fn no_unfinished_work_is_left_in_the_code() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(*mark)) {
                problems.push(format!("{}:{}: `{mark}`: finish it or file it", path.display(), number + 1));
            }
        }
    }
    fail_with(problems);
}

#[test]
fn cores_are_pure() {
    let mut problems = Vec::new();
    let mut cores = BTreeSet::new();
    for (path, text) in rust_files() {
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        if parts.get(1) != Some(&"src") || parts.get(2) != Some(&"core") || path.ends_with("tests.rs") {
            continue;
        }
        cores.insert(parts[0].to_owned());
        let text = production(&text);
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for (word, remedy) in IMPURE {
                if code.contains(word) {
                    problems.push(format!("{}:{}: `{word}` in a core: {remedy}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(
        ["hdfs", "master", "worker"].iter().all(|core| cores.contains(*core)),
        "cores found only in {cores:?}"
    );
    fail_with(problems);
}

#[test]
fn crates_depend_downwards_only() {
    let mut problems = Vec::new();
    for (room, allowed) in LAYERS {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        for line in manifest.lines().filter(|line| line.starts_with("skep")) {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            if !allowed.contains(&name) {
                problems.push(format!(
                    "{room}/Cargo.toml: `{name}`: {room} must not know it; they meet in a lower crate"
                ));
            }
        }
    }
    fail_with(problems);
}

#[test]
fn the_big_crates_are_there_once() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = \"") {
            name = value.trim_end_matches('"');
        } else if let Some(value) = line.strip_prefix("version = \"") {
            versions.entry(name).or_default().insert(value.trim_end_matches('"'));
        }
    }
    let twice: Vec<String> =
        ["tokio", "arrow", "datafusion", "object_store", "hyper", "rustls", "bincode", "redb"]
            .iter()
            .filter(|name| versions.get(**name).is_some_and(|found| found.len() > 1))
            .map(|name| format!("{name}: {:?}: make the dependents agree on one", versions[name]))
            .collect();
    assert!(versions.contains_key("tokio"));
    fail_with(twice);
}

#[test]
fn unsafe_code_lives_in_files_named_for_it() {
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        let named =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains("unsafe"));
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            if !named && code.contains(concat!("unsafe", " {")) {
                problems.push(format!("{}:{}: move it to a file named for it", path.display(), number + 1));
            }
        }
    }
    fail_with(problems);
}
