//! The other engines: packages of Python, driven by `engines.py`.

use super::{Engine, Measured, Measures, Work};
use crate::report::{median, seconds};
use serde::Deserialize;
use skep_tests::tpc::Suite;
use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// A line of the script.
#[derive(Deserialize)]
struct Line {
    query: usize,
    seconds: Option<Vec<f64>>,
    rows: Option<usize>,
    error: Option<String>,
}

pub(super) fn measured(engine: Engine, python: &Path, work: &Work<'_>) -> Result<Measures, Box<dyn Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engines.py");
    let queries: Vec<String> = work.queries.iter().map(usize::to_string).collect();
    let mut process = Command::new(python)
        .arg(script)
        .args([engine.name(), &queries.join(","), &work.runs.to_string(), &work.threads.to_string()])
        .args([work.data, &Suite::TpcH.folder()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut measures = Measures::new();
    for line in process.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line: Line = serde_json::from_str(&line?)?;
        match (line.seconds, line.rows) {
            (Some(times), Some(rows)) => {
                let times: Vec<Duration> = times.into_iter().map(Duration::from_secs_f64).collect();
                eprintln!("{}: query {}: {}", engine.name(), line.query, seconds(median(times.clone())));
                measures.insert(line.query, Measured { times, rows });
            }
            _ => {
                let error = line.error.unwrap_or_default();
                eprintln!("{}: query {} failed: {error}", engine.name(), line.query);
            }
        }
    }
    let status = process.wait()?;
    if status.success() { Ok(measures) } else { Err(format!("its script ended with {status}").into()) }
}
