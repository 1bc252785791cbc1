//! Texts with some of their characters exchanged, or turned around.

use super::{
    arguments::strings,
    function,
    rows::{text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use std::{collections::HashMap, fmt::Write};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "replace",
        &[],
        "_FUNC_(str, search, rep) - replace all substrings of 'str' that match 'search' with 'rep'",
        "Example:\n  > SELECT _FUNC_('Hack and Hue', 'H', 'BL') FROM src LIMIT 1;\n  'BLack and BLue'",
        replace,
    ),
    function(
        "reverse",
        &[],
        "_FUNC_(str) - reverse str",
        "Example:\n  > SELECT _FUNC_('Facebook') FROM src LIMIT 1;\n  'koobecaF'",
        reverse,
    ),
    function(
        "translate",
        &[],
        "_FUNC_(input, from, to) - translates the input string by replacing the characters present in the from string with the corresponding characters in the to string",
        "_FUNC_(string input, string from, string to) is an equivalent function to translate in PostGreSQL. It works on a character by character basis on the input string (first parameter). A character in the input is checked for presence in the from string (second parameter). If a match happens, the character from to string (third parameter) which appears at the same index as the character in from string is obtained. This character is emitted in the output string  instead of the original character from the input string. If the to string is shorter than the from string, there may not be a character present at the same index in the to string. In such a case, nothing is emitted for the original character and it's deleted from the output string.\nFor example,\n\n_FUNC_('abcdef', 'adc', '19') returns '1b9ef' replacing 'a' with '1', 'd' with '9' and removing 'c' from the input string\n\n_FUNC_('a b c d', ' ', '') return 'abcd' removing all spaces from the input string\n\nIf the same character is present multiple times in the input string, the first occurence of the character is the one that's considered for matching. However, it is not recommended to have the same character more than once in the from string since it's not required and adds to confusion.\n\nFor example,\n\n_FUNC_('abcdef', 'ada', '192') returns '1bc9ef' replaces 'a' with '1' and 'd' with '9'ignoring the second occurence of 'a' in the from string mapping it to '2'",
        translate,
    ),
    function(
        "quote",
        &[],
        "_FUNC_(str) - Returns the quoted string",
        "Includes backslash for single quotes.\nExample:\n  > SELECT _FUNC_('Don't') FROM src LIMIT 1;\n  'Don\\'t'",
        quote,
    ),
];

fn replace(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 3..=3)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, sought, replacements) = (text(columns, 0)?, text(columns, 1)?, text(columns, 2)?);
        texts(rows, values.value_data().len(), |row, out| {
            let (value, sought) = (text_at(values, row)?, text_at(sought, row)?);
            let replacement = text_at(replacements, row)?;
            let mut done = 0;
            // An empty text is found before each character and at the end.
            for (at, found) in value.match_indices(sought) {
                out.write_str(&value[done..at]).ok()?;
                out.write_str(replacement).ok()?;
                done = at + found.len();
            }
            out.write_str(&value[done..]).ok()
        })
    }))
}

fn reverse(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let values = text(columns, 0)?;
        texts(rows, values.value_data().len(), |row, out| {
            text_at(values, row)?.chars().rev().try_for_each(|letter| out.write_char(letter).ok())
        })
    }))
}

/// For each character what it becomes, or that it goes.
type Exchange = HashMap<char, Option<char>>;

fn exchange(from: &str, to: &str) -> Exchange {
    let mut exchange = Exchange::new();
    let mut replacements = to.chars();
    for letter in from.chars() {
        let replacement = replacements.next();
        exchange.entry(letter).or_insert(replacement);
    }
    exchange
}

fn translate(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 3..=3)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, from, to) = (text(columns, 0)?, text(columns, 1)?, text(columns, 2)?);
        // They are mostly the same from row to row.
        let mut last: Option<((&str, &str), Exchange)> = None;
        texts(rows, values.value_data().len(), |row, out| {
            let key = (text_at(from, row)?, text_at(to, row)?);
            let value = text_at(values, row)?;
            let (_, exchange) = match last.take() {
                Some(known) if known.0 == key => last.insert(known),
                _ => last.insert((key, exchange(key.0, key.1))),
            };
            value.chars().try_for_each(|letter| match exchange.get(&letter) {
                Some(Some(replacement)) => out.write_char(*replacement).ok(),
                Some(None) => Some(()),
                None => out.write_char(letter).ok(),
            })
        })
    }))
}

fn quote(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let values = text(columns, 0)?;
        texts(rows, values.value_data().len() + 2 * rows, |row, out| {
            let value = text_at(values, row)?;
            out.write_char('\'').ok()?;
            for (index, part) in value.split('\'').enumerate() {
                if index > 0 {
                    out.write_str("\\'").ok()?;
                }
                out.write_str(part).ok()?;
            }
            out.write_char('\'').ok()
        })
    }))
}
