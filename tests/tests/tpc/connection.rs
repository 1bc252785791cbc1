//! A session with an empty warehouse, and its rows as text.

use datafusion::arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use skep_hiveql::{
    functions::SessionFacts,
    render::Renderer,
    session::{Answer, Rows, Session, SessionOptions},
    syntax::script::split,
    types::HiveType,
};
use std::path::Path;

const MEMORY_BYTES: usize = 1 << 30;

pub struct Connection {
    session: Session,
}

impl Connection {
    pub async fn open(warehouse: &Path) -> Connection {
        let options = SessionOptions {
            warehouse: warehouse.to_owned(),
            database: None,
            conf: vec![],
            variables: vec![],
            user: "tpc".to_owned(),
            owner: String::new(),
            partitions: 2,
            memory_bytes: MEMORY_BYTES,
        };
        Connection { session: Session::local(options).await.expect("a session") }
    }

    /// The rows of all statements of a script, the values between tabs and NULL as `\N`.
    pub async fn run(&mut self, script: &str) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for piece in split(script) {
            let answer = self.session.run(&piece.text).await.map_err(|error| error.to_string())?;
            if let Answer::Rows(rows) = answer {
                print(rows, &mut lines).await.map_err(|error| format!("while it runs: {error}"))?;
            }
        }
        Ok(lines)
    }
}

async fn print(rows: Rows, lines: &mut Vec<String>) -> datafusion::error::Result<()> {
    let Rows { columns, mut stream, facts } = rows;
    while let Some(batch) = stream.try_next().await? {
        let renderers = renderers(&batch, &columns, &facts)?;
        lines.extend((0..batch.num_rows()).map(|row| line(&renderers, row)));
    }
    Ok(())
}

fn renderers(
    batch: &RecordBatch,
    columns: &[(String, HiveType)],
    facts: &SessionFacts,
) -> datafusion::error::Result<Vec<Renderer>> {
    batch.columns().iter().zip(columns).map(|(array, (_, ty))| Renderer::new(array, ty, facts)).collect()
}

fn line(renderers: &[Renderer], row: usize) -> String {
    let mut text = Vec::new();
    for (index, renderer) in renderers.iter().enumerate() {
        if index > 0 {
            text.push(b'\t');
        }
        if !renderer.write(row, &mut text) {
            text.extend(b"\\N");
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
