//! Medians, ratios and the table that `docs/benchmarks.md` holds.

use std::time::Duration;

/// One line of the report.
pub struct Row {
    pub what: String,
    pub skep: String,
    pub other: String,
    pub ratio: String,
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
        let verdict = if row.met { "met" } else { "MISSED" };
        eprintln!(
            "{}: {} against {}, ratio {} (wanted {}): {verdict}",
            row.what, row.skep, row.other, row.ratio, row.wanted
        );
        self.rows.push(row);
    }

    /// The table in Markdown, on standard output.
    pub fn print(&self) {
        println!("| what | Skep | other side | ratio | wanted | |");
        println!("| --- | ---: | ---: | ---: | --- | --- |");
        for row in &self.rows {
            let verdict = if row.met { "met" } else { "**missed**" };
            println!(
                "| {} | {} | {} | {} | {} | {verdict} |",
                row.what, row.skep, row.other, row.ratio, row.wanted
            );
        }
    }
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
