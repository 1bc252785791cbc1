//! `get_json_object`: a value of a JSON document by its path.

use super::{json::Json, json_path::JsonPath};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::array::StringBuilder;
use std::{collections::HashMap, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "get_json_object",
    aliases: &[],
    usage: "_FUNC_(json_txt, path) - Extract a json object from path ",
    extended: "Extract json object from a json string based on json path specified, and return json string of the extracted json object. It will return null if the input json string is invalid.\nA limited version of JSONPath supported:\n  $   : Root object\n  .   : Child operator\n  []  : Subscript operator for array\n  *   : Wildcard for []\nSyntax not supported that's worth noticing:\n  ''  : Zero length string as key\n  ..  : Recursive descent\n  &amp;#064;   : Current object/element\n  ()  : Script expression\n  ?() : Filter (script) expression.\n  [,] : Union operator\n  [start:end:step] : array slice operator\n",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    for (index, arg) in args.iter().enumerate() {
        if !arg.ty.is_text() && arg.ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "string"));
        }
    }
    let takes = vec![HiveType::String, HiveType::String];
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (documents, paths) = (text(columns, 0)?, text(columns, 1)?);
        let mut parsed: HashMap<&str, Option<JsonPath>> = HashMap::new();
        let mut builder = StringBuilder::with_capacity(rows, rows * 16);
        for (document, path) in documents.iter().zip(paths) {
            let found = document.zip(path).and_then(|(document, path)| {
                let path = parsed.entry(path).or_insert_with(|| JsonPath::parse(path)).as_ref()?;
                path.find(&read(document)?)
            });
            builder.append_option(found);
        }
        Ok(Arc::new(builder.finish()))
    }))
}

/// Line breaks within strings are taken as they stand, though JSON has them escaped.
fn read(document: &str) -> Option<Json> {
    if let Ok(json) = serde_json::from_str(document) {
        return Some(json);
    }
    if !document.contains(|letter: char| letter.is_ascii_control()) {
        return None;
    }
    serde_json::from_str(&with_escapes(document)).ok()
}

fn with_escapes(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len() + 16);
    let mut in_string = false;
    let mut after_backslash = false;
    for letter in document.chars() {
        match letter {
            '"' if !after_backslash => in_string = !in_string,
            control if in_string && control.is_ascii_control() => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(control)));
                after_backslash = false;
                continue;
            }
            _ => {}
        }
        after_backslash = letter == '\\' && !after_backslash;
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_within_a_string_is_read() {
        let json = read("{\"a\":\"b\nc\"}").unwrap();
        assert_eq!(JsonPath::parse("$.a").unwrap().find(&json).as_deref(), Some("b\nc"));
        assert_eq!(read("{\"a\":}"), None);
    }
}
