//! Timestamps printed by a pattern.

use super::pattern::{Case, Element, Field, Item, Name, Pattern};
use crate::functions::datetime::format::{DAYS, MONTHS};
use chrono::{Datelike, NaiveDateTime, Timelike};
use std::fmt::Write;

/// Names are filled up to the longest.
const NAME_WIDTH: usize = 9;
const FRACTION_DIGITS: usize = 9;

/// Appends what the pattern says of a time.
pub(super) fn print(pattern: &Pattern, time: NaiveDateTime, out: &mut String) {
    for item in &pattern.items {
        match item {
            Item::Separator(text) | Item::Text(text) => out.push_str(text),
            Item::Delimiter(letter) => out.push(*letter),
            Item::Element { element: Element::Number(field, width), fill } => {
                number(*field, *width, *fill, time, out);
            }
            Item::Element { element: Element::Name { name, case }, fill } => {
                written(*name, *case, *fill, time, out);
            }
            Item::Element { element: Element::Fraction(digits), .. } => fraction(*digits, time, out),
            Item::Element { element: Element::Meridiem { dots, upper }, .. } => {
                let word = match (time.hour() < 12, dots) {
                    (true, false) => "am",
                    (true, true) => "a.m.",
                    (false, false) => "pm",
                    (false, true) => "p.m.",
                };
                push_cased(word, if *upper { Case::Upper } else { Case::Lower }, out);
            }
            // Patterns with zones are refused before.
            Item::Element { element: Element::ZoneHour | Element::ZoneMinute, .. } => {}
        }
    }
}

/// Padded with zeros, or cut from the left.
fn number(field: Field, width: usize, fill: bool, time: NaiveDateTime, out: &mut String) {
    let value = value(field, time) % 10u32.pow(width as u32);
    let width = if fill { 1 } else { width };
    // A String takes whatever is written.
    let _ = write!(out, "{value:0width$}");
}

fn value(field: Field, time: NaiveDateTime) -> u32 {
    match field {
        Field::Year | Field::RoundYear => time.year().unsigned_abs(),
        Field::IsoYear => time.iso_week().year().unsigned_abs(),
        Field::Month => time.month(),
        Field::Day => time.day(),
        Field::DayOfYear => time.ordinal(),
        Field::Weekday => time.weekday().number_from_sunday(),
        Field::Quarter => time.month0() / 3 + 1,
        Field::WeekOfYear => time.ordinal0() / 7 + 1,
        Field::WeekOfMonth => time.day0() / 7 + 1,
        Field::IsoWeek => time.iso_week().week(),
        Field::IsoDay => time.weekday().number_from_monday(),
        Field::HalfDayHour => time.hour12().1,
        Field::Hour => time.hour(),
        Field::Minute => time.minute(),
        Field::Second => time.second(),
        Field::SecondOfDay => time.num_seconds_from_midnight(),
    }
}

fn written(name: Name, case: Case, fill: bool, time: NaiveDateTime, out: &mut String) {
    let full = match name {
        Name::Month | Name::ShortMonth => MONTHS.get(time.month0() as usize),
        Name::Day | Name::ShortDay => DAYS.get(time.weekday().num_days_from_sunday() as usize),
    };
    let full = full.copied().unwrap_or_default();
    let is_short = matches!(name, Name::ShortMonth | Name::ShortDay);
    push_cased(if is_short { &full[..full.len().min(3)] } else { full }, case, out);
    if !is_short && !fill {
        out.extend(std::iter::repeat_n(' ', NAME_WIDTH.saturating_sub(full.len())));
    }
}

/// Names are kept with a capital at their start.
fn push_cased(word: &str, case: Case, out: &mut String) {
    match case {
        Case::Title => out.push_str(word),
        Case::Upper => out.extend(word.chars().map(|letter| letter.to_ascii_uppercase())),
        Case::Lower => out.extend(word.chars().map(|letter| letter.to_ascii_lowercase())),
    }
}

fn fraction(digits: Option<usize>, time: NaiveDateTime, out: &mut String) {
    let start = out.len();
    let _ = write!(out, "{:09}", time.nanosecond());
    match digits {
        Some(digits) => out.truncate(start + digits.min(FRACTION_DIGITS)),
        None => {
            let kept = out[start..].trim_end_matches('0').len();
            // At least one digit stays.
            out.truncate(start + kept.max(1));
        }
    }
}
