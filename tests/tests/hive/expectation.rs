//! What is known of the tests: which of them fail and why, and the share that must pass whatever is listed.
//!
//! The file holds `floor PERCENT`, and a line `NAME CAUSE` for each test that fails. `#` begins a comment.

use super::{corpus::Test, run::Outcome};
use std::{collections::BTreeMap, fs, path::Path};

pub struct Expectation {
    floor_percent: f64,
    failures: BTreeMap<String, String>,
}

impl Expectation {
    pub fn read(path: &Path) -> Expectation {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Expectation::parse(&text)
    }

    fn parse(text: &str) -> Expectation {
        let mut expectation = Expectation { floor_percent: 0.0, failures: BTreeMap::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            match name {
                "floor" => expectation.floor_percent = rest.trim().parse().expect("floor is a number"),
                name => {
                    assert!(!rest.trim().is_empty(), "{name} is listed without a cause");
                    expectation.failures.insert(name.to_owned(), rest.trim().to_owned());
                }
            }
        }
        expectation
    }

    /// Whether it is known to fail.
    pub fn lists(&self, test: &Test) -> bool {
        self.failures.contains_key(&test.name)
    }

    /// What differs from what is known. Names that no test has and the floor are looked at when all tests ran.
    pub fn problems(&self, tests: &[Test], outcomes: &[Outcome], is_whole: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for (test, outcome) in tests.iter().zip(outcomes) {
            match (outcome.wrong.first(), self.failures.get(&test.name)) {
                (Some(wrong), None) => problems.push(format!(
                    "{} fails and is not listed: {}: {}",
                    test.name,
                    wrong.sql.split_whitespace().collect::<Vec<_>>().join(" "),
                    wrong.reason
                )),
                (None, Some(_)) => problems.push(format!("{} passes: take it off the list", test.name)),
                _ => {}
            }
        }
        if is_whole {
            let unknown = |name: &&String| !tests.iter().any(|test| test.name == **name);
            let unknown = self.failures.keys().filter(unknown);
            problems.extend(unknown.map(|name| format!("{name} is listed, but there is no such test")));
            let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
            let percent = super::report::percent(passed, tests.len());
            if percent < self.floor_percent {
                problems.push(format!("{percent:.1} % pass, the floor is {} %", self.floor_percent));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{super::run::Wrong, *};
    use std::time::Duration;

    fn test(name: &str) -> Test {
        Test {
            name: name.to_owned(),
            datasets: vec![],
            timezone: "UTC".to_owned(),
            features: vec![],
            statements: vec![],
        }
    }

    fn outcome(passed: bool) -> Outcome {
        let wrong = match passed {
            true => vec![],
            false => vec![Wrong { sql: "SELECT 1".to_owned(), reason: "2".to_owned() }],
        };
        Outcome { wrong, noted: vec![], took: Duration::ZERO }
    }

    #[test]
    fn what_is_listed_may_fail_and_must_not_pass() {
        let known = Expectation::parse("# comment\nfloor 50\nb its cause\n");
        let tests = [test("a"), test("b")];
        assert_eq!(known.problems(&tests, &[outcome(true), outcome(false)], true), Vec::<String>::new());
        assert_eq!(known.problems(&tests, &[outcome(true), outcome(true)], true).len(), 1);
        assert_eq!(known.problems(&tests, &[outcome(false), outcome(false)], true).len(), 2, "and the floor");
    }
}
