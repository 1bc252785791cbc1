//! The statements in the documentation of HiveQL, run one after the other: each document is a script of its own in an empty
//! warehouse, and below a block of `sql` the block of `text` is what it prints. `SKEP_UPDATE=1` writes what is printed into
//! the documents.

use datafusion::{arrow::record_batch::RecordBatch, error::DataFusionError};
use futures::TryStreamExt;
use skep_hiveql::{
    render::Renderer,
    session::{Answer, Rows, Session, SessionError, SessionOptions, run_shell},
    syntax::script::split,
};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MEMORY_BYTES: usize = 256 << 20;
/// Code that is not optimised nests deep.
const STACK_BYTES: usize = 64 << 20;

/// A fenced block, or what stands between two.
struct Part {
    /// `None`: no block.
    language: Option<String>,
    lines: Vec<String>,
}

fn parts(document: &str) -> Vec<Part> {
    let mut parts = vec![Part { language: None, lines: vec![] }];
    for line in document.lines() {
        let is_block = parts.last().unwrap().language.is_some();
        match line.strip_prefix("```") {
            Some(_) if is_block => parts.push(Part { language: None, lines: vec![] }),
            Some(language) => parts.push(Part { language: Some(language.to_owned()), lines: vec![] }),
            None => parts.last_mut().unwrap().lines.push(line.to_owned()),
        }
    }
    parts
}

fn text_of(parts: &[Part]) -> String {
    let mut text = String::new();
    for Part { language, lines } in parts {
        if let Some(language) = language {
            writeln!(text, "```{language}").unwrap();
        }
        lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
        if language.is_some() {
            text.push_str("```\n");
        }
    }
    text
}

/// A session in an empty warehouse, as a reader's.
async fn session(folder: &Path, variables: Vec<(String, String)>) -> Session {
    let options = SessionOptions {
        warehouse: folder.join("warehouse"),
        database: None,
        conf: vec![("hive.local.time.zone".to_owned(), "UTC".to_owned())],
        variables,
        user: "ada".to_owned(),
        owner: String::new(),
        partitions: 2,
        memory_bytes: MEMORY_BYTES,
    };
    Session::local(options).await.unwrap()
}

/// The lines that a block prints. It ends at a statement that fails.
async fn printed(session: &mut Session, block: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in split(block) {
        let failed = match session.run(&piece.text).await {
            Ok(Answer::Rows(rows)) => print(rows, &mut lines).await.map_err(SessionError::from).err(),
            Ok(Answer::Text(text)) => {
                lines.extend(text);
                None
            }
            Ok(Answer::Shell(command)) => match run_shell(&command).await {
                Ok(text) => {
                    lines.extend(text);
                    None
                }
                Err(error) => Some(error),
            },
            Ok(Answer::Done { .. } | Answer::Source(_) | Answer::Quit) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            lines.push(format!("FAILED: {}", error.message));
            lines.extend(error.hints.iter().map(|hint| format!("  = {hint}")));
            break;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

async fn print(rows: Rows, lines: &mut Vec<String>) -> Result<(), DataFusionError> {
    let batches: Vec<RecordBatch> = rows.stream.try_collect().await?;
    for batch in batches {
        let columns = batch.columns().iter().zip(&rows.columns);
        let renderers = columns.map(|(array, (_, ty))| Renderer::new(array, ty, &rows.facts));
        let renderers = renderers.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |renderer: &Renderer| {
                let mut text = Vec::new();
                let is_null = !renderer.write(row, &mut text);
                if is_null { "NULL".to_owned() } else { String::from_utf8_lossy(&text).into_owned() }
            };
            lines.push(renderers.iter().map(cell).collect::<Vec<_>>().join("\t"));
        }
    }
    Ok(())
}

async fn check(document: &Path, folder: &Path, variables: Vec<(String, String)>) {
    let text = fs::read_to_string(document).unwrap();
    let mut parts = parts(&text);
    let mut session = session(folder, variables).await;
    let mut wrong = String::new();
    for index in 0..parts.len() {
        if parts[index].language.as_deref() != Some("sql") {
            continue;
        }
        let block = parts[index].lines.join("\n");
        let here = folder.display().to_string();
        let found = printed(&mut session, &block).await;
        let found: Vec<String> = found.iter().map(|line| line.replace(&here, "")).collect();
        // Blank lines may stand between the two.
        let shown = parts.iter_mut().skip(index + 1).find(|part| part.language.is_some() || !is_blank(part));
        match shown.filter(|part| part.language.as_deref() == Some("text")) {
            Some(shown) if shown.lines == found => {}
            Some(shown) => {
                writeln!(
                    wrong,
                    "{block}\n-- prints --\n{}\n-- not --\n{}\n",
                    found.join("\n"),
                    shown.lines.join("\n")
                )
                .unwrap();
                shown.lines = found;
            }
            None if found.is_empty() => {}
            None => writeln!(wrong, "{block}\n-- prints --\n{}\n-- which is not shown\n", found.join("\n"))
                .unwrap(),
        }
    }
    if std::env::var_os("SKEP_UPDATE").is_some() {
        fs::write(document, text_of(&parts)).unwrap();
    }
    assert!(wrong.is_empty(), "{}:\n{wrong}", document.display());
}

fn is_blank(part: &Part) -> bool {
    part.lines.iter().all(|line| line.trim().is_empty())
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs")
}

fn run<W: Future<Output = ()>>(work: impl FnOnce() -> W + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let ended = thread.spawn_scoped(scope, || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
        });
        ended.unwrap().join().unwrap();
    });
}

#[test]
fn the_reference_of_hiveql_prints_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("people.csv"), "name,born\n\"Hopper, Grace\",1906\nAda,1815\n").unwrap();
    fs::write(data.join("events.json"), "{\"id\": 1, \"tags\": [\"a\", \"b\"]}\n{\"id\": 2}\n").unwrap();
    fs::write(data.join("broken.json"), "{\"id\": 1}\n{\"id\": \n").unwrap();
    let variables = vec![("data".to_owned(), data.display().to_string())];
    let document = docs().join("hiveql.md");
    run(|| check(&document, folder.path(), variables));
}

#[test]
fn the_tutorial_prints_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let script = docs().join("tutorial-logs.sh");
    let made = Command::new("sh").arg(script).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::write(&log, made.stdout).unwrap();
    let path = |path: &Path| path.display().to_string();
    let variables =
        vec![("log".to_owned(), path(&log)), ("report".to_owned(), path(&folder.path().join("report")))];
    let document = docs().join("tutorial-logs.md");
    run(|| check(&document, folder.path(), variables));
}
