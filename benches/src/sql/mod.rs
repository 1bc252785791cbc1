//! `cargo run --release -p benches -- sql`: the queries of TPC-H over Parquet, by Skep in this process, by a cluster of it and by
//! other engines in processes of theirs, over the same files. Each runs every query once untimed and then some times; medians
//! count.

mod others;
mod ours;

use crate::report::{median, ratio, seconds};
use clap::{Parser, ValueEnum};
use skep_tests::tpc::{FileKind, Suite};
use std::{
    collections::BTreeMap,
    error::Error,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Parser)]
pub struct Args {
    /// 1 is a gigabyte of text
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Timed runs of each query
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Engines of Python packages; one that is not installed is left out
    #[arg(long, value_enum, value_delimiter = ',', default_value = "duckdb,datafusion")]
    against: Vec<Engine>,
    /// Leave Skep's cluster of a master and two core workers out
    #[arg(long)]
    no_cluster: bool,
    /// Only these queries
    #[arg(long, value_delimiter = ',')]
    queries: Vec<usize>,
    /// Threads of each engine [default: all of the machine's]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Where the tables are kept for the next time [default: nowhere]
    #[arg(long)]
    data: Option<PathBuf>,
    /// The interpreter that has the engines' packages
    #[arg(long, env = "SKEP_BENCH_PYTHON", default_value = "python3")]
    python: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Engine {
    Duckdb,
    Datafusion,
    Polars,
    Sail,
    Spark,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Engine::Duckdb => "duckdb",
            Engine::Datafusion => "datafusion",
            Engine::Polars => "polars",
            Engine::Sail => "sail",
            Engine::Spark => "spark",
        }
    }
}

/// What was measured of one query.
#[derive(Debug, Clone)]
struct Measured {
    times: Vec<Duration>,
    rows: usize,
}

impl Measured {
    fn median(&self) -> Duration {
        median(self.times.clone())
    }
}

/// By number of the query; those that failed are not in it.
type Measures = BTreeMap<usize, Measured>;

/// What all engines are to do.
struct Work<'a> {
    data: &'a Path,
    queries: Vec<usize>,
    runs: usize,
    threads: usize,
}

pub fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let data = match &args.data {
        Some(data) => data.join(format!("tpch-{}", args.scale)),
        None => scratch.path().join("tpch"),
    };
    if !data.join("lineitem").join(FileKind::Parquet.file_name()).exists() {
        eprintln!("making the tables of scale {} in {}", args.scale, data.display());
        Suite::TpcH.generate(&data, args.scale, FileKind::Parquet);
    }
    let all = || Suite::TpcH.queries().collect();
    let work = Work {
        data: &data,
        queries: if args.queries.is_empty() { all() } else { args.queries.clone() },
        runs: args.runs.max(1),
        threads: match args.threads {
            Some(threads) => threads.get(),
            None => std::thread::available_parallelism()?.get(),
        },
    };
    let mut all = vec![("Skep", ours::in_process(&work, &scratch.path().join("warehouse"))?)];
    let mut short = None;
    if !args.no_cluster {
        let (measures, measured) = ours::on_cluster(&work)?;
        all.push(("Skep's cluster", measures));
        short = Some(measured);
    }
    let ours = all.len();
    for engine in &args.against {
        match others::measured(*engine, &args.python, &work) {
            Ok(measures) => all.push((engine.name(), measures)),
            Err(error) => eprintln!("{} is left out: {error}", engine.name()),
        }
    }
    check(&all)?;
    print(&work, &all, ours);
    if let Some(ours::Short { warm, cold }) = short {
        println!();
        println!(
            "`SELECT 1` on the cluster: {} in an open session, {} by `skep sql -e`",
            millis(warm),
            millis(cold)
        );
    }
    Ok(())
}

/// Times of wrong answers say nothing.
fn check(all: &[(&str, Measures)]) -> Result<(), String> {
    let Some(((first, ours), others)) = all.split_first() else { return Ok(()) };
    for (name, measures) in others {
        for (query, measured) in measures {
            let rows = ours.get(query).map(|ours| ours.rows);
            if let Some(rows) = rows.filter(|rows| *rows != measured.rows) {
                return Err(format!("query {query} has {rows} rows by {first}, {} by {name}", measured.rows));
            }
        }
    }
    Ok(())
}

/// A table in Markdown, on standard output: seconds by query, their sums, and how ours are to theirs: ratios of the sums of the
/// queries that both ran, and geometric means of the queries' ratios.
fn print(work: &Work<'_>, all: &[(&str, Measures)], ours: usize) {
    println!("| query |{}", all.iter().map(|(name, _)| format!(" {name} |")).collect::<String>());
    println!("| --- |{}", " ---: |".repeat(all.len()));
    let line = |name: &str, cell: &dyn Fn(&Measures) -> String| {
        let cells = all.iter().map(|(_, measures)| format!(" {} |", cell(measures)));
        println!("| {name} |{}", cells.collect::<String>());
    };
    for query in &work.queries {
        let time = |measures: &Measures| measures.get(query).map(Measured::median);
        line(&query.to_string(), &|measures| time(measures).map_or("-".to_owned(), seconds));
    }
    line("all", &|measures| seconds(measures.values().map(Measured::median).sum()));
    for (name, ours) in &all[..ours] {
        line(&format!("{name}: ratio of sums"), &|theirs| {
            let both = || both(ours, theirs);
            let (ours, theirs) = (both().map(|(ours, _)| ours).sum(), both().map(|(_, theirs)| theirs).sum());
            format!("{:.2}", ratio(ours, theirs))
        });
        line(&format!("{name}: mean of ratios"), &|theirs| {
            let logarithms: Vec<f64> =
                both(ours, theirs).map(|(ours, theirs)| ratio(ours, theirs).ln()).collect();
            format!("{:.2}", (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
        });
    }
}

/// Of the queries that both ran.
fn both(ours: &Measures, theirs: &Measures) -> impl Iterator<Item = (Duration, Duration)> {
    ours.iter().filter_map(|(query, ours)| Some((ours.median(), theirs.get(query)?.median())))
}

fn millis(times: Vec<Duration>) -> String {
    format!("{:.1} ms", median(times).as_secs_f64() * 1e3)
}
