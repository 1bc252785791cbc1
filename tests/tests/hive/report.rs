//! The report of a run: counts by feature area, and what is wrong with each test.

use super::{corpus::Test, run::Outcome};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Between them stands what is made.
const BEGIN: &str = "<!-- figures: SKEP_UPDATE=1 cargo test --test hive -->";
const END: &str = "<!-- end of figures -->";
/// So much of a statement or a reason is shown.
const TEXT_CHARS: usize = 600;
/// A failed statement that prints nothing is told so often per test.
const NOTES_MAX: usize = 5;

#[derive(Default)]
struct Count {
    passed: usize,
    all: usize,
}

impl Count {
    fn add(&mut self, passed: bool) {
        self.all += 1;
        self.passed += usize::from(passed);
    }
}

pub struct Report {
    whole: Count,
    areas: BTreeMap<String, Count>,
    details: String,
}

pub fn percent(passed: usize, all: usize) -> f64 {
    let share = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    if all == 0 { 100.0 } else { 100.0 * share(passed) / share(all) }
}

impl Report {
    pub fn path() -> PathBuf {
        let target = || Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("hive-report.txt");
        std::env::var_os("SKEP_HIVE_REPORT").map_or_else(target, PathBuf::from)
    }

    pub fn of(tests: &[Test], outcomes: &[Outcome]) -> Report {
        let mut report = Report { whole: Count::default(), areas: BTreeMap::new(), details: String::new() };
        for (test, outcome) in tests.iter().zip(outcomes) {
            report.whole.add(outcome.passed());
            for area in &test.features {
                report.areas.entry(area.clone()).or_default().add(outcome.passed());
            }
            report.describe(test, outcome).expect("a string takes all");
        }
        report
    }

    /// A line that begins with the test's name, then lines that begin with a blank.
    fn describe(&mut self, test: &Test, outcome: &Outcome) -> std::fmt::Result {
        let out = &mut self.details;
        let verdict = if outcome.passed() { "passed" } else { "FAILED" };
        let areas = test.features.join(" ");
        writeln!(out, "{} {verdict} in {:.1} s [{areas}]", test.name, outcome.took.as_secs_f64())?;
        for (index, wrong) in outcome.wrong.iter().enumerate() {
            writeln!(out, "    {}: {} -> {}", index + 1, shown(&wrong.sql), shown(&wrong.reason))?;
        }
        if !outcome.passed() {
            for note in outcome.noted.iter().take(NOTES_MAX) {
                writeln!(out, "    note: {} -> {}", shown(&note.sql), shown(&note.reason))?;
            }
        }
        Ok(())
    }

    pub fn summary(&self) -> String {
        let mut text = String::new();
        let all = ("all tests".to_owned(), &self.whole);
        let areas = self.areas.iter().map(|(name, count)| (name.clone(), count));
        for (name, Count { passed, all }) in areas.chain([all]) {
            let share = percent(*passed, *all);
            writeln!(text, "{name:<28} {passed:>5} of {all:>5} {share:>6.1} %").expect("a string takes all");
        }
        text
    }

    /// Puts the figures into the document that tells users of them, between its two marks.
    pub fn publish(&self, document: &Path) {
        let text = fs::read_to_string(document).expect("the document is there");
        let (head, rest) = text.split_once(BEGIN).expect("the document has its mark");
        let (_, tail) = rest.split_once(END).expect("the document has its second mark");
        let mut table = "| area | passed | of | |\n| --- | ---: | ---: | ---: |\n".to_owned();
        let areas = self.areas.iter().map(|(name, count)| (name.as_str(), count));
        for (name, Count { passed, all }) in areas.chain([("**all tests**", &self.whole)]) {
            let share = percent(*passed, *all);
            writeln!(table, "| {name} | {passed} | {all} | {share:.1} % |").expect("a string takes all");
        }
        fs::write(document, format!("{head}{BEGIN}\n\n{table}\n{END}{tail}"))
            .expect("the document can be written");
    }

    pub fn write(&self, path: &Path) {
        let text = format!("{}\n{}", self.summary(), self.details);
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn shown(text: &str) -> String {
    let line = text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
