//! Instants read from text by a pattern, as `unix_timestamp(text, pattern)` does.

use super::{
    format::{DAYS, MONTHS},
    pattern::{Item, Pattern},
    zone::Zone,
};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

/// The values that were read, by their letter.
#[derive(Debug, Clone, Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    hour_of_half: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    nanosecond: i64,
    zone: Option<Zone>,
}

/// The instant that the whole text stands for; `zone` counts where the text names none.
pub(crate) fn read(pattern: &Pattern, text: &str, zone: Zone) -> Option<NaiveDateTime> {
    let mut fields = Fields::default();
    let rest = items(&pattern.items, text, &mut fields)?;
    if !rest.is_empty() {
        return None;
    }
    let local = NaiveDateTime::new(fields.date()?, fields.time()?);
    fields.zone.unwrap_or(zone).instant(local)
}

impl Fields {
    fn date(&self) -> Option<NaiveDate> {
        let year = i32::try_from(self.year?).ok()?;
        if let Some(day) = self.day_of_year {
            return NaiveDate::from_yo_opt(year, u32::try_from(day).ok()?);
        }
        let month = u32::try_from(self.month?).ok()?;
        let day = u32::try_from(self.day?).ok().filter(|day| (1..=31).contains(day))?;
        // A day that the month lacks is its last.
        let last = super::civil::last_day_of_month(NaiveDate::from_ymd_opt(year, month, 1)?)?;
        NaiveDate::from_ymd_opt(year, month, day.min(last.day()))
    }

    fn time(&self) -> Option<NaiveTime> {
        let hour = match (self.hour, self.hour_of_half, self.afternoon) {
            (Some(hour), ..) => hour,
            (None, Some(hour), Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
            (None, Some(_), None) => return None,
            (None, None, _) => 0,
        };
        let part = |value: i64| u32::try_from(value).ok();
        NaiveTime::from_hms_nano_opt(
            part(hour)?,
            part(self.minute)?,
            part(self.second)?,
            part(self.nanosecond)?,
        )
    }

    fn set(&mut self, letter: char, value: i64) -> Option<()> {
        match letter {
            'y' | 'u' => self.year = Some(value),
            'M' | 'L' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' => self.hour = Some(value),
            'k' => self.hour = Some(value % 24),
            'h' if (1..=12).contains(&value) => self.hour_of_half = Some(value),
            'K' if (0..=11).contains(&value) => self.hour_of_half = Some(value),
            'm' => self.minute = value,
            's' => self.second = value,
            'n' => self.nanosecond = value,
            // These say what the others say already.
            'w' | 'W' | 'Q' | 'q' | 'F' | 'e' | 'c' => {}
            _ => return None,
        }
        Some(())
    }
}

fn items<'a>(list: &[Item], text: &'a str, fields: &mut Fields) -> Option<&'a str> {
    let mut rest = text;
    for (index, item) in list.iter().enumerate() {
        rest = match item {
            Item::Literal(literal) => strip_ignoring_case(rest, literal)?,
            Item::Optional(inner) => {
                let mut attempt = fields.clone();
                match items(inner, rest, &mut attempt) {
                    Some(after) => {
                        *fields = attempt;
                        after
                    }
                    None => rest,
                }
            }
            Item::Field(letter, count) => field(*letter, *count, &list[index + 1..], rest, fields)?,
        };
    }
    Some(rest)
}

fn field<'a>(
    letter: char,
    count: usize,
    following: &[Item],
    text: &'a str,
    fields: &mut Fields,
) -> Option<&'a str> {
    match letter {
        'M' | 'L' if count > 2 => {
            let (index, rest) = named(&MONTHS, count, text)?;
            fields.month = Some(index as i64 + 1);
            Some(rest)
        }
        'E' => named(&DAYS, count, text).map(|(_, rest)| rest),
        'e' | 'c' if count > 2 => named(&DAYS, count, text).map(|(_, rest)| rest),
        'G' => strip_ignoring_case(text, if count == 4 { "Anno Domini" } else { "AD" }),
        'a' => {
            fields.afternoon = Some(strip_ignoring_case(text, "PM").is_some());
            strip_ignoring_case(text, "PM").or_else(|| strip_ignoring_case(text, "AM"))
        }
        'S' => {
            let digits =
                text.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            fields.nanosecond = digits.parse::<i64>().ok()? * 10_i64.pow(9 - count as u32);
            text.get(count..)
        }
        'z' | 'V' | 'X' | 'x' | 'Z' | 'O' => {
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || "/_+-:".contains(letter);
            let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
            fields.zone = Some(Zone::parse(&text[..end])?);
            Some(&text[end..])
        }
        _ => {
            let (value, rest) = number(letter, count, following, text)?;
            fields.set(letter, value)?;
            Some(rest)
        }
    }
}

/// A number as wide as its letters say; a single letter and a long year take all digits that the fields right
/// behind them leave over.
fn number<'a>(letter: char, count: usize, following: &[Item], text: &'a str) -> Option<(i64, &'a str)> {
    let available = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_year = matches!(letter, 'y' | 'u');
    let is_open = count == 1 || (is_year && count != 2);
    let width = if is_open {
        let reserved: usize = following
            .iter()
            .map_while(|item| match item {
                Item::Field(letter, count) if is_number(*letter, *count) => Some(*count),
                _ => None,
            })
            .sum();
        available.saturating_sub(reserved).min(if is_year { 10 } else { 18 })
    } else {
        count
    };
    if width < count || width > available {
        return None;
    }
    let value: i64 = text[..width].parse().ok()?;
    let value = if is_year && count == 2 { 2_000 + value } else { value };
    Some((value, &text[width..]))
}

fn is_number(letter: char, count: usize) -> bool {
    match letter {
        'M' | 'L' => count <= 2,
        _ => "yudDHkhKmsnS".contains(letter),
    }
}

fn named<'a>(names: &[&str], count: usize, text: &'a str) -> Option<(usize, &'a str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let wanted = if count == 4 { name } else { name.get(..3)? };
        strip_ignoring_case(text, wanted).map(|rest| (index, rest))
    })
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str, pattern: &str) -> Option<i64> {
        let zone = Zone::parse("America/Los_Angeles").unwrap();
        read(&Pattern::compile(pattern)?, text, zone).map(|instant| instant.and_utc().timestamp())
    }

    #[test]
    fn text_is_read_by_its_pattern_in_the_zone_of_the_session() {
        for (text, pattern, expected) in [
            ("2009-03-20 11:30:01", "yyyy-MM-dd HH:mm:ss", Some(1_237_573_801)),
            ("2009-03-20", "yyyy-MM-dd", Some(1_237_532_400)),
            ("2009 Mar 20 11:30:01 am", "yyyy MMM dd h:mm:ss a", Some(1_237_573_801)),
            ("20090320", "yyyyMMdd", Some(1_237_532_400)),
            ("2009-03-20T18:30:01Z", "yyyy-MM-dd'T'HH:mm:ssX", Some(1_237_573_801)),
            ("2009-03-20 and more", "yyyy-MM-dd", None),
            ("random_string", "yyyy-MM-dd", None),
        ] {
            assert_eq!(seconds(text, pattern), expected, "{text}");
        }
    }
}
