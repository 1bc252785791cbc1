//! Time zones by the names that Java knows, and local time in them with Java's rules for gaps and overlaps.

use chrono::{DateTime, Duration, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{OffsetName, Tz};
use std::str::FromStr;

/// A named zone, or a distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

/// Java's three-letter names that the zone database lacks or means otherwise.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

impl Zone {
    /// A zone by its name: `Europe/Berlin`, `PST`, `Z`, `+01:00`, `GMT+8`.
    pub(crate) fn parse(name: &str) -> Option<Zone> {
        if let Some((_, long)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
            return Tz::from_str(long).ok().map(Zone::Named);
        }
        if name == "Z" {
            return Some(Zone::Named(Tz::UTC));
        }
        let distance = ["GMT", "UTC", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix));
        match parse_offset(distance.unwrap_or(name)) {
            Some(offset) => Some(Zone::Fixed(offset)),
            None => Tz::from_str(name).ok().map(Zone::Named),
        }
    }

    /// As `TimeZone.getTimeZone`: what nobody knows is Greenwich.
    pub(crate) fn parse_or_greenwich(name: &str) -> Zone {
        Zone::parse(name.trim()).unwrap_or(Zone::Named(Tz::UTC))
    }

    /// What the clocks of the zone show at an instant.
    pub(crate) fn local(self, instant: NaiveDateTime) -> Option<NaiveDateTime> {
        instant.checked_add_signed(Duration::seconds(self.offset_at(instant).into()))
    }

    /// The instant of a local time: of two the earlier, and in a gap as long after it as the clocks would show without one.
    pub(crate) fn instant(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let seconds = match self {
            Zone::Fixed(offset) => offset.local_minus_utc(),
            Zone::Named(zone) => match zone.offset_from_local_datetime(&local) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => {
                    offset.fix().local_minus_utc()
                }
                LocalResult::None => self.offset_at(local.checked_sub_signed(Duration::days(1))?),
            },
        };
        local.checked_sub_signed(Duration::seconds(seconds.into()))
    }

    /// Seconds east of Greenwich at an instant.
    pub(crate) fn offset_at(self, instant: NaiveDateTime) -> i32 {
        match self {
            Zone::Fixed(offset) => offset.local_minus_utc(),
            Zone::Named(zone) => zone.offset_from_utc_datetime(&instant).fix().local_minus_utc(),
        }
    }

    /// The short name that is in use at an instant, such as CEST.
    pub(crate) fn short_name(self, instant: NaiveDateTime) -> String {
        match self {
            Zone::Fixed(offset) => format!("GMT{offset}"),
            Zone::Named(zone) => abbreviation(zone, instant),
        }
    }

    pub(crate) fn id(self) -> String {
        match self {
            Zone::Fixed(offset) => offset.to_string(),
            Zone::Named(zone) => zone.name().to_owned(),
        }
    }
}

impl From<Tz> for Zone {
    fn from(zone: Tz) -> Zone {
        Zone::Named(zone)
    }
}

/// Java knows one pair of names for each zone, whatever it was called in its past; and some that the database gives
/// as numbers have names there.
fn abbreviation(zone: Tz, instant: NaiveDateTime) -> String {
    const NAMED_BY_JAVA: &[(&str, &str)] = &[
        ("Asia/Bangkok", "ICT"),
        ("Asia/Ho_Chi_Minh", "ICT"),
        ("Asia/Singapore", "SGT"),
        ("Asia/Dubai", "GST"),
        ("America/Sao_Paulo", "BRT"),
        ("America/Argentina/Buenos_Aires", "ART"),
        ("Europe/Istanbul", "TRT"),
        ("Asia/Dhaka", "BDT"),
    ];
    if let Some((_, name)) = NAMED_BY_JAVA.iter().find(|(id, _)| *id == zone.name()) {
        return (*name).to_owned();
    }
    let offset = zone.offset_from_utc_datetime(&instant);
    match offset.abbreviation() {
        // Before there were zones; Java says what is said now in winter.
        Some("LMT") | None => {
            let winter = DateTime::<Utc>::from_timestamp(946_684_800, 0).map(|instant| instant.naive_utc());
            let now = zone.offset_from_utc_datetime(&winter.unwrap_or(instant));
            now.abbreviation().unwrap_or(zone.name()).to_owned()
        }
        Some(name) => name.to_owned(),
    }
}

/// `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`.
fn parse_offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let parts: Vec<&str> = match digits.len() {
        4 if !digits.contains(':') => vec![digits.get(..2)?, digits.get(2..)?],
        _ => digits.split(':').collect(),
    };
    let is_number =
        |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return None;
    }
    let mut seconds = 0;
    for (part, unit) in parts.iter().zip([3_600, 60, 1]) {
        seconds += part.parse::<i32>().ok()? * unit;
    }
    FixedOffset::east_opt(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::datetime::{civil::datetime_of, parse::parse_timestamp};

    fn at(text: &str) -> NaiveDateTime {
        datetime_of(parse_timestamp(text).unwrap()).unwrap()
    }

    #[test]
    fn zones_are_found_by_the_names_that_java_knows() {
        let instant = at("2012-02-11 04:30:00");
        for (name, local) in [
            ("PST", "2012-02-10 20:30:00"),
            ("Europe/Moscow", "2012-02-11 08:30:00"),
            ("GMT+8", "2012-02-11 12:30:00"),
            ("GMT", "2012-02-11 04:30:00"),
            ("", "2012-02-11 04:30:00"),
            ("---", "2012-02-11 04:30:00"),
        ] {
            assert_eq!(Zone::parse_or_greenwich(name).local(instant), Some(at(local)), "{name}");
        }
    }

    #[test]
    fn local_times_in_a_gap_move_on_and_of_two_instants_the_earlier_counts() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        assert_eq!(berlin.instant(at("2021-03-28 02:30:00")), Some(at("2021-03-28 01:30:00")));
        assert_eq!(berlin.instant(at("2021-10-31 02:30:00")), Some(at("2021-10-31 00:30:00")));
    }
}
