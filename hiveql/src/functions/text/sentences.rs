//! Texts in a natural language, taken apart into sentences of words.

use super::{arguments::strings, function, rows::text_at};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use datafusion::arrow::array::{ListBuilder, StringBuilder};
use std::sync::Arc;
use unicode_segmentation::UnicodeSegmentation;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "sentences",
    &[],
    "_FUNC_(str, lang, country) - Splits str into arrays of sentences, where each sentence is an array of words. The 'lang' and'country' arguments are optional, and if omitted, the default locale is used.",
    "Example:\n  > SELECT _FUNC_('Hello there! I am a UDF.') FROM src LIMIT 1;\n  [ [\"Hello\", \"there\"], [\"I\", \"am\", \"a\", \"UDF\"] ]\n  > SELECT _FUNC_(review, language) FROM movies;\nUnnecessary punctuation, such as periods and commas in English, is automatically stripped. If specified, 'lang' should be a two-letter ISO-639 language code (such as 'en'), and 'country' should be a two-letter ISO-3166 code (such as 'us'). Not all country and language codes are fully supported, and if an unsupported code is specified, a default locale is used to process that string.",
    sentences,
)];

/// The rules are the same for all languages that separate words.
fn sentences(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=3)?;
    let returns = HiveType::array(HiveType::array(HiveType::String));
    Ok(scalar(name, args, takes, returns, |columns, rows| {
        let values = text(columns, 0)?;
        let found = StringBuilder::with_capacity(rows, values.value_data().len());
        let mut lists = ListBuilder::with_capacity(ListBuilder::new(found), rows);
        for row in 0..rows {
            let value = text_at(values, row);
            for sentence in value.unwrap_or_default().split_sentence_bounds() {
                let list = lists.values();
                words(sentence).for_each(|word| list.values().append_value(word));
                list.append(true);
            }
            lists.append(value.is_some());
        }
        Ok(Arc::new(lists.finish()))
    }))
}

/// Letters and digits. Single signs such as a hyphen between two letters, or a comma between two digits, are within a
/// word; a number after a sign of currency is none.
fn words(sentence: &str) -> impl Iterator<Item = &str> {
    let mut rest = sentence;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|letter: char| letter.is_alphanumeric())?;
            let before = rest[..start].chars().next_back();
            rest = &rest[start..];
            let (word, after) = rest.split_at(word_end(rest));
            rest = after;
            let is_amount =
                before.is_some_and(is_before_number) && word.starts_with(|letter: char| letter.is_numeric());
            if !is_amount {
                return Some(word);
            }
        }
    })
}

fn word_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let mut last = ' ';
    while let Some((at, letter)) = chars.next() {
        if is_of_word(letter) {
            last = letter;
            continue;
        }
        let next = chars.peek().map(|&(_, next)| next).filter(|&next| is_of_word(next));
        let joins = next.is_some_and(|next| match (last.is_numeric(), next.is_numeric()) {
            (true, true) => matches!(letter, '"' | '\'' | ',' | '.' | '\u{66b}'),
            (false, false) => is_within_word(letter),
            _ => false,
        });
        if !joins {
            // A percent sign belongs to its number.
            let closes =
                last.is_numeric() && matches!(letter, '%' | '&' | '\u{a2}' | '\u{2030}' | '\u{2031}');
            return if closes { at + letter.len_utf8() } else { at };
        }
    }
    text.len()
}

/// Accents that stand for themselves belong to the letter before.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\u{300}'..='\u{36f}' | '_')
}

fn is_within_word(letter: char) -> bool {
    matches!(letter, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2027}' | '"' | '\'' | '.' | '\u{2019}')
}

fn is_before_number(letter: char) -> bool {
    matches!(letter, '$' | '#' | '.' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20bf}')
}
