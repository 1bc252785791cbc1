//! Timestamp patterns in the letters of Java's DateTimeFormatter, as `timestamp.formats` has them.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(char),
    /// A letter and how often it stands there.
    Field(char, usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Milliseconds since the epoch, with a fraction if need be.
    Millis,
    Pieces(Vec<Piece>),
}

const FIELDS: &str = "yuMdHhkKmsSaEzZXVOx";
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[derive(Debug, Clone, Copy)]
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: Option<bool>,
    offset_seconds: i32,
}

impl Pattern {
    /// `None` where a letter is not known.
    pub fn parse(text: &str) -> Option<Pattern> {
        if text.eq_ignore_ascii_case("millis") {
            return Some(Pattern::Millis);
        }
        let mut pieces = Vec::new();
        let mut quoted = false;
        for character in text.chars() {
            match (character, pieces.last_mut()) {
                ('\'', _) => quoted = !quoted,
                (letter, Some(Piece::Field(last, count))) if !quoted && *last == letter => *count += 1,
                (letter, _) if !quoted && letter.is_ascii_alphabetic() => {
                    if !FIELDS.contains(letter) {
                        return None;
                    }
                    pieces.push(Piece::Field(letter, 1));
                }
                (literal, _) => pieces.push(Piece::Literal(literal)),
            }
        }
        Some(Pattern::Pieces(pieces))
    }

    pub fn read(&self, text: &str) -> Option<NaiveDateTime> {
        match self {
            Pattern::Millis => {
                let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                let micros: i64 = format!("{fraction:0<3.3}").parse().ok()?;
                let whole: i64 = whole.parse().ok()?;
                Some(DateTime::from_timestamp_micros(whole.checked_mul(1000)? + micros)?.naive_utc())
            }
            Pattern::Pieces(pieces) => {
                let mut parts = Parts {
                    year: 1970,
                    month: 1,
                    day: 1,
                    hour: 0,
                    minute: 0,
                    second: 0,
                    nanos: 0,
                    afternoon: None,
                    offset_seconds: 0,
                };
                let mut rest = text;
                for (index, piece) in pieces.iter().enumerate() {
                    // Digits that touch the next field's are only as many as there are letters.
                    let touches = matches!(pieces.get(index + 1), Some(Piece::Field(..)));
                    rest = parts.take(piece, touches, rest)?;
                }
                if rest.is_empty() { parts.time() } else { None }
            }
        }
    }
}

impl Parts {
    fn take<'a>(&mut self, piece: &Piece, touches: bool, text: &'a str) -> Option<&'a str> {
        let (letter, count) = match piece {
            Piece::Literal(literal) => return text.strip_prefix(*literal),
            Piece::Field(letter, count) => (*letter, *count),
        };
        let digits = |most: usize| digits(text, if touches { count } else { most });
        let part = |(value, rest): (u64, &'a str)| Some((u32::try_from(value).ok()?, rest));
        match letter {
            'y' | 'u' if count == 2 => {
                let (year, rest) = part(digits(2)?)?;
                self.year = 2000 + year as i32;
                Some(rest)
            }
            'y' | 'u' => self.year_of(part(digits(9)?)?),
            'M' if count >= 3 => self.month_name(text),
            'M' => set(&mut self.month, part(digits(2)?)?),
            'd' => set(&mut self.day, part(digits(2)?)?),
            'H' | 'h' | 'k' | 'K' => set(&mut self.hour, part(digits(2)?)?),
            'm' => set(&mut self.minute, part(digits(2)?)?),
            's' => set(&mut self.second, part(digits(2)?)?),
            'S' => {
                let (_, rest) = digits(9)?;
                self.nanos = format!("{:0<9}", &text[..text.len() - rest.len()]).parse().ok()?;
                Some(rest)
            }
            'a' => {
                let half = text.get(..2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case("pm"));
                half.get(1..)?.eq_ignore_ascii_case("m").then(|| &text[2..])
            }
            'E' => Some(text.trim_start_matches(|letter: char| letter.is_alphabetic())),
            _ => self.zone(text),
        }
    }

    fn year_of<'a>(&mut self, (year, rest): (u32, &'a str)) -> Option<&'a str> {
        self.year = i32::try_from(year).ok()?;
        Some(rest)
    }

    fn month_name<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let name = text.get(..3)?.to_ascii_lowercase();
        self.month = MONTHS.iter().position(|month| *month == name)? as u32 + 1;
        Some(text.trim_start_matches(|letter: char| letter.is_alphabetic()))
    }

    /// `Z`, `UTC`, `GMT` or hours and minutes with a sign.
    fn zone<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        for word in ["UTC", "GMT", "Z"] {
            if let Some(rest) = text.strip_prefix(word) {
                return Some(rest);
            }
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let (hours, rest) = digits(text.strip_prefix(['-', '+'])?, 2)?;
        let (minutes, rest) = digits(rest.strip_prefix(':').unwrap_or(rest), 2).unwrap_or((0, rest));
        self.offset_seconds = sign * i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(rest)
    }

    fn time(self) -> Option<NaiveDateTime> {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let date = NaiveDate::from_ymd_opt(self.year, self.month, self.day)?;
        let local = date.and_hms_nano_opt(hour, self.minute, self.second, self.nanos)?;
        local.checked_sub_signed(Duration::seconds(i64::from(self.offset_seconds)))
    }
}

fn set<'a>(part: &mut u32, (value, rest): (u32, &'a str)) -> Option<&'a str> {
    *part = value;
    Some(rest)
}

fn digits(text: &str, most: usize) -> Option<(u64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    Some((text[..length].parse().ok()?, &text[length..]))
}
