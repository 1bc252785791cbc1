//! A format, read: text, and conversions with their flags.

use super::{PrintfError, Value, number};
use std::{fmt::Write, iter::Peekable, str::Chars};

#[derive(Debug)]
pub(super) struct Layout {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Conversion(Conversion),
}

/// `%[argument$][flags][width][.precision]conversion`
#[derive(Debug, Default)]
pub(super) struct Conversion {
    which: Which,
    pub flags: Flags,
    pub width: usize,
    pub precision: Option<usize>,
    /// In lower case.
    pub letter: char,
    upper: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Which {
    #[default]
    Next,
    /// The one before again.
    Same,
    /// From 1.
    Numbered(usize),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub left: bool,
    pub alternate: bool,
    pub plus: bool,
    pub blank: bool,
    pub zeros: bool,
    pub commas: bool,
    pub parentheses: bool,
}

impl Layout {
    pub(super) fn read(format: &str) -> Result<Layout, PrintfError> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut chars = format.chars().peekable();
        while let Some(letter) = chars.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            let unfinished = || PrintfError::Unfinished(format.to_owned());
            pieces.push(Piece::Conversion(Conversion::read(&mut chars).ok_or_else(unfinished)??));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Layout { pieces })
    }

    /// `value` gives the argument at an index, from 0.
    pub(super) fn write<'a>(
        &self,
        value: impl Fn(usize) -> Option<Value<'a>>,
        out: &mut String,
    ) -> Result<(), PrintfError> {
        let (mut next, mut last) = (0, None);
        for piece in &self.pieces {
            let conversion = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Conversion(conversion) => conversion,
            };
            match conversion.letter {
                'n' => out.push('\n'),
                '%' => conversion.pad("%", out)?,
                _ => {
                    let index = match conversion.which {
                        Which::Next => {
                            next += 1;
                            next - 1
                        }
                        Which::Same => last.ok_or(PrintfError::Missing(1))?,
                        Which::Numbered(number) => {
                            number.checked_sub(1).ok_or(PrintfError::Missing(number))?
                        }
                    };
                    last = Some(index);
                    let value = value(index).ok_or(PrintfError::Missing(index + 1))?;
                    conversion.write(&value, out)?;
                }
            }
        }
        Ok(())
    }
}

fn digits(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = chars.peek().and_then(|next| next.to_digit(10)) {
        number = Some(number.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit as usize));
        chars.next();
    }
    number
}

impl Conversion {
    /// After the percent sign; `None` where the format ends too soon.
    fn read(chars: &mut Peekable<Chars<'_>>) -> Option<Result<Conversion, PrintfError>> {
        let mut conversion = Conversion::default();
        // A number is the argument's if a dollar sign follows, else the width, before which there are no flags.
        let mut ahead = chars.clone();
        if ahead.peek().is_some_and(|&first| first != '0')
            && let Some(number) = digits(&mut ahead)
            && ahead.next() == Some('$')
        {
            conversion.which = Which::Numbered(number);
            *chars = ahead;
        } else if chars.next_if_eq(&'<').is_some() {
            conversion.which = Which::Same;
        }
        while let Some(flag) = chars.next_if(|next| "-#+ 0,(".contains(*next)) {
            let flags = &mut conversion.flags;
            match flag {
                '-' => flags.left = true,
                '#' => flags.alternate = true,
                '+' => flags.plus = true,
                ' ' => flags.blank = true,
                '0' => flags.zeros = true,
                ',' => flags.commas = true,
                _ => flags.parentheses = true,
            }
        }
        conversion.width = digits(chars).unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            conversion.precision = Some(digits(chars)?);
        }
        let letter = chars.next()?;
        conversion.letter = letter.to_ascii_lowercase();
        conversion.upper = letter.is_ascii_uppercase();
        let known = match conversion.upper {
            true => "BHSCXEGA",
            false => "bhscdxofegan%",
        };
        Some(if known.contains(letter) { Ok(conversion) } else { Err(PrintfError::Conversion(letter)) })
    }

    fn write(&self, value: &Value<'_>, out: &mut String) -> Result<(), PrintfError> {
        let text = match (self.letter, value) {
            ('b', Value::Boolean(truth)) => self.cut(&truth.to_string()).to_owned(),
            ('b', value) => self.cut(if matches!(value, Value::Null) { "false" } else { "true" }).to_owned(),
            (_, Value::Null) => self.cut("null").to_owned(),
            ('s', value) => self.cut(&number::plain(value)).to_owned(),
            ('h', value) => self.cut(&format!("{:x}", number::hash(value))).to_owned(),
            ('c', Value::Whole(code, 8 | 16 | 32)) => {
                let letter = u32::try_from(*code).ok().and_then(char::from_u32);
                letter.ok_or_else(|| self.mismatch(value))?.to_string()
            }
            _ => number::written(self, value)?,
        };
        self.pad(&if self.upper { text.to_uppercase() } else { text }, out)
    }

    pub(super) fn mismatch(&self, value: &Value<'_>) -> PrintfError {
        PrintfError::Mismatch { conversion: self.letter, value: number::plain(value).into_owned() }
    }

    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.precision.and_then(|precision| text.char_indices().nth(precision));
        end.map_or(text, |(end, _)| &text[..end])
    }

    fn pad(&self, text: &str, out: &mut String) -> Result<(), PrintfError> {
        let width = self.width;
        match self.flags.left {
            true => write!(out, "{text:<width$}")?,
            false => write!(out, "{text:>width$}")?,
        }
        Ok(())
    }
}
