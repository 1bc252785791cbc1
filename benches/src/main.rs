//! `cargo run --release -p benches [-- MEGABYTES]`: figures that the docs quote, both sides in one run.

mod by_hand;
mod report;

use report::{Report, Row, median, percentile_99, ratio, seconds};
use skep_tests::{Cluster, programs, text};
use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let megabytes = std::env::args().nth(1).map_or(Ok(2_000), |text| text.parse::<usize>());
    let Ok(megabytes) = megabytes else {
        eprintln!("usage: benches [MEGABYTES of text, default 2000]");
        return ExitCode::from(2);
    };
    let mut report = Report::default();
    let cluster = Cluster::start(2, 0);
    wordcount(&cluster, megabytes, &mut report);
    trivial_submit(&cluster, &mut report);
    report.print();
    ExitCode::SUCCESS
}

/// From block storage to block storage, against the program written by hand, from file to file.
fn wordcount(cluster: &Cluster, megabytes: usize, report: &mut Report) {
    let input = cluster.folder.path().join("text");
    let sample = text::words(7, 8 << 20);
    let whole = sample.repeat(megabytes.div_ceil(8));
    if let Err(error) = std::fs::write(&input, &whole) {
        eprintln!("cannot write the text: {error}");
        return;
    }
    cluster.skep(&["fs", "put", &input.display().to_string(), "/text"]).ok();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(timed(|| drop(cluster.submit("wordcount", &["/text", &format!("/out-{round}")]).ok())));
        theirs.push(timed(|| count_by_hand(&input, &cluster.folder.path().join("counts"))));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    report.add(Row {
        what: format!("WordCount of {megabytes} MB"),
        skep: seconds(ours),
        other: format!("{} by hand", seconds(theirs)),
        ratio: format!("{:.2}", ratio(ours, theirs)),
        wanted: "at most 2".to_owned(),
        met: ratio(ours, theirs) <= 2.0,
    });
}

fn count_by_hand(input: &Path, output: &Path) {
    match by_hand::wordcount(&[input], output) {
        Ok((words, distinct)) => eprintln!("by hand: {words} words, {distinct} distinct"),
        Err(error) => eprintln!("by hand: {error}"),
    }
}

/// `skep submit` of a job over one line, until the prompt is back.
fn trivial_submit(cluster: &Cluster, report: &mut Report) {
    cluster.put("/line", b"one line\n");
    let run = |round: usize| {
        timed(|| drop(cluster.submit("wordcount", &["/line", &format!("/trivial-{round}")]).ok()))
    };
    let times: Vec<Duration> = (0..20).map(run).skip(2).collect();
    let (p50, p99) = (median(times.clone()), percentile_99(times));
    report.add(Row {
        what: "`skep submit` of a trivial job, back at the prompt".to_owned(),
        skep: format!("{} (p99 {})", seconds(p50), seconds(p99)),
        other: "none in this run".to_owned(),
        ratio: "-".to_owned(),
        wanted: "under 0.3 s".to_owned(),
        met: p50 < Duration::from_millis(300),
    });
    debug_assert!(programs::skep().exists(), "the cluster runs it");
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
