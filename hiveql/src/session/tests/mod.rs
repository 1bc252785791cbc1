//! Statements through a session on this machine, and the lines that Hive's CLI would print.

mod change;
mod clauses;
mod functions;
mod kills;
mod names;
mod place;
mod queries;
mod refused;
mod samples;
mod scripts;
mod statistics;
mod transfer;
mod writes;

use super::{Answer, Rows, Session, SessionOptions};
use crate::{render::Renderer, syntax::script::split};
use futures::TryStreamExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A session over a warehouse that is gone with it.
struct Hive {
    session: Session,
    home: TempDir,
}

impl Hive {
    async fn new() -> Hive {
        Hive::with_partitions(1).await
    }

    async fn with_partitions(partitions: usize) -> Hive {
        let home = tempfile::tempdir().unwrap();
        let options = SessionOptions {
            warehouse: home.path().join("warehouse"),
            database: None,
            conf: vec![("hive.local.time.zone".to_owned(), "UTC".to_owned())],
            variables: vec![],
            user: "hive".to_owned(),
            partitions,
            memory_bytes: 64 << 20,
            owner: String::new(),
        };
        Hive { session: Session::local(options).await.unwrap(), home }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The lines that a script prints, or the first error.
    async fn run(&mut self, script: &str) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for piece in split(script) {
            match self.session.run(&piece.text).await.map_err(|error| error.to_string())? {
                Answer::Rows(rows) => lines.extend(printed(rows).await?),
                Answer::Text(text) => lines.extend(text),
                Answer::Done { .. } | Answer::Shell(_) | Answer::Source(_) | Answer::Quit => {}
            }
        }
        Ok(lines)
    }

    async fn lines(&mut self, script: &str) -> Vec<String> {
        self.run(script).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn sorted(&mut self, script: &str) -> Vec<String> {
        let mut lines = self.lines(script).await;
        lines.sort();
        lines
    }

    /// A table of rows of text, whose fields are separated by blanks.
    async fn table(&mut self, definition: &str, rows: &[&str]) {
        let name = definition.split('(').next().unwrap_or_default().trim().to_owned();
        let path = self.file(&format!("{name}.txt"), &(rows.join("\n") + "\n"));
        let load = load(&path, &name);
        let create = format!("CREATE TABLE {definition} ROW FORMAT DELIMITED FIELDS TERMINATED BY ' '");
        self.lines(&format!("{create}; {load}")).await;
    }
}

fn load(path: &Path, table: &str) -> String {
    format!("LOAD DATA LOCAL INPATH '{}' INTO TABLE {table}", path.display())
}

async fn printed(rows: Rows) -> Result<Vec<String>, String> {
    let Rows { columns, mut stream, facts } = rows;
    let mut lines = Vec::new();
    let message = |error: datafusion::error::DataFusionError| super::SessionError::from(error).to_string();
    while let Some(batch) = stream.try_next().await.map_err(message)? {
        let renderers = batch.columns().iter().zip(&columns);
        let renderers: Vec<Renderer> =
            renderers.map(|(array, (_, ty))| Renderer::new(array, ty, &facts).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells = renderers.iter().map(|renderer| {
                let mut cell = Vec::new();
                let is_null = !renderer.write(row, &mut cell);
                if is_null { "NULL".to_owned() } else { String::from_utf8(cell).unwrap() }
            });
            lines.push(cells.collect::<Vec<_>>().join("\t"));
        }
    }
    Ok(lines)
}
