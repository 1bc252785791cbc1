//! Where a text stands in another.

use super::{
    arguments::{strings, strings_then_ints},
    function,
    rows::{byte_of_char, char_count, count_of, int_at, ints, text_at},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_integer, primitive, scalar, text, wrong_value},
    },
    types::HiveType,
};
use datafusion::arrow::datatypes::Int32Type;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "instr",
        &[],
        "_FUNC_(str, substr[, pos[, occurrence]]) - Returns the index of the given occurrence of substr in str after position pos",
        "pos is a 1-based index. If pos < 0, the starting position is\ndetermined by counting backwards from the end of str and then Hive\nsearches backward from the resulting position.\noccurrence is also a 1-based index. The value must be positive.\nIf occurrence is greater than the number of matching occurrences,\nthe function returns 0.\nIf either of the optional arguments, pos or occurrence, is NULL,\nthe function also returns NULL.\nExample:\n  > SELECT _FUNC_('Facebook', 'boo') FROM src LIMIT 1;\n  5\n  > SELECT _FUNC_('CORPORATE FLOOR','OR', 3, 2) FROM src LIMIT 1;\n  14\n  > SELECT _FUNC_('CORPORATE FLOOR','OR', -3, 2) FROM src LIMIT 1;\n  2",
        instr,
    ),
    function(
        "locate",
        &["position"],
        "_FUNC_(substr, str[, pos]) - Returns the position of the first occurance of substr in str after position pos",
        "Example:\n  > SELECT _FUNC_('bar', 'foobarbar', 5) FROM src LIMIT 1;\n  7",
        locate,
    ),
    function(
        "find_in_set",
        &[],
        "_FUNC_(str,str_array) - Returns the first occurrence  of str in str_array where str_array is a comma-delimited string. Returns null if either argument is null. Returns 0 if the first argument has any commas.",
        "Example:\n  > SELECT _FUNC_('ab','abc,b,ab,c,def') FROM src LIMIT 1;\n  3\n  > SELECT * FROM src1 WHERE NOT _FUNC_(key,'311,128,345,956')=0;\n  311  val_311\n  128",
        find_in_set,
    ),
];

fn instr(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 2..=4, 2)?;
    if constant_integer(args, 3).is_some_and(|occurrence| occurrence <= 0) {
        return Err(wrong_value(name, 3, "the occurrence must be positive"));
    }
    // As Hive has it: a constant 0 is searched from the end, a computed one is nowhere.
    let constant_start = constant_integer(args, 2).is_some();
    Ok(scalar(name, args, takes, HiveType::Int, move |columns, rows| {
        let (values, parts) = (text(columns, 0)?, text(columns, 1)?);
        let numbers = (2..columns.len())
            .map(|index| primitive::<Int32Type>(columns, index))
            .collect::<Result<Vec<_>, _>>()?;
        let number = |index: usize, row| numbers.get(index).map_or(Some(1), |numbers| int_at(numbers, row));
        ints(rows, |row| {
            let (value, part) = (text_at(values, row)?, text_at(parts, row)?);
            let (start, occurrence) = (number(0, row)?, number(1, row)?);
            match start {
                _ if occurrence <= 0 => None,
                0 if !constant_start => Some(0),
                1.. => Some(forward(value, part, start as usize - 1, occurrence)),
                _ => Some(backward(value, part, start, occurrence)),
            }
        })
    }))
}

/// From the character at `start` (from 0) on.
fn forward(value: &str, part: &str, start: usize, occurrences: i32) -> i32 {
    let mut from = byte_of_char(value, start);
    let mut found = None;
    for _ in 0..occurrences {
        if from >= value.len() {
            return 0;
        }
        let Some(at) = value[from..].find(part) else { return 0 };
        found = Some(from + at);
        from = next_char(value, from + at);
    }
    found.map_or(0, |at| position(value, at))
}

/// From the character at `start` (negative, from the end) back.
fn backward(value: &str, part: &str, start: i32, occurrences: i32) -> i32 {
    let length = char_count(value) as i64;
    let Ok(first) = usize::try_from(length + i64::from(start)) else { return 0 };
    let mut limit = Some(byte_of_char(value, first));
    let mut found = None;
    for _ in 0..occurrences {
        let Some(last_start) = limit else { return 0 };
        let end = (last_start + part.len()).min(value.len());
        let Some(at) =
            value.as_bytes().get(..end).and_then(|bytes| memchr::memmem::rfind(bytes, part.as_bytes()))
        else {
            return 0;
        };
        found = Some(at);
        limit = value[..at].char_indices().next_back().map(|(byte, _)| byte);
    }
    found.map_or(0, |at| position(value, at))
}

fn next_char(value: &str, at: usize) -> usize {
    at + value[at..].chars().next().map_or(1, char::len_utf8)
}

/// The number, from 1, of the character that starts at a byte.
fn position(value: &str, byte: usize) -> i32 {
    count_of(char_count(&value[..byte])).saturating_add(1)
}

fn locate(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 2..=3, 2)?;
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let (parts, values) = (text(columns, 0)?, text(columns, 1)?);
        let starts = if columns.len() == 3 { Some(primitive::<Int32Type>(columns, 2)?) } else { None };
        ints(rows, |row| {
            let (part, value) = (text_at(parts, row)?, text_at(values, row)?);
            let start = starts.map_or(Some(1), |starts| int_at(starts, row));
            let Some(start @ 1..) = start else { return Some(0) };
            let from = byte_of_char(value, start as usize - 1);
            Some(value[from..].find(part).map_or(0, |at| position(value, from + at)))
        })
    }))
}

fn find_in_set(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let (values, sets) = (text(columns, 0)?, text(columns, 1)?);
        ints(rows, |row| {
            let (value, set) = (text_at(values, row)?, text_at(sets, row)?);
            let place = set.split(',').position(|member| member == value);
            Some(place.map_or(0, |place| count_of(place + 1)))
        })
    }))
}
