//! LIKE and its forms with several patterns.

use super::{
    arguments::strings,
    function,
    rows::{text_at, try_truths},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use memchr::memmem;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "like",
        &[],
        "_FUNC_(str, pattern) - Checks if str matches pattern",
        "Example:\n  > SELECT a.* FROM srcpart a WHERE a.hr _FUNC_ '%2' LIMIT 1;\n  27      val_27  2008-04-08      12",
        |name, args, _| like(name, args, 2, Asked::Any),
    ),
    function(
        "likeany",
        &[],
        "test _FUNC_(pattern1, pattern2...) - returns true if test matches any patterns patternN. Returns NULL if the expression on the left hand side is NULL or if one of the patterns in the list is NULL.",
        "",
        |name, args, _| like(name, args, usize::MAX, Asked::Any),
    ),
    function(
        "likeall",
        &[],
        "test _FUNC_(pattern1, pattern2...) - returns true if test matches all patterns patternN. Returns NULL if the expression on the left hand side is NULL or if one of the patterns in the list is NULL.",
        "",
        |name, args, _| like(name, args, usize::MAX, Asked::All),
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Any,
    All,
}

fn like(name: &str, args: &[Arg], at_most: usize, asked: Asked) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=at_most)?;
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, rows| {
        let values = text(columns, 0)?;
        let sources = (1..columns.len()).map(|index| text(columns, index)).collect::<Result<Vec<_>, _>>()?;
        let mut patterns: Vec<_> = sources.iter().map(|_| LikePattern::default()).collect();
        try_truths(rows, |row| {
            let Some(value) = text_at(values, row) else { return Ok(None) };
            // One NULL among the patterns leaves all open.
            let mut answer = asked == Asked::All;
            for (source, pattern) in sources.iter().zip(&mut patterns) {
                let Some(source) = text_at(source, row) else { return Ok(None) };
                pattern.read(source);
                let matches = pattern.matches(value);
                answer = if asked == Asked::Any { answer || matches } else { answer && matches };
            }
            Ok(Some(answer))
        })
    }))
}

/// Texts with a `%` between each two of them; `None` in a text is a `_`.
#[derive(Debug, Default)]
struct LikePattern {
    source: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Plain(String),
    WithBlanks(Vec<Option<char>>),
}

impl Part {
    fn of(letters: &[Option<char>]) -> Part {
        match letters.iter().copied().collect() {
            Some(plain) => Part::Plain(plain),
            None => Part::WithBlanks(letters.to_vec()),
        }
    }

    /// The length in bytes of what it matches at the start.
    fn at_start(&self, value: &str) -> Option<usize> {
        match self {
            Part::Plain(plain) => value.starts_with(plain.as_str()).then_some(plain.len()),
            Part::WithBlanks(letters) => {
                let mut rest = value.chars();
                for letter in letters {
                    let found = rest.next()?;
                    if letter.is_some_and(|letter| letter != found) {
                        return None;
                    }
                }
                Some(value.len() - rest.as_str().len())
            }
        }
    }

    fn is_at_end(&self, value: &str) -> bool {
        match self {
            Part::Plain(plain) => value.ends_with(plain.as_str()),
            Part::WithBlanks(letters) => {
                let mut rest = value.chars().rev();
                letters.iter().rev().all(|letter| {
                    rest.next().is_some_and(|found| letter.is_none_or(|letter| letter == found))
                })
            }
        }
    }

    /// The end of the first place where it matches.
    fn first_end(&self, value: &str) -> Option<usize> {
        match self {
            Part::Plain(plain) => Some(memmem::find(value.as_bytes(), plain.as_bytes())? + plain.len()),
            Part::WithBlanks(_) => {
                value.char_indices().find_map(|(at, _)| Some(at + self.at_start(&value[at..])?))
            }
        }
    }

    fn len_min(&self) -> usize {
        match self {
            Part::Plain(plain) => plain.len(),
            Part::WithBlanks(letters) => letters.len(),
        }
    }
}

impl LikePattern {
    /// A backslash takes its meaning from `%` and `_` alone.
    fn read(&mut self, source: &str) {
        if self.source.as_deref() == Some(source) {
            return;
        }
        self.parts.clear();
        let mut letters = Vec::new();
        let mut chars = source.chars().peekable();
        while let Some(letter) = chars.next() {
            match letter {
                '\\' => {
                    let escaped = chars.next_if(|&next| next == '%' || next == '_');
                    letters.push(Some(escaped.unwrap_or('\\')));
                }
                '_' => letters.push(None),
                '%' => {
                    self.parts.push(Part::of(&letters));
                    letters.clear();
                }
                _ => letters.push(Some(letter)),
            }
        }
        self.parts.push(Part::of(&letters));
        self.source = Some(source.to_owned());
    }

    fn matches(&self, value: &str) -> bool {
        let Some((first, others)) = self.parts.split_first() else { return value.is_empty() };
        let Some(length) = first.at_start(value) else { return false };
        let Some((last, middle)) = others.split_last() else { return length == value.len() };
        let mut rest = &value[length..];
        for part in middle {
            match part.first_end(rest) {
                Some(end) => rest = &rest[end..],
                // An empty part is everywhere.
                None if part.len_min() == 0 => {}
                None => return false,
            }
        }
        last.is_at_end(rest)
    }
}
