//! Texts taken apart: into parts, or into pairs of a key and a value.

use super::{
    arguments::strings,
    function,
    java_regex::{JavaRegex, Lookup, Patterns, RegexError, Span, after},
    rows::text_at,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use datafusion::{
    arrow::array::{ListBuilder, MapBuilder, MapFieldNames, StringArray, StringBuilder},
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[SPLIT, STR_TO_MAP];

const SPLIT: ScalarFunction = function(
    "split",
    &[],
    "_FUNC_(str, regex) - Splits str around occurances that match regex",
    "Example:\n  > SELECT _FUNC_('oneAtwoBthreeC', '[ABC]') FROM src LIMIT 1;\n  [\"one\", \"two\", \"three\"]",
    split,
);

const STR_TO_MAP: ScalarFunction = function(
    "str_to_map",
    &[],
    "_FUNC_(text, delimiter1, delimiter2) - Creates a map by parsing text ",
    "Split text into key-value pairs using two delimiters. The first delimiter separates pairs, and the second delimiter sperates key and value. If only one parameter is given, default delimiters are used: ',' as delimiter1 and ':' as delimiter2.",
    str_to_map,
);

fn split(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    let patterns = Patterns::of(name, args, 1)?;
    Ok(scalar(name, args, takes, HiveType::array(HiveType::String), move |columns, rows| {
        let (values, sources) = (text(columns, 0)?, text(columns, 1)?);
        let parts = StringBuilder::with_capacity(rows, values.value_data().len());
        let mut lists = ListBuilder::with_capacity(parts, rows);
        let mut lookup = patterns.lookup();
        for row in 0..rows {
            let both = text_at(values, row).zip(text_at(sources, row));
            if let Some((value, pattern)) = both {
                let regex = lookup.get(pattern)?;
                split_around(&regex, value, |part| lists.values().append_value(part))?;
            }
            lists.append(both.is_some());
        }
        Ok(Arc::new(lists.finish()))
    }))
}

/// All parts, the empty ones at the end too. Nothing is split off before an empty match at the start.
fn split_around<'a>(
    regex: &JavaRegex,
    value: &'a str,
    mut part: impl FnMut(&'a str),
) -> Result<(), RegexError> {
    let (mut done, mut from) = (0, Some(0));
    while let Some(at) = from {
        let Some(span) = regex.find_at(value, at)? else { break };
        if span.1 > 0 {
            part(&value[done..span.0]);
            done = span.1;
        }
        from = after(value, span);
    }
    part(&value[done..]);
    Ok(())
}

/// A delimiter and the column that it is in; without one it is always the same.
struct Delimiter<'a> {
    lookup: Lookup<'a>,
    sources: Option<&'a StringArray>,
}

impl Delimiter<'_> {
    fn at(&mut self, row: usize) -> Result<Option<Arc<JavaRegex>>, RegexError> {
        let source = self.sources.map_or(Some(""), |sources| text_at(sources, row));
        source.map(|source| self.lookup.get(source)).transpose()
    }
}

/// Of a key that comes twice the last value counts, in the first one's place.
fn str_to_map(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=3)?;
    let delimiter = |index, default| match args.len() > index {
        true => Patterns::of(name, args, index),
        false => Patterns::constant(name, index, default),
    };
    let (between_pairs, within_pairs) = (delimiter(1, ",")?, delimiter(2, ":")?);
    let returns = HiveType::map(HiveType::String, HiveType::String);
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let values = text(columns, 0)?;
        let sources = |index: usize| -> ExecutionResult<_> {
            Ok(if columns.len() > index { Some(text(columns, index)?) } else { None })
        };
        let mut between = Delimiter { lookup: between_pairs.lookup(), sources: sources(1)? };
        let mut within = Delimiter { lookup: within_pairs.lookup(), sources: sources(2)? };
        let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
        let mut maps =
            MapBuilder::with_capacity(Some(names), StringBuilder::new(), StringBuilder::new(), rows);
        let mut entries = Vec::new();
        for row in 0..rows {
            let regexes = between.at(row)?.zip(within.at(row)?);
            let both = text_at(values, row).zip(regexes);
            if let Some((value, (between, within))) = &both {
                entries.clear();
                read_pairs(value, between, within, &mut entries)?;
                for (key, value) in &entries {
                    maps.keys().append_value(key);
                    maps.values().append_option(*value);
                }
            }
            maps.append(both.is_some())?;
        }
        Ok(Arc::new(maps.finish()))
    }))
}

fn read_pairs<'a>(
    value: &'a str,
    between: &JavaRegex,
    within: &JavaRegex,
    entries: &mut Vec<(&'a str, Option<&'a str>)>,
) -> Result<(), RegexError> {
    let mut pairs = Vec::new();
    split_around(between, value, |pair| pairs.push(pair))?;
    // Empty parts at the end do not count, but a text without a delimiter is one part.
    while pairs.len() > 1 && pairs.last().is_some_and(|pair| pair.is_empty()) {
        pairs.pop();
    }
    if pairs == [""] && !value.is_empty() {
        pairs.clear();
    }
    for pair in pairs {
        let (key, value) = match first_delimiter(within, pair)? {
            Some((start, end)) => (&pair[..start], Some(&pair[end..])),
            None => (pair, None),
        };
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(())
}

/// An empty match at the start delimits nothing.
fn first_delimiter(regex: &JavaRegex, pair: &str) -> Result<Option<Span>, RegexError> {
    match regex.find_at(pair, 0)? {
        Some((0, 0)) => after(pair, (0, 0)).map_or(Ok(None), |from| regex.find_at(pair, from)),
        found => Ok(found),
    }
}
