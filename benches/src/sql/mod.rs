//! `cargo run --release -p benches -- sql`: the queries of TPC-H over Parquet, by Skep in this process, by a cluster of it and by
//! other engines in processes of theirs, over the same files. Each runs a query once untimed; then they take turns, so that
//! what else the machine does falls on all alike. Medians count.

mod others;
mod ours;

use crate::report::{median, ratio, seconds};
use clap::Parser;
use others::Script;
use ours::Ours;
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
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "duckdb,datafusion",
        value_parser = ["duckdb", "datafusion", "polars", "sail", "sail-cluster", "spark"]
    )]
    against: Vec<String>,
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

/// Something that runs the queries.
trait Side {
    fn run(&mut self, query: usize) -> Result<Measured, Box<dyn Error>>;
}

/// One run of a query.
struct Measured {
    time: Duration,
    rows: usize,
}

/// Medians by number of the query; those that failed are not in it.
type Times = BTreeMap<usize, Duration>;

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
    let mut ours = vec![("Skep", Ours::in_process(&work, &scratch.path().join("warehouse"))?)];
    if !args.no_cluster {
        ours.push(("Skep's cluster", Ours::on_cluster(&work)?));
    }
    let mut others: Vec<(&str, Script)> = Vec::new();
    for engine in &args.against {
        match Script::start(engine, &args.python, &work) {
            Ok(script) => others.push((engine, script)),
            Err(error) => eprintln!("{engine} is left out: {error}"),
        }
    }
    let own = ours.len();
    let mut sides: Vec<(&str, &mut dyn Side)> = Vec::new();
    sides.extend(ours.iter_mut().map(|(name, side)| (*name, side as &mut dyn Side)));
    sides.extend(others.iter_mut().map(|(name, side)| (*name, side as &mut dyn Side)));
    let times = measured(&work, &mut sides)?;
    let names: Vec<&str> = sides.iter().map(|(name, _)| *name).collect();
    print(&work, &names, &times, own);
    for (_, side) in &mut ours {
        if let Some(ours::Short { warm, cold }) = side.short()? {
            let (warm, cold) = (seconds(median(warm)), seconds(median(cold)));
            println!("\n`SELECT 1` on the cluster: {warm} in an open session, {cold} by `skep sql -e`");
        }
    }
    Ok(())
}

/// The times of each side. Those of wrong answers say nothing: all must have as many rows.
fn measured(work: &Work<'_>, sides: &mut [(&str, &mut dyn Side)]) -> Result<Vec<Times>, Box<dyn Error>> {
    let mut times = vec![Times::new(); sides.len()];
    for query in &work.queries {
        let mut of_query: Vec<Option<Vec<Duration>>> = vec![Some(Vec::new()); sides.len()];
        let mut rows: Option<(usize, &str)> = None;
        for round in 0..=work.runs {
            for ((name, side), times) in sides.iter_mut().zip(&mut of_query) {
                let Some(known) = times else { continue };
                match side.run(*query) {
                    Ok(measured) => {
                        let (expected, by) = *rows.get_or_insert((measured.rows, *name));
                        if expected != measured.rows {
                            let found = measured.rows;
                            return Err(
                                format!("query {query}: {expected} rows by {by}, {found} by {name}").into()
                            );
                        }
                        if round > 0 {
                            known.push(measured.time);
                        }
                    }
                    Err(error) => {
                        eprintln!("{name}: query {query} failed: {error}");
                        *times = None;
                    }
                }
            }
        }
        let medians = of_query.into_iter().map(|times| times.map(median));
        let mut line = format!("query {query}:");
        for ((median, times), (name, _)) in medians.zip(&mut times).zip(sides.iter()) {
            if let Some(median) = median {
                line += &format!(" {name} {},", seconds(median));
                times.insert(*query, median);
            }
        }
        eprintln!("{}", line.trim_end_matches(','));
    }
    Ok(times)
}

/// A table in Markdown, on standard output: times by query, their sums, and how ours are to theirs: ratios of the sums of the
/// queries that both ran, and geometric means of the queries' ratios.
fn print(work: &Work<'_>, names: &[&str], times: &[Times], own: usize) {
    println!("| query |{}", names.iter().map(|name| format!(" {name} |")).collect::<String>());
    println!("| --- |{}", " ---: |".repeat(names.len()));
    let line = |name: &str, cell: &dyn Fn(&Times) -> String| {
        let cells = times.iter().map(|times| format!(" {} |", cell(times)));
        println!("| {name} |{}", cells.collect::<String>());
    };
    for query in &work.queries {
        let cell = |times: &Times| times.get(query).map_or("-".to_owned(), |time| seconds(*time));
        line(&query.to_string(), &cell);
    }
    line("all", &|times| seconds(times.values().sum()));
    for (name, ours) in names.iter().zip(times).take(own) {
        line(&format!("{name}: ratio of sums"), &|theirs| {
            let (ours, theirs): (Vec<Duration>, Vec<Duration>) = both(ours, theirs).unzip();
            format!("{:.2}", ratio(ours.iter().sum(), theirs.iter().sum()))
        });
        line(&format!("{name}: mean of ratios"), &|theirs| {
            let logarithms: Vec<f64> =
                both(ours, theirs).map(|(ours, theirs)| ratio(ours, theirs).ln()).collect();
            format!("{:.2}", (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
        });
    }
}

/// Of the queries that both ran.
fn both(ours: &Times, theirs: &Times) -> impl Iterator<Item = (Duration, Duration)> {
    ours.iter().filter_map(|(query, ours)| Some((*ours, *theirs.get(query)?)))
}
