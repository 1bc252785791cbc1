//! `parse_url`: a part of a URL.

use super::{
    arguments::strings,
    function,
    java_regex::{Groups, JavaRegex},
    rows::{text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
        table::url_tuple::Parts,
    },
    types::HiveType,
};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "parse_url",
    &[],
    "_FUNC_(url, partToExtract[, key]) - extracts a part from a URL",
    "Parts: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE, USERINFO\nkey specifies which query to extract\nExample:\n  > SELECT _FUNC_('http://facebook.com/path/p1.php?query=1', 'HOST') FROM src LIMIT 1;\n  'facebook.com'\n  > SELECT _FUNC_('http://facebook.com/path/p1.php?query=1', 'QUERY') FROM src LIMIT 1;\n  'query=1'\n  > SELECT _FUNC_('http://facebook.com/path/p1.php?query=1', 'QUERY', 'query') FROM src LIMIT 1;\n  '1'",
    parse_url,
)];

/// With a key, which is read as a pattern, the value that the query gives it.
fn parse_url(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=3)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (urls, wanted) = (text(columns, 0)?, text(columns, 1)?);
        let keys = if columns.len() == 3 { Some(text(columns, 2)?) } else { None };
        let mut last: Option<(&str, JavaRegex)> = None;
        let mut groups = Groups::default();
        try_texts(rows, rows * 16, |row, out| {
            let url = text_at(urls, row).and_then(Parts::of);
            // Keys of the query are asked for by the third argument alone.
            let wanted = text_at(wanted, row).filter(|wanted| !wanted.starts_with("QUERY:"));
            let Some((url, wanted)) = url.zip(wanted) else { return Ok(None) };
            let Some(keys) = keys else {
                return Ok(url.get(wanted).and_then(|part| out.write_str(&part).ok()));
            };
            let query = url.get(wanted).filter(|_| wanted == "QUERY");
            let Some((query, key)) = query.zip(text_at(keys, row)) else { return Ok(None) };
            let (_, regex) = match last.take() {
                Some(known) if known.0 == key => last.insert(known),
                _ => last.insert((key, JavaRegex::new(&format!("(&|^){key}=([^&]*)"))?)),
            };
            if !regex.groups_at(&query, 0, &mut groups)? {
                return Ok(None);
            }
            Ok(groups.get(2).and_then(|(start, end)| out.write_str(&query[start..end]).ok()))
        })
    }))
}
