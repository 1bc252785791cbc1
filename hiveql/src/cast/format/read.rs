//! Timestamps read by a pattern. Fields are set one after the other on 1970-01-01, as Java's `LocalDateTime.with`
//! does it: a day that the month does not have counts as its last where the month comes later in the text.

use super::pattern::{Element, Field, Item, Name, Pattern, is_separator};
use crate::functions::datetime::{
    civil::last_day_of_month,
    format::{DAYS, MONTHS},
};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

const FRACTION_DIGITS: usize = 9;
const YEAR_DIGITS: usize = 4;
const ZONE_HOURS_MAX: u32 = 15;

/// The time that the whole text stands for. Years that lack digits have those of `today`.
pub(super) fn read(pattern: &Pattern, text: &str, today: NaiveDate) -> Option<NaiveDateTime> {
    let mut reader = Reader { rest: text, exact: pattern.exact, today, fields: Fields::default() };
    for (place, item) in pattern.items.iter().enumerate() {
        match item {
            Item::Element { element, fill } => reader.element(*element, *fill)?,
            Item::Separator(expected) => reader.separator(expected, pattern.items.get(place + 1))?,
            Item::Delimiter(letter) => {
                let mut buffer = [0; 4];
                reader.literal(letter.encode_utf8(&mut buffer))?;
            }
            Item::Text(expected) => reader.literal(expected)?,
        }
    }
    if reader.rest.is_empty() { reader.fields.time() } else { None }
}

struct Reader<'a> {
    rest: &'a str,
    exact: bool,
    today: NaiveDate,
    fields: Fields,
}

#[derive(Debug)]
struct Fields {
    date: NaiveDate,
    week: Week,
    seconds: u32,
    hour: u32,
    afternoon: bool,
    minute: u32,
    nanos: u32,
}

/// A date by its week, where the pattern has it so.
#[derive(Debug, Default)]
struct Week {
    year: Option<i32>,
    week: Option<u32>,
    day: Option<Weekday>,
}

impl Default for Fields {
    fn default() -> Fields {
        let date = NaiveDate::default();
        Fields { date, week: Week::default(), seconds: 0, hour: 0, afternoon: false, minute: 0, nanos: 0 }
    }
}

impl Fields {
    fn time(&self) -> Option<NaiveDateTime> {
        let date = match self.week {
            Week { year: Some(year), week: Some(week), day: Some(day) } => {
                NaiveDate::from_isoywd_opt(year, week, day)?
            }
            _ => self.date,
        };
        let hour = self.hour + if self.afternoon { 12 } else { 0 };
        let seconds = hour * 3_600 + self.minute * 60 + self.seconds;
        Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, self.nanos)?))
    }

    fn set(&mut self, field: Field, value: u32) -> Option<()> {
        let below = |limit: u32| (value < limit).then_some(value);
        match field {
            Field::Year | Field::RoundYear => {
                self.set_month(i32::try_from(value).ok()?, self.date.month())?
            }
            Field::Month => self.set_month(self.date.year(), value)?,
            Field::Day => self.date = self.date.with_day(value)?,
            Field::DayOfYear => self.date = self.date.with_ordinal(value)?,
            Field::IsoYear => self.week.year = i32::try_from(value).ok(),
            Field::IsoWeek => self.week.week = Some(value),
            Field::IsoDay => {
                let from_monday = u8::try_from(value).ok()?.checked_sub(1)?;
                self.week.day = Some(Weekday::try_from(from_monday).ok()?);
            }
            Field::HalfDayHour => self.hour = if value == 12 { 0 } else { below(12)? },
            Field::Hour => self.hour = below(24)?,
            Field::Minute => self.minute = below(60)?,
            Field::Second => self.seconds = below(60)?,
            Field::SecondOfDay => self.seconds = below(86_400)?,
            Field::Weekday | Field::Quarter | Field::WeekOfYear | Field::WeekOfMonth => return None,
        }
        Some(())
    }

    /// The day moves to the month's last where it must.
    fn set_month(&mut self, year: i32, month: u32) -> Option<()> {
        let last = last_day_of_month(NaiveDate::from_ymd_opt(year, month, 1)?)?;
        self.date = last.with_day(self.date.day().min(last.day()))?;
        Some(())
    }
}

