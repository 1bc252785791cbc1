//! Numbers written by a pattern such as `#,##0.00`, as Java's `DecimalFormat` writes them in English.

use std::fmt::{self, Write};

/// A pattern that is none, or asks for an exponent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pattern of a number")]
pub(super) struct FormatError(String);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DecimalFormat {
    prefix: String,
    suffix: String,
    /// Around negative numbers, where it is not a minus before the prefix.
    negative: Option<(String, String)>,
    /// Digits between commas, 0 for none.
    group: usize,
    whole_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    /// By how many places the point is moved: 2 for percent.
    shift: usize,
    point_always: bool,
}

impl DecimalFormat {
    /// With commas and so many decimal places.
    pub(super) fn grouped(places: usize) -> DecimalFormat {
        DecimalFormat {
            group: 3,
            whole_min: 1,
            fraction_min: places,
            fraction_max: places,
            ..DecimalFormat::default()
        }
    }

    pub(super) fn new(pattern: &str) -> Result<DecimalFormat, FormatError> {
        let invalid = || FormatError(pattern.to_owned());
        let mut parts = Parts::default();
        let mut chars = pattern.chars().peekable();
        parts.read(&mut chars).ok_or_else(invalid)?;
        let negative = match chars.next() {
            Some(_) => {
                let mut negative = Parts::default();
                negative.read(&mut chars).ok_or_else(invalid)?;
                // The digits of the second pattern say nothing.
                let around = (negative.prefix, negative.suffix);
                let same = around == (parts.prefix.clone(), parts.suffix.clone());
                (!same).then_some(around)
            }
            None => None,
        };
        let (whole, fraction) = parts.digits().ok_or_else(invalid)?;
        Ok(DecimalFormat {
            prefix: parts.prefix,
            suffix: parts.suffix,
            negative,
            group: parts.group.unwrap_or(0),
            whole_min: whole,
            fraction_min: fraction,
            fraction_max: parts.after_point.len(),
            shift: parts.shift,
            point_always: parts.point && parts.after_point.is_empty(),
        })
    }

    pub(super) fn shift(&self) -> usize {
        self.shift
    }

    pub(super) fn places(&self) -> usize {
        self.fraction_max
    }

    /// Writes digits with a point that are already shifted, and round enough.
    pub(super) fn write(&self, negative: bool, digits: &str, out: &mut impl Write) -> fmt::Result {
        let (prefix, suffix) = match (&self.negative, negative) {
            (Some((prefix, suffix)), true) => (prefix, suffix),
            _ => (&self.prefix, &self.suffix),
        };
        if negative && self.negative.is_none() {
            out.write_char('-')?;
        }
        out.write_str(prefix)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let nothing = whole.is_empty() && fraction.is_empty() && self.fraction_min == 0;
        let length = whole.len().max(self.whole_min).max(usize::from(nothing));
        let zeros = std::iter::repeat_n('0', length - whole.len());
        for (index, digit) in zeros.chain(whole.chars()).enumerate() {
            if index > 0 && self.group > 0 && (length - index).is_multiple_of(self.group) {
                out.write_char(',')?;
            }
            out.write_char(digit)?;
        }
        if self.point_always || !fraction.is_empty() || self.fraction_min > 0 {
            out.write_char('.')?;
        }
        out.write_str(fraction)?;
        for _ in fraction.len()..self.fraction_min {
            out.write_char('0')?;
        }
        out.write_str(suffix)
    }
}

/// A pattern for one sign, taken apart.
#[derive(Default)]
struct Parts {
    prefix: String,
    before_point: String,
    after_point: String,
    point: bool,
    group: Option<usize>,
    shift: usize,
    suffix: String,
}

impl Parts {
    /// Up to a semicolon, which is left for the caller.
    fn read(&mut self, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
        let (mut started, mut ended) = (false, false);
        while let Some(letter) = chars.next_if(|&next| next != ';') {
            match letter {
                '#' | '0' | ',' | '.' if ended => return None,
                '#' | '0' => {
                    started = true;
                    if self.point {
                        self.after_point.push(letter);
                    } else {
                        self.before_point.push(letter);
                        self.group = self.group.map(|digits| digits + 1);
                    }
                }
                ',' if self.point => return None,
                ',' => {
                    started = true;
                    self.group = Some(0);
                }
                '.' if self.point => return None,
                '.' => {
                    started = true;
                    self.point = true;
                }
                'E' if started && !ended => return None,
                _ => {
                    ended = started;
                    let text = if started { &mut self.suffix } else { &mut self.prefix };
                    match letter {
                        '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
                        '\'' => text.extend(chars.by_ref().take_while(|&quoted| quoted != '\'')),
                        '%' | '\u{2030}' => {
                            self.shift = if letter == '%' { 2 } else { 3 };
                            text.push(letter);
                        }
                        '\u{a4}' => text.push('$'),
                        _ => text.push(letter),
                    }
                }
            }
        }
        Some(())
    }

    /// The least numbers of digits before and after the point.
    fn digits(&mut self) -> Option<(usize, usize)> {
        let zeros = |digits: &str| digits.bytes().filter(|&digit| digit == b'0').count();
        if self.before_point.trim_start_matches('#').contains('#')
            || self.after_point.trim_start_matches('0').contains('0')
        {
            return None;
        }
        let (whole, fraction) = (zeros(&self.before_point), zeros(&self.after_point));
        // Where no digit is asked for and there is a point, one is written before it, or after it if none may stand before.
        Some(match self.point && whole + fraction == 0 {
            true if self.before_point.is_empty() => (0, usize::from(!self.after_point.is_empty())),
            true => (1, 0),
            false => (whole, fraction),
        })
    }
}

/// Which of two neighbours is taken from the middle between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    Even,
    Up,
}

/// Rounds digits with a point to so many places.
pub(super) fn rounded(digits: &str, places: usize, tie: Tie) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() <= places {
        return digits.to_owned();
    }
    let (kept, cut) = fraction.split_at(places);
    let mut rounded: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    let odd = rounded.last().is_some_and(|digit| digit % 2 == 1);
    let (first, rest) = cut.split_at(1);
    let up = match first.cmp("5") {
        std::cmp::Ordering::Equal => tie == Tie::Up || odd || rest.contains(|digit| digit != '0'),
        order => order.is_gt(),
    };
    if up {
        let carried = rounded.iter_mut().rev().all(|digit| {
            let nine = *digit == b'9';
            *digit = if nine { b'0' } else { *digit + 1 };
            nine
        });
        if carried {
            rounded.insert(0, b'1');
        }
    }
    let point = rounded.len() - places;
    let mut text: String = rounded.into_iter().map(char::from).collect();
    text.insert(point, '.');
    text
}

/// Moves the point to the right.
pub(super) fn shifted(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (moved, rest) = fraction.split_at(places.min(fraction.len()));
    format!("{whole}{moved:0<places$}.{rest}")
}
