//! Functions of strings and of binary values.

mod arguments;
mod charset;
mod choice;
mod cipher;
mod concat;
mod decimal_format;
mod digest;
mod encoding;
mod format_number;
mod java_pattern;
mod java_regex;
mod length;
mod letters;
mod like;
mod mask;
mod message;
mod pad;
mod position;
mod printf;
mod regexp;
mod rewrite;
mod rows;
mod sentences;
mod sound;
mod split;
mod substring;
#[cfg(test)]
mod tests;
mod trim;
mod url;

use super::{Arg, FunctionError, Scalar, ScalarFunction, SessionFacts};

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[
    choice::FUNCTIONS,
    cipher::FUNCTIONS,
    concat::FUNCTIONS,
    digest::FUNCTIONS,
    encoding::FUNCTIONS,
    format_number::FUNCTIONS,
    length::FUNCTIONS,
    letters::FUNCTIONS,
    like::FUNCTIONS,
    mask::FUNCTIONS,
    message::FUNCTIONS,
    pad::FUNCTIONS,
    position::FUNCTIONS,
    printf::FUNCTIONS,
    regexp::FUNCTIONS,
    rewrite::FUNCTIONS,
    sentences::FUNCTIONS,
    sound::FUNCTIONS,
    split::FUNCTIONS,
    substring::FUNCTIONS,
    trim::FUNCTIONS,
    url::FUNCTIONS,
];

type Resolve = fn(&str, &[Arg], &SessionFacts) -> Result<Scalar, FunctionError>;

/// A function of this folder with its texts, in which `_FUNC_` stands for its name.
const fn function(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    extended: &'static str,
    resolve: Resolve,
) -> ScalarFunction {
    ScalarFunction { name, aliases, usage, extended, resolve }
}
