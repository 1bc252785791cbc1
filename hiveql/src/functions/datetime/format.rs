//! Local times printed by a pattern, with the names and weeks of the United States as Hive has them.

use super::{
    pattern::{Item, Pattern},
    zone::Zone,
};
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use std::fmt::Write;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const QUARTERS: [&str; 4] = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];

/// Appends what the pattern says of a local time; `None` where the time lies outside of the calendar.
pub(crate) fn format(pattern: &Pattern, local: NaiveDateTime, zone: Zone, out: &mut String) -> Option<()> {
    items(&pattern.items, local, zone, out)
}

fn items(list: &[Item], local: NaiveDateTime, zone: Zone, out: &mut String) -> Option<()> {
    for item in list {
        match item {
            Item::Literal(text) => out.push_str(text),
            Item::Optional(inner) => items(inner, local, zone, out)?,
            Item::Field('E', count) => {
                name(&DAYS, local.weekday().num_days_from_sunday() as usize, *count, out)
            }
            Item::Field('M' | 'L', count) if *count > 2 => {
                name(&MONTHS, local.month0() as usize, *count, out)
            }
            Item::Field('e' | 'c', count) if *count > 2 => {
                name(&DAYS, local.weekday().num_days_from_sunday() as usize, *count, out);
            }
            Item::Field('Q' | 'q', count) if *count > 2 => quarter(local.month0() as usize / 3, *count, out),
            Item::Field('G', count) => out.push_str(match count {
                4 => "Anno Domini",
                5 => "A",
                _ => "AD",
            }),
            Item::Field('a', _) => out.push_str(if local.hour() < 12 { "AM" } else { "PM" }),
            Item::Field('S', count) => fraction(local.nanosecond() % 1_000_000_000, *count, out),
            Item::Field(letter @ ('z' | 'V' | 'O' | 'X' | 'x' | 'Z'), count) => {
                zone_field(*letter, *count, zone, zone.instant(local)?, out);
            }
            Item::Field(letter, count) => number(*letter, *count, local, out)?,
        }
    }
    Some(())
}

fn number(letter: char, count: usize, local: NaiveDateTime, out: &mut String) -> Option<()> {
    let date = local.date();
    let value = match letter {
        'y' | 'u' => year(local.year(), count),
        'Y' => year(week_end(date)?.year(), count),
        'M' | 'L' => local.month().into(),
        'Q' | 'q' => (local.month0() / 3 + 1).into(),
        'w' => (week_end(date)?.ordinal0() / 7 + 1).into(),
        'W' => {
            let first = date.with_day(1)?.weekday().num_days_from_sunday();
            ((date.day0() + first) / 7 + 1).into()
        }
        'D' => date.ordinal().into(),
        'd' => date.day().into(),
        'F' => (date.day0() % 7 + 1).into(),
        'e' | 'c' => (date.weekday().num_days_from_sunday() + 1).into(),
        'h' => local.hour12().1.into(),
        'K' => (local.hour() % 12).into(),
        'k' => (if local.hour() == 0 { 24 } else { local.hour() }).into(),
        'H' => local.hour().into(),
        'm' => local.minute().into(),
        's' => local.second().into(),
        'A' => nanos_of_day(local) / 1_000_000,
        'n' => local.nanosecond().into(),
        'N' => nanos_of_day(local),
        _ => return None,
    };
    write!(out, "{value:0count$}").ok()
}

