//! Skep's side: a session of this process.

use super::{Measured, Measures, Work};
use crate::report::{median, seconds};
use futures::TryStreamExt;
use skep_hiveql::{
    session::{Answer, Session, SessionError, SessionOptions},
    syntax::script::split,
};
use skep_tests::tpc::{FileKind, Suite};
use std::{error::Error, path::Path, time::Instant};

/// What operators may hold before they spill.
const MEMORY_BYTES: usize = 8 << 30;

pub(super) fn measured(work: &Work<'_>, warehouse: &Path) -> Result<Measures, Box<dyn Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(work.threads).enable_all().build()?;
    runtime.block_on(async {
        let mut session = Session::local(SessionOptions {
            warehouse: warehouse.to_owned(),
            database: None,
            conf: Vec::new(),
            variables: Vec::new(),
            user: "bench".to_owned(),
            owner: String::new(),
            partitions: work.threads,
            memory_bytes: MEMORY_BYTES,
        })
        .await?;
        for statement in split(&Suite::TpcH.tables(work.data, FileKind::Parquet)) {
            session.run(&statement.text).await?;
        }
        let mut measures = Measures::new();
        for query in &work.queries {
            let text = Suite::TpcH.query(*query);
            let mut measured = Measured { times: Vec::new(), rows: rows(&mut session, &text).await? };
            for _ in 0..work.runs {
                let begin = Instant::now();
                measured.rows = rows(&mut session, &text).await?;
                measured.times.push(begin.elapsed());
            }
            eprintln!("skep: query {query}: {}", seconds(median(measured.times.clone())));
            measures.insert(*query, measured);
        }
        Ok(measures)
    })
}

/// Runs the query to its end.
async fn rows(session: &mut Session, text: &str) -> Result<usize, SessionError> {
    let Answer::Rows(rows) = session.run(text).await? else { return Ok(0) };
    let counted = rows.stream.try_fold(0, |count, batch| std::future::ready(Ok(count + batch.num_rows())));
    Ok(counted.await?)
}