impl<'a> Reader<'a> {
    fn element(&mut self, element: Element, fill: bool) -> Option<()> {
        match element {
            Element::Number(field, width) => {
                let digits = self.digits(width)?;
                if self.exact && !fill && digits.len() < width {
                    return None;
                }
                let value = match field {
                    Field::Year => self.year(digits, false, self.today.year())?,
                    Field::RoundYear => self.year(digits, true, self.today.year())?,
                    Field::IsoYear => self.year(digits, false, self.today.iso_week().year())?,
                    _ => digits.parse().ok()?,
                };
                self.fields.set(field, value)
            }
            Element::Name { name: Name::Month, .. } => self.month(None),
            Element::Name { name: Name::ShortMonth, .. } => self.month(Some(3)),
            Element::Name { name: Name::Day, .. } => self.day(None),
            Element::Name { name: Name::ShortDay, .. } => self.day(Some(3)),
            Element::Fraction(width) => {
                let digits = self.digits(width.unwrap_or(FRACTION_DIGITS))?;
                let missing = FRACTION_DIGITS - digits.len();
                self.fields.nanos = digits.parse::<u32>().ok()? * 10u32.pow(missing as u32);
                Some(())
            }
            Element::Meridiem { dots, .. } => self.meridiem(dots),
            Element::ZoneHour => {
                self.rest = self.rest.strip_prefix(['-', '+']).unwrap_or(self.rest);
                let hours: u32 = self.digits(2)?.parse().ok()?;
                (hours <= ZONE_HOURS_MAX).then_some(())
            }
            Element::ZoneMinute => {
                let minutes: u32 = self.digits(2)?.parse().ok()?;
                (minutes < 60).then_some(())
            }
        }
    }

    /// At least one digit and at most so many.
    fn digits(&mut self, width: usize) -> Option<&'a str> {
        let length = self.rest.bytes().take(width).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then_some(digits)
    }

    fn year(&self, digits: &str, round: bool, current: i32) -> Option<u32> {
        const HALF_CENTURY: u32 = 50;
        let value: u32 = digits.parse().ok()?;
        let current = u32::try_from(current).ok()?;
        if round && digits.len() == 2 {
            let century = match (value < HALF_CENTURY, current % 100 < HALF_CENTURY) {
                (true, false) => current / 100 + 1,
                (false, true) => current / 100 - 1,
                _ => current / 100,
            };
            return Some(century * 100 + value);
        }
        let unit = 10u32.pow(digits.len().min(YEAR_DIGITS) as u32);
        Some(current / unit * unit + value)
    }

    /// One of the names, or of their first letters; where it stands among them.
    fn name(&mut self, names: &[&str], length: Option<usize>) -> Option<usize> {
        let place = names.iter().position(|name| {
            let name = &name[..length.unwrap_or(name.len())];
            self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })?;
        self.rest = &self.rest[length.unwrap_or(names[place].len())..];
        Some(place)
    }

    fn month(&mut self, length: Option<usize>) -> Option<()> {
        let month = self.name(&MONTHS, length)?;
        self.fields.set(Field::Month, month as u32 + 1)
    }

    fn day(&mut self, length: Option<usize>) -> Option<()> {
        let from_sunday = self.name(&DAYS, length)?;
        let from_monday = u8::try_from((from_sunday + 6) % 7).ok()?;
        self.fields.week.day = Weekday::try_from(from_monday).ok();
        Some(())
    }

    /// With dots or without, whatever the pattern has, unless it is exact.
    fn meridiem(&mut self, dots: bool) -> Option<()> {
        const WORDS: [(&str, bool, bool); 4] =
            [("am", false, false), ("pm", false, true), ("a.m.", true, false), ("p.m.", true, true)];
        let allowed = WORDS.iter().filter(|(_, word_dots, _)| !self.exact || *word_dots == dots);
        let (word, _, afternoon) = allowed.copied().find(|(word, ..)| {
            self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        })?;
        self.rest = &self.rest[word.len()..];
        self.fields.afternoon = afternoon;
        Some(())
    }

    fn literal(&mut self, expected: &str) -> Option<()> {
        let start = self.rest.get(..expected.len())?;
        self.rest = start.eq_ignore_ascii_case(expected).then(|| &self.rest[expected.len()..])?;
        Some(())
    }

    /// Any separators stand for any others. The last of several is the sign of a zone that follows.
    fn separator(&mut self, expected: &str, next: Option<&Item>) -> Option<()> {
        if self.exact {
            self.rest = self.rest.strip_prefix(expected)?;
            return Some(());
        }
        let end = self.rest.find(|letter| !is_separator(letter)).unwrap_or(self.rest.len());
        let (mut found, _) = self.rest.split_at(end);
        let is_before_zone = matches!(next, Some(Item::Element { element: Element::ZoneHour, .. }));
        if is_before_zone && found.len() > 1 {
            found = found.strip_suffix('-').unwrap_or(found);
        }
        self.rest = &self.rest[found.len()..];
        (!found.is_empty()).then_some(())
    }
}
