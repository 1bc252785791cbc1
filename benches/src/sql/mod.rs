//! `cargo run --release -p benches -- sql`: the queries of TPC-H over Parquet, by Skep in this process and by other engines in
//! theirs, over the same files. Each engine runs every query once untimed and then some times; medians count.

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
    let mut others = Vec::new();
    for engine in &args.against {
        match others::measured(*engine, &args.python, &work) {
            Ok(measures) => others.push((*engine, measures)),
            Err(error) => eprintln!("{} is left out: {error}", engine.name()),
        }
    }
    let ours = ours::measured(&work, &scratch.path().join("warehouse"))?;
    check(&ours, &others)?;
    print(&work, &ours, &others);
    Ok(())
}

/// Times of wrong answers say nothing.
fn check(ours: &Measures, others: &[(Engine, Measures)]) -> Result<(), String> {
    for (engine, measures) in others {
        for (query, measured) in measures {
            if let Some(ours) = ours.get(query)
                && ours.rows != measured.rows
            {
                let (rows, theirs, name) = (ours.rows, measured.rows, engine.name());
                return Err(format!("query {query} has {rows} rows, by {name} {theirs}"));
            }
        }
    }
    Ok(())
}

/// A table in Markdown, on standard output. Ratios are of our time to theirs; the last line has their geometric means.
fn print(work: &Work<'_>, ours: &Measures, others: &[(Engine, Measures)]) {
    let names = others.iter().map(|(engine, _)| format!(" {0} | ratio |", engine.name()));
    println!("| query | Skep |{}", names.collect::<String>());
    println!("| ---: | ---: |{}", " ---: | ---: |".repeat(others.len()));
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); others.len()];
    for query in &work.queries {
        let our_time = ours.get(query).map(|measured| median(measured.times.clone()));
        print!("| {query} | {} |", our_time.map_or("-".to_owned(), seconds));
        for ((_, measures), ratios) in others.iter().zip(&mut ratios) {
            let their_time = measures.get(query).map(|measured| median(measured.times.clone()));
            let both = our_time.zip(their_time).map(|(ours, theirs)| ratio(ours, theirs));
            ratios.extend(both);
            let both = both.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            print!(" {} | {both} |", their_time.map_or("-".to_owned(), seconds));
        }
        println!();
    }
    let mean = |ratios: &[f64]| match ratios {
        [] => "-".to_owned(),
        ratios => {
            let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
            format!("{:.2}", (logarithms / ratios.len() as f64).exp())
        }
    };
    print!("| all | {} |", seconds(total(ours)));
    for ((_, measures), ratios) in others.iter().zip(&ratios) {
        print!(" {} | {} |", seconds(total(measures)), mean(ratios));
    }
    println!();
}

fn total(measures: &Measures) -> Duration {
    measures.values().map(|measured| median(measured.times.clone())).sum()
}
