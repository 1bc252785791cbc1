//! `cargo run --release -p benches`: the figures that the docs quote. What can be compared runs both sides in one run.

mod by_hand;
mod cores;
mod job;
mod memory;
mod partitions;
mod report;
mod sql;
mod text;
mod warm;

use clap::{Parser, Subcommand, ValueEnum};
use report::{Report, Row, median, ratio, seconds, spread, timed};
use skep_jobs::submit::SubmitEnvironment;
use skep_tests::{Cluster, programs};
use std::{
    error::Error,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};
use warm::WarmClient;

type Outcome = Result<(), Box<dyn Error>>;

/// Measures Skep and prints a table in Markdown.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  cargo run --release -p benches -- --only word-count --megabytes 500\n  cargo run --release -p benches -- sql --scale 1 --against duckdb,datafusion"
)]
struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Text for WordCount
    #[arg(long, default_value_t = 2_000)]
    megabytes: u64,
    /// Rounds of each side of WordCount
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these; otherwise all
    #[arg(long, value_enum)]
    only: Vec<Bench>,
}

#[derive(Subcommand)]
enum Other {
    /// TPC-H over Parquet, beside other engines
    Sql(sql::Args),
    /// A table of very many partitions
    Partitions(partitions::Args),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    WordCount,
    Up,
    Submit,
    TwoStages,
    EmptyTasks,
    IdleMemory,
    Cores,
    Demo,
}

