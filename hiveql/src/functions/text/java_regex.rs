//! Regular expressions that match as Java's do, compiled once per pattern.

use super::java_pattern::{PatternError, rewrite};
use crate::functions::{Arg, FunctionError, resolve::wrong_value};
use datafusion::common::{DataFusionError, ScalarValue};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// A pattern cannot be compiled, or matching it was given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum RegexError {
    #[error("the pattern {pattern:?} cannot be read: {reason}")]
    Pattern { pattern: String, reason: PatternError },
    #[error("matching a pattern: {0}")]
    Match(#[from] Box<fancy_regex::Error>),
    #[error("there is no group {0}")]
    Group(String),
    #[error("the replacement {0:?} ends in an unfinished $ or \\")]
    Replacement(String),
}

impl From<RegexError> for DataFusionError {
    fn from(error: RegexError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}

/// Where a match or a group starts and ends, in bytes.
pub(super) type Span = (usize, usize);

/// A pattern that one of two crates matches: in linear time, where it can be.
#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct JavaRegex {
    source: String,
    plain: Engine,
    asks_for_end: bool,
    /// For texts that end in a line end, where `$` matches twice.
    before_line_end: OnceLock<Option<Engine>>,
}

/// What the groups of a match hold, kept from row to row.
#[derive(Debug, Default)]
pub(super) struct Groups {
    spans: Vec<Option<Span>>,
    locations: Option<regex::CaptureLocations>,
}

impl Groups {
    pub(super) fn get(&self, group: usize) -> Option<Span> {
        self.spans.get(group).copied().flatten()
    }
}

fn compile(pattern: &str, line_end: bool) -> Result<(Engine, bool), PatternError> {
    let rewritten = rewrite(pattern, line_end)?;
    let engine = if rewritten.backtracks {
        let compiled = fancy_regex::Regex::new(&rewritten.pattern);
        Engine::Backtracking(compiled.map_err(|error| PatternError::Syntax(error.to_string()))?)
    } else {
        let compiled = regex::Regex::new(&rewritten.pattern);
        Engine::Linear(compiled.map_err(|error| PatternError::Syntax(error.to_string()))?)
    };
    Ok((engine, rewritten.asks_for_end))
}

impl JavaRegex {
    pub(super) fn new(pattern: &str) -> Result<JavaRegex, RegexError> {
        let (plain, asks_for_end) = compile(pattern, false)
            .map_err(|reason| RegexError::Pattern { pattern: pattern.to_owned(), reason })?;
        Ok(JavaRegex { source: pattern.to_owned(), plain, asks_for_end, before_line_end: OnceLock::new() })
    }

    fn engine(&self, text: &str) -> &Engine {
        if !self.asks_for_end || !text.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            return &self.plain;
        }
        // It compiles when the plain one does.
        let exact = self.before_line_end.get_or_init(|| Some(compile(&self.source, true).ok()?.0));
        exact.as_ref().unwrap_or(&self.plain)
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool, RegexError> {
        match self.engine(text) {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(failed),
        }
    }

