//! What a backslash begins.

use super::{PatternError, Rewriter, class::Member};

impl Rewriter<'_> {
    /// After a backslash outside of a class.
    pub(super) fn escape(&mut self) -> Result<(), PatternError> {
        let letter = self.chars.next().ok_or(PatternError::Backslash)?;
        match letter {
            'b' | 'B' | 'A' | 'z' => self.out.extend(['\\', letter]),
            'Z' => self.end(),
            'G' => self.looking_around(r"\G"),
            'R' => self.out.push_str(r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])"),
            'Q' => {
                for letter in self.quoted() {
                    self.literal(letter);
                }
            }
            'E' => {}
            '1'..='9' => self.back_reference(letter),
            'k' => {
                self.chars.next_if_eq(&'<').ok_or(PatternError::Escape('k'))?;
                let name = self.until('>', "name of a group")?;
                self.looking_around(&format!(r"\k<{name}>"));
            }
            _ => match self.member(letter)? {
                Member::Letter(letter) => self.literal(letter),
                Member::Set(set) => self.push_class(&format!("[{set}]")),
            },
        }
        Ok(())
    }

    /// As many digits as still name a group.
    fn back_reference(&mut self, first: char) {
        let mut group = u32::from(first) - u32::from('0');
        while let Some(digit) = self.chars.peek().and_then(|next| next.to_digit(10)) {
            let longer = group.saturating_mul(10).saturating_add(digit);
            if longer > self.groups {
                break;
            }
            group = longer;
            self.chars.next();
        }
        self.looking_around(&format!(r"(?:\{group})"));
    }

    /// The letters up to `\E` or the end of the pattern.
    pub(super) fn quoted(&mut self) -> Vec<char> {
        let mut letters = Vec::new();
        while let Some(letter) = self.chars.next() {
            if letter == '\\' && self.chars.next_if_eq(&'E').is_some() {
                break;
            }
            letters.push(letter);
        }
        letters
    }

    /// What stands for a letter or a set of them, after the backslash.
    pub(super) fn member(&mut self, letter: char) -> Result<Member, PatternError> {
        let set = |set: &str| Ok(Member::Set(set.to_owned()));
        match letter {
            'd' => set("0-9"),
            'D' => set("[^0-9]"),
            'w' => set("a-zA-Z0-9_"),
            'W' => set("[^a-zA-Z0-9_]"),
            's' => set(r"\x20\t\n\x0B\f\r"),
            'S' => set(r"[^\x20\t\n\x0B\f\r]"),
            'h' => set(r"\x20\t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}"),
            'H' => set(r"[^\x20\t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"),
            'v' => set(r"\n\x0B\f\r\x{85}\x{2028}\x{2029}"),
            'V' => set(r"[^\n\x0B\f\r\x{85}\x{2028}\x{2029}]"),
            'p' | 'P' => Ok(Member::Set(self.property(letter == 'P')?)),
            _ => Ok(Member::Letter(self.letter(letter)?)),
        }
    }

    fn letter(&mut self, letter: char) -> Result<char, PatternError> {
        let code = match letter {
            't' => return Ok('\t'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            'f' => return Ok('\u{c}'),
            'a' => return Ok('\u{7}'),
            'e' => return Ok('\u{1b}'),
            'c' => u32::from(self.chars.next().ok_or(PatternError::Backslash)?) ^ 64,
            '0' => self.octal()?,
            'x' if self.chars.next_if_eq(&'{').is_some() => {
                let digits = self.until('}', "number of a character")?;
                u32::from_str_radix(&digits, 16).map_err(|_| PatternError::Escape('x'))?
            }
            'x' => self.hexadecimal('x', 2)?,
            'u' => self.utf16()?,
            _ if letter.is_ascii_alphabetic() => return Err(PatternError::Escape(letter)),
            _ => return Ok(letter),
        };
        char::from_u32(code).ok_or(PatternError::Character(code))
    }

    fn hexadecimal(&mut self, escape: char, digits: usize) -> Result<u32, PatternError> {
        (0..digits).try_fold(0, |code, _| {
            let digit = self.chars.next().and_then(|digit| digit.to_digit(16));
            Ok(code * 16 + digit.ok_or(PatternError::Escape(escape))?)
        })
    }

    /// A character beyond the first 65536 is written as two.
    fn utf16(&mut self) -> Result<u32, PatternError> {
        let high = self.hexadecimal('u', 4)?;
        let mut ahead = self.chars.clone();
        if (0xd800..0xdc00).contains(&high) && ahead.next() == Some('\\') && ahead.next() == Some('u') {
            self.chars.nth(1);
            let low = self.hexadecimal('u', 4)?;
            return Ok(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff));
        }
        Ok(high)
    }

    /// One to three digits, up to 377.
    fn octal(&mut self) -> Result<u32, PatternError> {
        let mut code = None;
        for _ in 0..3 {
            let Some(digit) = self.chars.peek().and_then(|next| next.to_digit(8)) else { break };
            let longer = code.unwrap_or(0) * 8 + digit;
            if longer > 0o377 {
                break;
            }
            code = Some(longer);
            self.chars.next();
        }
        code.ok_or(PatternError::Escape('0'))
    }

    /// After `\p` or `\P`.
    fn property(&mut self, negated: bool) -> Result<String, PatternError> {
        let name = match self.chars.next() {
            Some('{') => self.until('}', "name of a character class")?,
            Some(letter) => letter.to_string(),
            None => return Err(PatternError::Backslash),
        };
        let set = match name.as_str() {
            "Lower" => "a-z",
            "Upper" => "A-Z",
            "ASCII" => r"\x00-\x7f",
            "Alpha" => "a-zA-Z",
            "Digit" => "0-9",
            "Alnum" => "a-zA-Z0-9",
            "Punct" => r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
            "Graph" => r"\x21-\x7e",
            "Print" => r"\x20-\x7e",
            "Blank" => r"\x20\t",
            "Cntrl" => r"\x00-\x1f\x7f",
            "XDigit" => "0-9a-fA-F",
            "Space" => r"\x20\t\n\x0B\f\r",
            "L1" => r"\x00-\x{ff}",
            "all" => r"\x00-\x{10ffff}",
            "javaLowerCase" => r"\p{Lowercase}",
            "javaUpperCase" => r"\p{Uppercase}",
            "javaLetter" | "javaAlphabetic" => r"\p{L}",
            "javaDigit" => r"\p{Nd}",
            "javaLetterOrDigit" => r"\p{L}\p{Nd}",
            "javaWhitespace" => r"\p{White_Space}",
            _ => return known_property(&name, negated),
        };
        Ok(if negated { format!("[^{set}]") } else { set.to_owned() })
    }
}

/// Categories and scripts go by the same names, which Java may put after `Is` or an equals sign.
fn known_property(name: &str, negated: bool) -> Result<String, PatternError> {
    let value = name.rsplit_once('=').map_or(name, |(_, value)| value);
    let value = value.strip_prefix("Is").unwrap_or(value);
    if value.is_empty() || !value.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Err(PatternError::Property(name.to_owned()));
    }
    Ok(format!(r"\{}{{{value}}}", if negated { 'P' } else { 'p' }))
}