fn main() -> ExitCode {
    // A worker of a cluster under test started this program for the tasks of its own jobs.
    if skep_jobs::task::is_task_process() {
        return skep_jobs::run(job::NAME, job::build);
    }
    let args = Args::parse();
    if let Some(other) = &args.other {
        let done = match other {
            Other::Sql(args) => sql::run(args),
            Other::Partitions(args) => partitions::run(args),
        };
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let mut report = Report::default();
    for bench in Bench::value_variants() {
        if (args.only.is_empty() || args.only.contains(bench))
            && let Err(error) = measure(*bench, &args, &mut report)
        {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    report.print();
    if report.all_met() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

fn measure(bench: Bench, args: &Args, report: &mut Report) -> Outcome {
    match bench {
        Bench::WordCount => word_count(args, report),
        Bench::Up => up(report),
        Bench::Submit => submit(report),
        Bench::TwoStages => two_stages(report),
        Bench::EmptyTasks => empty_tasks(report),
        Bench::IdleMemory => idle_memory(report),
        Bench::Cores => core_events(report),
        Bench::Demo => demo(report),
    }
}

/// From block storage to block storage, against the program written by hand, from file to file.
fn word_count(args: &Args, report: &mut Report) -> Outcome {
    let cluster = Cluster::start_with(2, 0, &["--slots", "1"]);
    let input = cluster.folder.path().join("text");
    text::write(&input, args.megabytes * 1_000_000)?;
    cluster.skep(&["fs", "-D", "dfs.replication=1", "put", &input.display().to_string(), "/text"]).ok();
    // Built before the clock runs.
    programs::job("wordcount");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let output = format!("/out-{round}");
        ours.push(timed(|| cluster.submit("wordcount", &["/text", &output]).ok()).0);
        let (time, counted) = timed(|| by_hand::wordcount(&input, &cluster.folder.path().join("counts")));
        theirs.push(time);
        let lines = cluster.skep(&["fs", "cat", &format!("{output}/part-*")]).ok();
        let words: u64 = lines.lines().filter_map(|line| line.split('\t').nth(1)?.parse::<u64>().ok()).sum();
        if (words, lines.lines().count()) != counted? {
            return Err("the two sides do not count the same".into());
        }
        eprintln!("round {round}: {} against {}", seconds(ours[round]), seconds(theirs[round]));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    report.add(Row {
        what: format!("WordCount of {} MB, block storage to block storage", args.megabytes),
        skep: seconds(ours),
        other: format!("{}, by hand, file to file", seconds(theirs)),
        ratio: Some(ratio(ours, theirs)),
        wanted: "at most 2x".to_owned(),
        met: ratio(ours, theirs) <= 2.0,
    });
    Ok(())
}

/// `skep` in a home of its own.
fn skep(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(programs::skep());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for variable in ["XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, home);
    }
    command
}

/// Until a cluster of four new processes takes jobs: an empty directory each time.
fn up(report: &mut Report) -> Outcome {
    let mut times = Vec::new();
    for _ in 0..10 {
        let home = tempfile::tempdir()?;
        let data = home.path().join("data").display().to_string();
        let (time, status) = timed(|| skep(home.path(), &["up", "--detach", "--data", &data]).status());
        let down = skep(home.path(), &["down", "--data", &data]).status()?;
        if !status?.success() || !down.success() {
            return Err("`skep up` or `skep down` failed".into());
        }
        times.push(time);
    }
    report.add(Row {
        what: "`skep up --detach` until the cluster takes jobs".to_owned(),
        skep: spread(times.clone()),
        other: "-".to_owned(),
        ratio: None,
        wanted: "under 0.5 s".to_owned(),
        met: median(times) < Duration::from_millis(500),
    });
    Ok(())
}

/// `skep submit` of WordCount over one line, until the prompt is back.
fn submit(report: &mut Report) -> Outcome {
    let cluster = Cluster::start(2, 1);
    cluster.put("/line", b"one line\n");
    let run =
        |round: usize| timed(|| cluster.submit("wordcount", &["/line", &format!("/out-{round}")]).ok()).0;
    let first = run(0);
    let times: Vec<Duration> = (1..30).map(run).collect();
    report.add(Row {
        what: format!("`skep submit` of a trivial job, back at the prompt (the first: {})", seconds(first)),
        skep: spread(times.clone()),
        other: "-".to_owned(),
        ratio: None,
        wanted: "under 0.3 s".to_owned(),
        met: median(times) < Duration::from_millis(300),
    });
    Ok(())
}

fn warm_client(cluster: &Cluster) -> Result<WarmClient, Box<dyn Error>> {
    WarmClient::open(environment(cluster)?)
}

fn environment(cluster: &Cluster) -> Result<SubmitEnvironment, Box<dyn Error>> {
    Ok(SubmitEnvironment {
        master: cluster.address.parse()?,
        secret_file: cluster.secret(),
        user: "somebody".to_owned(),
        name: None,
        conf: Vec::new(),
        detach: false,
    })
}

fn two_stages(report: &mut Report) -> Outcome {
    let cluster = Cluster::start(2, 0);
    let client = warm_client(&cluster)?;
    let job = client.prepare(&job::Args { tasks: 1, two_stages: true })?;
    let mut times = Vec::new();
    for round in 0..220 {
        let (time, view) = timed(|| client.run(&job));
        view?;
        if round >= 20 {
            times.push(time);
        }
    }
    report.add(Row {
        what: "a two-stage trivial job from a warm client".to_owned(),
        skep: spread(times.clone()),
        other: "-".to_owned(),
        ratio: None,
        wanted: "under 10 ms in the median".to_owned(),
        met: median(times) < Duration::from_millis(10),
    });
    Ok(())
}

fn empty_tasks(report: &mut Report) -> Outcome {
    const TASKS: u32 = 20_000;
    let cluster = Cluster::start(2, 0);
    let client = warm_client(&cluster)?;
    let job = client.prepare(&job::Args { tasks: TASKS, two_stages: false })?;
    let mut times = Vec::new();
    for _ in 0..3 {
        let (time, view) = timed(|| client.run(&job));
        view?;
        times.push(time);
    }
    let time = median(times);
    let rate = f64::from(TASKS) / time.as_secs_f64();
    report.add(Row {
        what: "20,000 empty tasks".to_owned(),
        skep: format!("{}: {rate:.0} tasks/s", seconds(time)),
        other: "-".to_owned(),
        ratio: None,
        wanted: "5,000/s".to_owned(),
        met: rate >= 5_000.0,
    });
    Ok(())
}

/// A cluster that has run a job and is idle again.
fn idle_memory(report: &mut Report) -> Outcome {
    let cluster = Cluster::start(2, 1);
    let fresh = memory::held_by(&cluster.processes())?;
    cluster.put("/line", b"one line\n");
    cluster.submit("wordcount", &["/line", "/out"]).ok();
    std::thread::sleep(Duration::from_secs(3));
    let used = memory::held_by(&cluster.processes())?;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    report.add(Row {
        what: "idle memory of a master, 2 core workers and 1 task worker (PSS)".to_owned(),
        skep: format!("{:.0} MB fresh, {:.0} MB after a job", megabytes(fresh), megabytes(used)),
        other: "-".to_owned(),
        ratio: None,
        wanted: "at most 80 MB".to_owned(),
        met: fresh.max(used) <= 80_000_000,
    });
    Ok(())
}

fn core_events(report: &mut Report) -> Outcome {
    type Run = fn() -> cores::Rate;
    let cores: [(&str, Run); 3] = [
        ("scheduler", || cores::scheduler(200_000)),
        ("namespace", || cores::namespace(100_000)),
        ("worker", || cores::worker(300_000)),
    ];
    for (name, run) in cores {
        let mut rates: Vec<f64> = (0..3).map(|_| run().per_second()).collect();
        rates.sort_by(f64::total_cmp);
        report.add(Row {
            what: format!("events of the {name} core on one thread"),
            skep: format!("{:.0}/s", rates[1]),
            other: "-".to_owned(),
            ratio: None,
            wanted: "500,000/s".to_owned(),
            met: rates[1] >= 500_000.0,
        });
    }
    Ok(())
}

fn demo(report: &mut Report) -> Outcome {
    let home = tempfile::tempdir()?;
    let (time, status) = timed(|| skep(home.path(), &["demo"]).status());
    if !status?.success() {
        return Err("`skep demo` failed".into());
    }
    report.add(Row {
        what: "`skep demo`".to_owned(),
        skep: seconds(time),
        other: "-".to_owned(),
        ratio: None,
        wanted: "under 30 s".to_owned(),
        met: time < Duration::from_secs(30),
    });
    Ok(())
}
