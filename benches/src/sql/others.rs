//! The other engines: packages of Python, driven by `engines.py`.

use super::{Measured, Side, Work};
use serde::Deserialize;
use skep_tests::tpc::Suite;
use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A line of the script. Its first one, which says nothing, comes when the engine is ready.
#[derive(Deserialize)]
struct Line {
    seconds: Option<f64>,
    rows: Option<usize>,
    error: Option<String>,
}

pub(super) struct Script {
    process: Child,
    queries: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Script {
    pub fn start(engine: &str, python: &Path, work: &Work<'_>) -> Result<Script, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engines.py");
        let mut command = Command::new(python);
        command.arg(script).args([engine, &work.threads.to_string()]);
        command.args([work.data, &Suite::TpcH.folder()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let queries = process.stdin.take().ok_or("it has no input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("it has no output")?);
        let mut script = Script { process, queries, answers };
        script.line()?;
        Ok(script)
    }

    fn line(&mut self) -> Result<Line, Box<dyn Error>> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(format!("its script ended with {}", self.process.wait()?).into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Side for Script {
    fn run(&mut self, query: usize) -> Result<Measured, Box<dyn Error>> {
        writeln!(self.queries, "{query}")?;
        let line = self.line()?;
        match (line.seconds, line.rows) {
            (Some(seconds), Some(rows)) => Ok(Measured { time: Duration::from_secs_f64(seconds), rows }),
            _ => Err(line.error.unwrap_or_default().into()),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
