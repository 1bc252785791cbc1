//! Functions of regular expressions.

use super::{
    arguments::strings,
    function,
    java_regex::{Groups, JavaRegex, Patterns, RegexError, after},
    rows::{int_at, text_at, try_texts, try_truths},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{primitive, scalar, text},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{array::StringBuilder, datatypes::Int32Type},
    common::DataFusionError,
};
use std::{fmt::Write, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "rlike",
        &["regexp"],
        "str _FUNC_ regexp - Returns true if str matches regexp and false otherwise",
        "Example:\n  > SELECT 'fb' _FUNC_ '.*' FROM src LIMIT 1;\n  true",
        rlike,
    ),
    function(
        "regexp_extract",
        &[],
        "_FUNC_(str, regexp[, idx]) - extracts a group that matches regexp",
        "Example:\n  > SELECT _FUNC_('100-200', '(\\d+)-(\\d+)', 1) FROM src LIMIT 1;\n  '100'",
        regexp_extract,
    ),
    function(
        "regexp_replace",
        &[],
        "_FUNC_(str, regexp, rep) - replace all substrings of str that match regexp with rep",
        "Example:\n  > SELECT _FUNC_('100-200', '(\\d+)', 'num') FROM src LIMIT 1;\n  'num-num'",
        regexp_replace,
    ),
];

/// An empty pattern matches nothing.
fn rlike(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    let patterns = Patterns::of(name, args, 1)?;
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, rows| {
        let (values, sources) = (text(columns, 0)?, text(columns, 1)?);
        let mut lookup = patterns.lookup();
        try_truths(rows, |row| match (text_at(values, row), text_at(sources, row)) {
            (Some(_), Some("")) => Ok(Some(false)),
            (Some(value), Some(pattern)) => Ok(Some(lookup.get(pattern)?.is_match(value)?)),
            _ => Ok(None),
        })
    }))
}

fn regexp_extract(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let mut takes = strings(name, args, 2..=3)?;
    takes.iter_mut().skip(2).for_each(|ty| *ty = HiveType::Int);
    let patterns = Patterns::of(name, args, 1)?;
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let (values, sources) = (text(columns, 0)?, text(columns, 1)?);
        let indexes = if columns.len() == 3 { Some(primitive::<Int32Type>(columns, 2)?) } else { None };
        let mut lookup = patterns.lookup();
        let mut groups = Groups::default();
        try_texts(rows, 0, |row, out| {
            let index = indexes.map_or(Some(1), |indexes| int_at(indexes, row));
            let (Some(value), Some(pattern), Some(index)) =
                (text_at(values, row), text_at(sources, row), index)
            else {
                return Ok(None);
            };
            let regex = lookup.get(pattern)?;
            if !regex.groups_at(value, 0, &mut groups)? {
                return Ok(Some(()));
            }
            let group = usize::try_from(index).ok().filter(|&group| group < regex.group_count());
            let group = group.ok_or_else(|| RegexError::Group(index.to_string()))?;
            Ok(groups.get(group).and_then(|(start, end)| out.write_str(&value[start..end]).ok()))
        })
    }))
}

fn regexp_replace(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 3..=3)?;
    let patterns = Patterns::of(name, args, 1)?;
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let (values, sources, replacements) = (text(columns, 0)?, text(columns, 1)?, text(columns, 2)?);
        let mut lookup = patterns.lookup();
        let mut replacer = Replacer::default();
        try_texts(rows, values.value_data().len(), |row, out| {
            let (Some(value), Some(pattern), Some(replacement)) =
                (text_at(values, row), text_at(sources, row), text_at(replacements, row))
            else {
                return Ok(None);
            };
            let regex = lookup.get(pattern)?;
            replacer.replace(&regex, value, replacement, out)?;
            Ok(Some(()))
        })
    }))
}

/// A piece of a replacement.
enum Piece {
    Text(String),
    Group(usize),
}

/// Replaces, and remembers how the last replacement reads.
#[derive(Default)]
struct Replacer {
    read: Option<(Arc<JavaRegex>, String, Vec<Piece>)>,
    groups: Groups,
}

impl Replacer {
    fn replace(
        &mut self,
        regex: &Arc<JavaRegex>,
        value: &str,
        replacement: &str,
        out: &mut StringBuilder,
    ) -> Result<(), DataFusionError> {
        let (mut done, mut from) = (0, Some(0));
        while let Some(at) = from {
            if !regex.groups_at(value, at, &mut self.groups)? {
                break;
            }
            let Some(span) = self.groups.get(0) else { break };
            out.write_str(&value[done..span.0])?;
            // Java reads the replacement only when there is something to replace.
            let known =
                self.read.take().filter(|(of, text, _)| Arc::ptr_eq(of, regex) && text == replacement);
            let (_, _, pieces) = match known {
                Some(known) => self.read.insert(known),
                None => {
                    self.read.insert((regex.clone(), replacement.to_owned(), pieces(regex, replacement)?))
                }
            };
            for piece in pieces.iter() {
                match piece {
                    Piece::Text(text) => out.write_str(text)?,
                    Piece::Group(group) => {
                        if let Some((start, end)) = self.groups.get(*group) {
                            out.write_str(&value[start..end])?;
                        }
                    }
                }
            }
            done = span.1;
            from = after(value, span);
        }
        out.write_str(&value[done..])?;
        Ok(())
    }
}

/// `$1` and `${name}` are groups, and a backslash takes the meaning of what follows it.
fn pieces(regex: &JavaRegex, replacement: &str) -> Result<Vec<Piece>, RegexError> {
    let unfinished = || RegexError::Replacement(replacement.to_owned());
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut chars = replacement.chars().peekable();
    while let Some(letter) = chars.next() {
        match letter {
            '\\' => text.push(chars.next().ok_or_else(unfinished)?),
            '$' => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                if chars.next_if_eq(&'{').is_some() {
                    let name: String = chars.by_ref().take_while(|&letter| letter != '}').collect();
                    let group = regex.group_named(&name).ok_or(RegexError::Group(name))?;
                    pieces.push(Piece::Group(group));
                    continue;
                }
                let digit = chars.next().and_then(|digit| digit.to_digit(10)).ok_or_else(unfinished)?;
                let mut group = digit as usize;
                if group >= regex.group_count() {
                    return Err(RegexError::Group(group.to_string()));
                }
                // As many digits as still name a group.
                while let Some(digit) = chars.peek().and_then(|next| next.to_digit(10)) {
                    let longer = group.saturating_mul(10).saturating_add(digit as usize);
                    if longer >= regex.group_count() {
                        break;
                    }
                    group = longer;
                    chars.next();
                }
                pieces.push(Piece::Group(group));
            }
            _ => text.push(letter),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}
