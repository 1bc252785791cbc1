//! What masked characters, digits and dates become, as a call's constants say.

use crate::functions::Arg;
use chrono::{Datelike, Days, NaiveDate};
use datafusion::{arrow::array::StringBuilder, common::ScalarValue};
use std::fmt::Write;

/// What stays as it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    Nothing,
    AfterFirst(usize),
    BeforeLast(usize),
    First(usize),
    Last(usize),
}

impl Shown {
    /// Whether the sign at `index` of `length` is masked.
    fn hides(self, index: usize, length: usize) -> bool {
        match self {
            Shown::Nothing => true,
            Shown::AfterFirst(count) => index < count,
            Shown::BeforeLast(count) => index + count >= length,
            Shown::First(count) => index >= count,
            Shown::Last(count) => index + count < length,
        }
    }
}

/// `None` for what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    shown: Shown,
    upper: Option<char>,
    lower: Option<char>,
    digit: Option<char>,
    other: Option<char>,
    number: u8,
    day: Option<u32>,
    /// From 1.
    month: Option<u32>,
    year: Option<i32>,
}

const SHOWN_BY_DEFAULT: i64 = 4;

impl Rule {
    /// Of a call whose rule starts at argument `first`, after the number of characters where there is one.
    pub(super) fn of(args: &[Arg], first: usize, shown: impl Fn(usize) -> Shown) -> Rule {
        let count = integer(args, first - 1).filter(|_| first > 1).unwrap_or(SHOWN_BY_DEFAULT);
        let number = integer(args, first + 4).and_then(|digit| u8::try_from(digit).ok());
        let component = |index, default: i64, valid: std::ops::RangeInclusive<i64>| match integer(args, index)
        {
            Some(-1) => None,
            Some(value) if valid.contains(&value) => Some(value),
            _ => Some(default),
        };
        Rule {
            shown: shown(usize::try_from(count).unwrap_or(0)),
            upper: character(args, first, Some('X')),
            lower: character(args, first + 1, Some('x')),
            digit: character(args, first + 2, Some('n')),
            other: character(args, first + 3, None),
            number: number.filter(|&digit| digit <= 9).unwrap_or(1),
            day: component(first + 5, 1, 1..=31).map(|day| day as u32),
            month: component(first + 6, 0, 0..=11).map(|month| month as u32 + 1),
            year: component(first + 7, 0, 0..=9_999).map(|year| year as i32),
        }
    }

    pub(super) fn write(&self, value: &str, out: &mut StringBuilder) -> Option<()> {
        let length = value.chars().count();
        value.chars().enumerate().try_for_each(|(index, letter)| {
            let masked = if self.shown.hides(index, length) { self.letter(letter) } else { letter };
            out.write_char(masked).ok()
        })
    }

    fn letter(&self, letter: char) -> char {
        let masked = match letter {
            _ if letter.is_uppercase() => self.upper,
            _ if letter.is_lowercase() => self.lower,
            _ if letter.is_numeric() => self.digit,
            _ => self.other,
        };
        masked.unwrap_or(letter)
    }

    /// The caller cuts it down to the type's bits, as Java's arithmetic does.
    pub(super) fn number(&self, value: i64) -> i128 {
        let mut rest = value.unsigned_abs();
        let length = rest.checked_ilog10().map_or(1, |digits| digits as usize + 1);
        let (mut masked, mut power) = (0_i128, 1_i128);
        for index in (0..length).rev() {
            let digit = if self.shown.hides(index, length) { self.number.into() } else { rest % 10 };
            masked += i128::from(digit) * power;
            rest /= 10;
            power *= 10;
        }
        if value < 0 { -masked } else { masked }
    }

    /// In days since 1970; `None` where there is no such day.
    pub(super) fn date(&self, days: i32) -> Option<i32> {
        let epoch = NaiveDate::default();
        let distance = Days::new(days.unsigned_abs().into());
        let date = match days {
            0.. => epoch.checked_add_days(distance),
            _ => epoch.checked_sub_days(distance),
        }?;
        let masked = NaiveDate::from_ymd_opt(
            self.year.unwrap_or(date.year()),
            self.month.unwrap_or(date.month()),
            self.day.unwrap_or(date.day()),
        )?;
        i32::try_from(masked.signed_duration_since(epoch).num_days()).ok()
    }
}

/// Whole numbers are a character's code, or -1; of all else the first character counts.
fn character(args: &[Arg], index: usize, default: Option<char>) -> Option<char> {
    let code = match args.get(index).and_then(|arg| arg.constant.as_ref()) {
        Some(ScalarValue::Int16(Some(code))) => i64::from(*code),
        Some(ScalarValue::Int32(Some(code))) => i64::from(*code),
        Some(ScalarValue::Int64(Some(code))) => *code,
        Some(ScalarValue::Utf8(Some(text))) => return text.chars().next().or(default),
        Some(ScalarValue::Int8(Some(digit))) => return digit.to_string().chars().next(),
        _ => return default,
    };
    match code {
        -1 => None,
        _ => u32::try_from(code).ok().and_then(char::from_u32).or(default),
    }
}

fn integer(args: &[Arg], index: usize) -> Option<i64> {
    match args.get(index)?.constant.as_ref()? {
        ScalarValue::Utf8(Some(text)) => text.parse().ok(),
        _ => crate::functions::resolve::constant_integer(args, index),
    }
}
