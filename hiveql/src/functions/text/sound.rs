//! How alike texts are: by sound, and by how many letters must change.

use super::{
    arguments::strings,
    function,
    rows::{count_of, ints, text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::common::{DataFusionError, utils::datafusion_strsim};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "soundex",
        &[],
        "_FUNC_(string) - Returns soundex code of the string.",
        "The soundex code consist of the first letter of the name followed by three digits.\nExample:\n > SELECT _FUNC_('Miller');\n M460",
        soundex,
    ),
    function(
        "levenshtein",
        &[],
        "_FUNC_(str1, str2) - This function calculates the Levenshtein distance between two strings.",
        "Levenshtein distance is a string metric for measuring the difference between two sequences. Informally, the Levenshtein distance between two words is the minimum number of single-character edits (i.e. insertions, deletions or substitutions) required to change one word into the other. It is named after Vladimir Levenshtein, who considered this distance in 1965.Example:\n > SELECT _FUNC_('kitten', 'sitting');\n 3",
        levenshtein,
    ),
];

/// A letter that English does not have.
#[derive(Debug, thiserror::Error)]
#[error("soundex knows no letter {0:?}")]
struct UnknownLetter(char);

/// The code of each letter from A to Z; `0` for those that are not written.
const CODES: &[u8; 26] = b"01230120022455012623010202";

fn soundex(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    if !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "string"));
    }
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let values = text(columns, 0)?;
        try_texts(rows, rows * 4, |row, out| {
            let Some(value) = text_at(values, row) else { return Ok(None) };
            let code = code(value).map_err(|error| DataFusionError::External(Box::new(error)))?;
            Ok(code.into_iter().flatten().try_for_each(|letter| out.write_char(letter).ok()))
        })
    }))
}

/// A letter and three digits; nothing of a text without letters.
fn code(value: &str) -> Result<Option<[char; 4]>, UnknownLetter> {
    let mut code = ['0'; 4];
    let (mut length, mut last) = (0, None);
    for letter in value.chars().filter(|letter| letter.is_alphabetic()) {
        let upper = letter.to_ascii_uppercase();
        let place = u32::from(upper).wrapping_sub(u32::from('A')) as usize;
        let digit = char::from(*CODES.get(place).ok_or(UnknownLetter(letter))?);
        if length == 0 {
            code[0] = upper;
            (length, last) = (1, Some(digit));
            continue;
        }
        // Letters around an H or a W count as neighbours.
        if length == 4 || matches!(upper, 'H' | 'W') {
            continue;
        }
        if digit != '0' && last != Some(digit) {
            code[length] = digit;
            length += 1;
        }
        last = Some(digit);
    }
    Ok((length > 0).then_some(code))
}

fn levenshtein(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let (left, right) = (text(columns, 0)?, text(columns, 1)?);
        ints(rows, |row| {
            let (left, right) = (text_at(left, row)?, text_at(right, row)?);
            Some(count_of(datafusion_strsim::levenshtein(left, right)))
        })
    }))
}
