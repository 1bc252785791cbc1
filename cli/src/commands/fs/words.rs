//! The words of one command, read as `hdfs dfs` reads them: options are whole words that begin with `-`, come before the
//! paths, and are not gathered (`-lR` is no option). `-` alone is a path; `--` ends the options.

use std::collections::BTreeMap;

/// What a command takes.
#[derive(Debug, Clone, Copy)]
pub struct Takes {
    pub flags: &'static [&'static str],
    /// Options that are followed by a value.
    pub valued: &'static [&'static str],
    pub min: usize,
    pub max: usize,
    /// The command reads its words itself: options may come after paths.
    pub raw: bool,
}

impl Takes {
    pub const fn paths(flags: &'static [&'static str], min: usize, max: usize) -> Takes {
        Takes { flags, valued: &[], min, max, raw: false }
    }
}

/// The words after the command's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    flags: Vec<String>,
    values: BTreeMap<String, String>,
    pub paths: Vec<String>,
}

/// Wrong usage: told with the command's usage, exit code 255.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("Illegal option -{0}")]
    IllegalOption(String),
    #[error("option -{0} requires 1 argument.")]
    NoValue(String),
    #[error("Not enough arguments: expected {expected} but got {got}")]
    NotEnough { expected: usize, got: usize },
    #[error("Too many arguments: expected {expected} but got {got}")]
    TooMany { expected: usize, got: usize },
    #[error("{0}")]
    Other(String),
}

impl Words {
    pub fn parse(words: &[String], takes: &Takes) -> Result<Words, UsageError> {
        let mut parsed = Words::default();
        let mut rest = words.iter();
        while let Some(word) = rest.as_slice().first().filter(|_| !takes.raw) {
            let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) else { break };
            rest.next();
            if option == "-" {
                break;
            }
            if takes.flags.contains(&option) {
                parsed.flags.push(option.to_owned());
            } else if takes.valued.contains(&option) {
                let value = rest.next().ok_or_else(|| UsageError::NoValue(option.to_owned()))?;
                parsed.values.insert(option.to_owned(), value.clone());
            } else {
                return Err(UsageError::IllegalOption(option.to_owned()));
            }
        }
        parsed.paths = rest.cloned().collect();
        let got = parsed.paths.len();
        if got < takes.min {
            return Err(UsageError::NotEnough { expected: takes.min, got });
        }
        if got > takes.max {
            return Err(UsageError::TooMany { expected: takes.max, got });
        }
        Ok(parsed)
    }

    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    pub fn value(&self, option: &str) -> Option<&str> {
        self.values.get(option).map(String::as_str)
    }

    /// The flags in the order given.
    pub fn flags(&self) -> &[String] {
        &self.flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: Takes =
        Takes { flags: &["R", "h", "skipTrash"], valued: &["t"], min: 1, max: 2, raw: false };

    fn parse(words: &[&str]) -> Result<Words, UsageError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Words::parse(&words, &TAKES)
    }

    #[test]
    fn options_come_before_the_paths() {
        let words = parse(&["-R", "-skipTrash", "-t", "-5", "/a", "-h"]).unwrap();
        assert!(words.has("R") && words.has("skipTrash") && !words.has("h"));
        assert_eq!(words.value("t"), Some("-5"));
        assert_eq!(words.paths, ["/a", "-h"]);
    }

    #[test]
    fn a_dash_is_a_path_and_two_end_the_options() {
        assert_eq!(parse(&["-", "/x"]).unwrap().paths, ["-", "/x"]);
        assert_eq!(parse(&["-R", "--", "-h"]).unwrap().paths, ["-h"]);
    }

    #[test]
    fn wrong_usage_is_told_as_hadoop_tells_it() {
        assert_eq!(parse(&["-Rh", "/a"]).unwrap_err().to_string(), "Illegal option -Rh");
        let error = parse(&["-R"]).unwrap_err();
        assert_eq!(error.to_string(), "Not enough arguments: expected 1 but got 0");
        let error = parse(&["a", "b", "c"]).unwrap_err();
        assert_eq!(error.to_string(), "Too many arguments: expected 2 but got 3");
        assert_eq!(parse(&["-t"]).unwrap_err(), UsageError::NoValue("t".to_owned()));
    }
}