    /// The first match that starts at byte `from` or later.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Result<Option<Span>, RegexError> {
        match self.engine(text) {
            Engine::Linear(regex) => Ok(regex.find_at(text, from).map(|found| (found.start(), found.end()))),
            Engine::Backtracking(regex) => {
                let found = regex.find_from_pos(text, from).map_err(failed)?;
                Ok(found.map(|found| (found.start(), found.end())))
            }
        }
    }

    /// As [`find_at`](Self::find_at), with what its groups hold.
    pub(super) fn groups_at(&self, text: &str, from: usize, groups: &mut Groups) -> Result<bool, RegexError> {
        groups.spans.clear();
        match self.engine(text) {
            Engine::Linear(regex) => {
                let known = groups.locations.take().filter(|known| known.len() == regex.captures_len());
                let mut locations = known.unwrap_or_else(|| regex.capture_locations());
                let found = regex.captures_read_at(&mut locations, text, from).is_some();
                if found {
                    groups.spans.extend((0..locations.len()).map(|group| locations.get(group)));
                }
                groups.locations = Some(locations);
                Ok(found)
            }
            Engine::Backtracking(regex) => {
                let Some(found) = regex.captures_from_pos(text, from).map_err(failed)? else {
                    return Ok(false);
                };
                let spans = (0..found.len()).map(|group| found.get(group));
                groups.spans.extend(spans.map(|span| span.map(|span| (span.start(), span.end()))));
                Ok(true)
            }
        }
    }

    /// How many groups there are, the whole match among them.
    pub(super) fn group_count(&self) -> usize {
        match &self.plain {
            Engine::Linear(regex) => regex.captures_len(),
            Engine::Backtracking(regex) => regex.captures_len(),
        }
    }

    pub(super) fn group_named(&self, name: &str) -> Option<usize> {
        match &self.plain {
            Engine::Linear(regex) => regex.capture_names().position(|known| known == Some(name)),
            Engine::Backtracking(regex) => regex.capture_names().position(|known| known == Some(name)),
        }
    }
}

fn failed(error: fancy_regex::Error) -> RegexError {
    RegexError::Match(Box::new(error))
}

/// Where the search goes on after a match: an empty one is not found again. `None` at the end.
pub(super) fn after(text: &str, (start, end): Span) -> Option<usize> {
    if end > start {
        return Some(end);
    }
    text[end..].chars().next().map(|letter| end + letter.len_utf8())
}

/// The pattern of a call: constant, or another one in each row.
pub(super) enum Patterns {
    Constant(Arc<JavaRegex>),
    Cached(Mutex<HashMap<String, Arc<JavaRegex>>>),
}

/// More patterns than this are forgotten.
const CACHED_PATTERNS_MAX: usize = 1_000;

impl Patterns {
    /// Of the argument at `index`.
    pub(super) fn of(name: &str, args: &[Arg], index: usize) -> Result<Patterns, FunctionError> {
        match args.get(index).and_then(|arg| arg.constant.as_ref()) {
            Some(ScalarValue::Utf8(Some(pattern))) => Patterns::constant(name, index, pattern),
            _ => Ok(Patterns::Cached(Mutex::default())),
        }
    }

    /// A pattern that is the same in all rows, whatever they say.
    pub(super) fn constant(name: &str, index: usize, pattern: &str) -> Result<Patterns, FunctionError> {
        let compiled = JavaRegex::new(pattern);
        let compiled = compiled.map_err(|error| wrong_value(name, index, error.to_string()))?;
        Ok(Patterns::Constant(Arc::new(compiled)))
    }

    /// For one batch.
    pub(super) fn lookup(&self) -> Lookup<'_> {
        Lookup { patterns: self, last: None }
    }

    fn compiled(&self, pattern: &str) -> Result<Arc<JavaRegex>, RegexError> {
        match self {
            Patterns::Constant(regex) => Ok(regex.clone()),
            Patterns::Cached(cache) => {
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(regex) = cache.get(pattern) {
                    return Ok(regex.clone());
                }
                if cache.len() >= CACHED_PATTERNS_MAX {
                    cache.clear();
                }
                let regex = Arc::new(JavaRegex::new(pattern)?);
                cache.insert(pattern.to_owned(), regex.clone());
                Ok(regex)
            }
        }
    }
}

/// The patterns of a batch, of which the last is at hand.
pub(super) struct Lookup<'a> {
    patterns: &'a Patterns,
    last: Option<Arc<JavaRegex>>,
}

impl Lookup<'_> {
    pub(super) fn get(&mut self, pattern: &str) -> Result<Arc<JavaRegex>, RegexError> {
        if let Some(last) = &self.last
            && (matches!(self.patterns, Patterns::Constant(_)) || last.source == pattern)
        {
            return Ok(last.clone());
        }
        Ok(self.last.insert(self.patterns.compiled(pattern)?).clone())
    }
}
