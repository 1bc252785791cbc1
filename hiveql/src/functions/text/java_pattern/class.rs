//! Character classes.

use super::{PatternError, Rewriter};

/// Letters and digits as they are; all that could be a sign of the syntax as a number.
pub(super) fn push_escaped(letter: char, out: &mut String) {
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(letter)));
    } else {
        out.push(letter);
    }
}

/// One member of a class.
pub(super) enum Member {
    Letter(char),
    /// What a class within brackets may hold.
    Set(String),
}

impl Rewriter<'_> {
    /// After the opening bracket; the class with its brackets.
    pub(super) fn class(&mut self) -> Result<String, PatternError> {
        let mut class = String::from("[");
        if self.chars.next_if_eq(&'^').is_some() {
            class.push('^');
        }
        let mut first = true;
        loop {
            let letter = self.chars.next().ok_or(PatternError::Unclosed("character class"))?;
            match letter {
                ']' if !first => break,
                '[' => class.push_str(&self.class()?),
                '&' if self.chars.next_if_eq(&'&').is_some() => class.push_str("&&"),
                _ if self.flags.comments && letter.is_ascii_whitespace() => continue,
                '\\' if self.chars.next_if_eq(&'Q').is_some() => self.quoted_members(&mut class),
                _ => {
                    let member = if letter == '\\' { self.escaped_member()? } else { Member::Letter(letter) };
                    match member {
                        Member::Set(set) => class.push_str(&set),
                        Member::Letter(low) => self.range(low, &mut class)?,
                    }
                }
            }
            first = false;
        }
        class.push(']');
        Ok(class)
    }

    fn quoted_members(&mut self, class: &mut String) {
        for letter in self.quoted() {
            self.push_range(letter, letter, class);
        }
    }

    /// A letter, or a range that starts with it.
    fn range(&mut self, low: char, class: &mut String) -> Result<(), PatternError> {
        let mut ahead = self.chars.clone();
        let is_range = ahead.next() == Some('-') && !matches!(ahead.next(), None | Some(']' | '['));
        if !is_range {
            self.push_range(low, low, class);
            return Ok(());
        }
        self.chars.next();
        let high = match self.chars.next() {
            Some('\\') => match self.escaped_member()? {
                Member::Letter(high) => high,
                Member::Set(set) => {
                    self.push_range(low, low, class);
                    self.push_range('-', '-', class);
                    class.push_str(&set);
                    return Ok(());
                }
            },
            Some(high) => high,
            None => return Err(PatternError::Unclosed("character class")),
        };
        self.push_range(low, high, class);
        Ok(())
    }

    fn push_range(&self, low: char, high: char, class: &mut String) {
        let mut push = |low: char, high: char| {
            push_escaped(low, class);
            if low != high {
                class.push('-');
                push_escaped(high, class);
            }
        };
        push(low, high);
        if !self.flags.ignore_case || self.flags.unicode_case {
            return;
        }
        for (first, last) in [('a', 'z'), ('A', 'Z')] {
            let (low, high) = (low.max(first), high.min(last));
            if low <= high {
                let other = |letter: char| match letter.is_ascii_lowercase() {
                    true => letter.to_ascii_uppercase(),
                    false => letter.to_ascii_lowercase(),
                };
                push(other(low), other(high));
            }
        }
    }

    /// After a backslash in a class.
    fn escaped_member(&mut self) -> Result<Member, PatternError> {
        let letter = self.chars.next().ok_or(PatternError::Backslash)?;
        self.member(letter)
    }
}
