//! Texts taken apart.

use super::{
    arguments::strings,
    function,
    java_regex::{JavaRegex, Patterns, RegexError, after},
    rows::text_at,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use datafusion::arrow::array::{ListBuilder, StringBuilder};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "split",
    &[],
    "_FUNC_(str, regex) - Splits str around occurances that match regex",
    "Example:\n  > SELECT _FUNC_('oneAtwoBthreeC', '[ABC]') FROM src LIMIT 1;\n  [\"one\", \"two\", \"three\"]",
    split,
)];

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
fn split_around(regex: &JavaRegex, value: &str, mut part: impl FnMut(&str)) -> Result<(), RegexError> {
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