fn nanos_of_day(local: NaiveDateTime) -> i64 {
    i64::from(local.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(local.nanosecond())
}

/// Two letters stand for the last two digits.
fn year(year: i32, count: usize) -> i64 {
    i64::from(if count == 2 { year % 100 } else { year })
}

/// The Saturday of a date's week: a week counts to the year in which it ends.
fn week_end(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_add_days(Days::new(u64::from(6 - date.weekday().num_days_from_sunday())))
}

fn name(names: &[&str], index: usize, count: usize, out: &mut String) {
    let full = names.get(index).copied().unwrap_or_default();
    out.push_str(match count {
        4 => full,
        5 => full.get(..1).unwrap_or(full),
        _ => full.get(..3).unwrap_or(full),
    });
}

fn quarter(index: usize, count: usize, out: &mut String) {
    match count {
        3 => out.push_str(&format!("Q{}", index + 1)),
        4 => out.push_str(QUARTERS.get(index).copied().unwrap_or_default()),
        _ => out.push_str(&(index + 1).to_string()),
    }
}

fn fraction(nanos: u32, count: usize, out: &mut String) {
    let digits = format!("{nanos:09}");
    out.push_str(&digits[..count.min(9)]);
}

fn zone_field(letter: char, count: usize, zone: Zone, instant: NaiveDateTime, out: &mut String) {
    let seconds = zone.offset_at(instant);
    match letter {
        'V' => out.push_str(&zone.id()),
        'z' => out.push_str(&zone.short_name(instant)),
        'O' => {
            out.push_str("GMT");
            if seconds != 0 && count == 1 {
                let (sign, hours, minutes) = distance(seconds);
                out.push_str(&format!("{sign}{hours}"));
                if minutes != 0 {
                    out.push_str(&format!(":{minutes:02}"));
                }
            } else if seconds != 0 {
                offset(seconds, true, true, out);
            }
        }
        'X' if seconds == 0 => out.push('Z'),
        'Z' if count == 5 && seconds == 0 => out.push('Z'),
        'Z' if count == 4 => {
            out.push_str("GMT");
            if seconds != 0 {
                offset(seconds, true, true, out);
            }
        }
        'Z' => offset(seconds, count == 5, true, out),
        _ => offset(seconds, count == 3 || count == 5, count > 1, out),
    }
}

fn distance(seconds: i32) -> (char, i32, i32) {
    let sign = if seconds < 0 { '-' } else { '+' };
    (sign, seconds.abs() / 3_600, seconds.abs() / 60 % 60)
}

fn offset(seconds: i32, colon: bool, minutes_always: bool, out: &mut String) {
    let (sign, hours, minutes) = distance(seconds);
    out.push_str(&format!("{sign}{hours:02}"));
    if minutes_always || minutes != 0 {
        out.push_str(if colon { ":" } else { "" });
        out.push_str(&format!("{minutes:02}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::datetime::{civil::datetime_of, parse::parse_timestamp};

    fn formatted(text: &str, pattern: &str, zone: &str) -> String {
        let local = datetime_of(parse_timestamp(text).unwrap()).unwrap();
        let mut out = String::new();
        format(&Pattern::compile(pattern).unwrap(), local, Zone::parse(zone).unwrap(), &mut out).unwrap();
        out
    }

    #[test]
    fn every_letter_prints_what_java_prints() {
        for (pattern, printed) in [
            ("E", "Wed"),
            ("EEEE", "Wednesday"),
            ("G", "AD"),
            ("y", "2015"),
            ("Y", "2015"),
            ("YY", "15"),
            ("MMM", "Apr"),
            ("w", "15"),
            ("W", "2"),
            ("D", "98"),
            ("d", "8"),
            ("hh a", "09 PM"),
            ("S", "1"),
            ("SSS", "123"),
            ("QQQ", "Q2"),
            ("yyyy-MM-dd'T'HH:mm:ssXXX", "2015-04-08T21:30:45+02:00"),
            ("", ""),
        ] {
            assert_eq!(formatted("2015-04-08 21:30:45.123", pattern, "Europe/Berlin"), printed, "{pattern}");
        }
    }

    #[test]
    fn a_zone_is_called_by_the_name_in_use() {
        for (zone, name) in [("Asia/Bangkok", "ICT"), ("Australia/Sydney", "AEST"), ("Europe/Berlin", "CEST")]
        {
            assert_eq!(formatted("2015-04-08 10:30:45", "z", zone), name);
        }
        assert_eq!(formatted("1400-01-14 01:01:10", "z", "Europe/Berlin"), "CET");
        assert_eq!(formatted("1800-01-14 01:01:10", "z", "Africa/Johannesburg"), "SAST");
    }
}
