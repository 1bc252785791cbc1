//! Medians, ratios and the table that `docs/benchmarks.md` holds.

use std::time::{Duration, Instant};

/// One line of the report.
pub struct Row {
    pub what: String,
    pub skep: String,
    /// What was run beside it; `-` when there is nothing to compare with on this machine.
    pub other: String,
    pub ratio: Option<f64>,
    pub wanted: String,
    pub met: bool,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Prints a line as soon as it is measured.
    pub fn add(&mut self, row: Row) {
        eprintln!(
            "{}: {} (beside it: {}; wanted: {}): {}",
            row.what,
            row.skep,
            row.other,
            row.wanted,
            verdict(&row)
        );
        self.rows.push(row);
    }

    /// The table in Markdown, on standard output.
    pub fn print(&self) {
        println!("| what | Skep | beside it | ratio | wanted | |");
        println!("| --- | ---: | ---: | ---: | --- | --- |");
        for row in &self.rows {
            let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            println!(
                "| {} | {} | {} | {ratio} | {} | {} |",
                row.what,
                row.skep,
                row.other,
                row.wanted,
                verdict(row)
            );
        }
    }

    pub fn all_met(&self) -> bool {
        self.rows.iter().all(|row| row.met)
    }
}

fn verdict(row: &Row) -> &'static str {
    if row.met { "met" } else { "**missed**" }
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let result = work();
    (begin.elapsed(), result)
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    assert!(!times.is_empty(), "nothing was measured");
    times.sort_unstable();
    times[times.len() / 2]
}

/// The value below which 99 of 100 lie.
pub fn percentile_99(mut times: Vec<Duration>) -> Duration {
    assert!(!times.is_empty(), "nothing was measured");
    times.sort_unstable();
    times[(times.len() * 99 / 100).min(times.len() - 1)]
}

/// Median and 99th percentile, for a cell of the table.
pub fn spread(times: Vec<Duration>) -> String {
    let count = times.len();
    let p99 = percentile_99(times.clone());
    format!("{} (p99 {}, {count} runs)", seconds(median(times)), seconds(p99))
}

pub fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

pub fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let times = [5, 1, 9].map(Duration::from_secs).to_vec();
        assert_eq!(median(times), Duration::from_secs(5));
    }
}
