//! `cargo run --release -p benches -- partitions`: a table of very many partitions, and an INSERT into many at once, in a session of
//! this process.

use crate::report::{Report, Row, seconds};
use clap::Parser;
use futures::TryStreamExt;
use skep_hiveql::session::{Answer, Session, SessionError, SessionOptions};
use std::{
    error::Error,
    fs,
    path::Path,
    time::{Duration, Instant},
};

#[derive(Parser)]
pub struct Args {
    /// Partitions of the table that is repaired, listed and queried
    #[arg(long, default_value_t = 100_000)]
    partitions: usize,
    /// Dynamic partitions of one INSERT
    #[arg(long, default_value_t = 5_000)]
    inserted: usize,
    /// Rows of each of these
    #[arg(long, default_value_t = 40)]
    rows: usize,
    /// What operators of the INSERT may hold, in MiB
    #[arg(long, default_value_t = 128)]
    memory: usize,
}

/// What a process with this much memory can do.
const INSERT_BYTES_MAX: u64 = 256 << 20;

pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut session = Session::local(SessionOptions {
            warehouse: home.path().join("warehouse"),
            database: None,
            conf: Vec::new(),
            variables: Vec::new(),
            user: "bench".to_owned(),
            owner: String::new(),
            partitions: 2,
            memory_bytes: args.memory << 20,
        })
        .await?;
        insert(&mut session, args, &mut report).await?;
        many(&mut session, args, home.path(), &mut report).await
    })?;
    report.print();
    Ok(())
}

/// Rows come in an order in which each partition's are far apart.
async fn insert(session: &mut Session, args: &Args, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let count = args.inserted;
    let parquet = "create table target (a bigint, b string) partitioned by (p int) stored as parquet";
    for statement in [
        &format!(
            "create table series as select posexplode(split(repeat(',', {}), ',')) as (n, empty)",
            count - 1
        ),
        &format!(
            "create table rounds as select posexplode(split(repeat(',', {}), ',')) as (n, empty)",
            args.rows - 1
        ),
        parquet,
        &format!("set hive.exec.max.dynamic.partitions={count}"),
    ] {
        session.run(statement).await?;
    }
    // From here on the peak is counted anew.
    fs::write("/proc/self/clear_refs", "5")?;
    let statement =
        "insert into target select r.n, repeat('some text', 20), s.n from rounds r cross join series s";
    let (time, _) = timed(session, statement).await?;
    let peak = peak_bytes()?;
    let made = timed(session, "show partitions target").await?.1;
    if made != count {
        return Err(format!("{made} partitions were made, not {count}").into());
    }
    report.add(Row {
        what: format!("INSERT of {} rows into {count} dynamic partitions", count * args.rows),
        skep: format!("{}, peak {} MiB", seconds(time), peak >> 20),
        other: "-".to_owned(),
        ratio: None,
        wanted: "within 256 MiB".to_owned(),
        met: peak <= INSERT_BYTES_MAX,
    });
    Ok(())
}

async fn many(
    session: &mut Session,
    args: &Args,
    home: &Path,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let (count, place) = (args.partitions, home.join("many"));
    for index in 0..count {
        let folder = place.join(format!("day={:03}", index % 365)).join(format!("p={index}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("rows"), format!("{index}\n"))?;
    }
    let create = format!(
        "create external table many (a int) partitioned by (day string, p int) location '{}'",
        place.display()
    );
    session.run(&create).await?;
    let one = count / 2;
    let query = format!("select a from many where p = {one}");
    let steps = [
        ("MSCK REPAIR TABLE", "msck repair table many".to_owned(), None, 60_000),
        ("EXPLAIN of a pruned query, the first of a session", format!("explain {query}"), None, 1_000),
        ("EXPLAIN of a pruned query", format!("explain {query}"), None, 100),
        ("pruned query, run", query, Some(1), 100),
        ("SHOW PARTITIONS", "show partitions many".to_owned(), Some(count), 2_000),
        ("DESCRIBE FORMATTED", "describe formatted many".to_owned(), None, 1_000),
        ("MSCK REPAIR TABLE, nothing new", "msck repair table many".to_owned(), None, 60_000),
        (
            "ALTER TABLE DROP PARTITION of a hundredth",
            format!("alter table many drop partition (p < {})", count / 100),
            None,
            10_000,
        ),
        ("SHOW PARTITIONS, afterwards", "show partitions many".to_owned(), Some(count - count / 100), 5_000),
    ];
    for (what, statement, expected, wanted) in steps {
        let (time, rows) = timed(session, &statement).await?;
        if expected.is_some_and(|expected| expected != rows) {
            return Err(format!("{what}: {rows} rows instead of {expected:?}").into());
        }
        let limit = Duration::from_millis(wanted);
        report.add(Row {
            what: format!("{what}, {count} partitions"),
            skep: seconds(time),
            other: "-".to_owned(),
            ratio: None,
            wanted: format!("under {}", seconds(limit)),
            met: time < limit,
        });
    }
    Ok(())
}

/// Runs a statement to its end and counts its rows.
async fn timed(session: &mut Session, statement: &str) -> Result<(Duration, usize), SessionError> {
    let begin = Instant::now();
    let count = match session.run(statement).await? {
        Answer::Rows(rows) => {
            let counted =
                rows.stream.try_fold(0, |count, batch| std::future::ready(Ok(count + batch.num_rows())));
            counted.await?
        }
        Answer::Text(lines) => lines.len(),
        _ => 0,
    };
    Ok((begin.elapsed(), count))
}

/// The most that this process has held.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak is known")?;
    let kilobytes = line.split_whitespace().next().ok_or("no peak is known")?;
    Ok(kilobytes.parse::<u64>()? << 10)
}
