//! Java's regular expressions rewritten in the syntax of the crates `regex` and `fancy-regex`.
//!
//! What differs is written out: `\d`, `\w` and `\s` know ASCII alone, letters without regard to case are ASCII too unless
//! told otherwise, a dot stops at five kinds of line ends, and `$` matches before the last of them.

mod class;
mod escape;

use std::{iter::Peekable, str::Chars};

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    #[error("a {0} is not closed")]
    Unclosed(&'static str),
    #[error("there is no escape \\{0}")]
    Escape(char),
    #[error("the pattern ends in a backslash")]
    Backslash,
    #[error("a repetition {{...}} needs numbers")]
    Repetition,
    #[error("there is no character class {0}")]
    Property(String),
    #[error("there is no flag {0}")]
    Flag(char),
    #[error("{0:x} is no character")]
    Character(u32),
    #[error("{0}")]
    Syntax(String),
}

/// A pattern in the other syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub pattern: String,
    /// It has look-around, back references or the like, which only backtracking can match.
    pub backtracks: bool,
    /// It asks for the end of the text, which for Java is also before a line end that ends it.
    pub asks_for_end: bool,
}

/// `line_end` says that the text ends in a line end; without it `$` is the very end, which is quick to find.
pub(super) fn rewrite(pattern: &str, line_end: bool) -> Result<Rewritten, PatternError> {
    let mut rewriter = Rewriter {
        chars: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        flags: Flags::default(),
        outer: Vec::new(),
        groups: 0,
        backtracks: false,
        asks_for_end: false,
        line_end,
    };
    rewriter.all()?;
    let Rewriter { out, backtracks, asks_for_end, .. } = rewriter;
    Ok(Rewritten { pattern: out, backtracks, asks_for_end })
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    unicode_case: bool,
    many_lines: bool,
    dot_all: bool,
    comments: bool,
    unix_lines: bool,
}

struct Rewriter<'p> {
    chars: Peekable<Chars<'p>>,
    out: String,
    flags: Flags,
    /// The flags outside of each open group.
    outer: Vec<Flags>,
    groups: u32,
    backtracks: bool,
    asks_for_end: bool,
    line_end: bool,
}

const NOT_LINE_END: &str = r"[^\n\r\x{85}\x{2028}\x{2029}]";
const END: &str = r"(?:\z|(?=\r\n\z)|(?<!\r)(?=\n\z)|(?=[\r\x{85}\x{2028}\x{2029}]\z))";
const START_OF_LINE: &str = r"(?:\A|(?:(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n))(?!\z))";
const END_OF_LINE: &str = r"(?:\z|(?=[\r\x{85}\x{2028}\x{2029}])|(?<!\r)(?=\n))";

impl Rewriter<'_> {
    fn all(&mut self) -> Result<(), PatternError> {
        while let Some(letter) = self.chars.next() {
            match letter {
                '\\' => self.escape()?,
                '[' => {
                    let class = self.class()?;
                    self.push_class(&class);
                }
                '(' => self.open()?,
                ')' => {
                    self.flags = self.outer.pop().unwrap_or(self.flags);
                    self.out.push(')');
                }
                '.' => self.out.push_str(match self.flags {
                    Flags { dot_all: true, .. } => "(?s:.)",
                    Flags { unix_lines: true, .. } => r"[^\n]",
                    _ => NOT_LINE_END,
                }),
                '^' if self.flags.many_lines => self.looking_around(START_OF_LINE),
                '^' => self.out.push_str(r"\A"),
                '$' if self.flags.many_lines => self.looking_around(END_OF_LINE),
                '$' => self.end(),
                '*' | '+' | '?' => self.quantifier(letter),
                '{' => self.repetition()?,
                '|' => self.out.push('|'),
                _ if self.flags.comments && letter.is_ascii_whitespace() => {}
                '#' if self.flags.comments => {
                    self.chars.by_ref().find(|&letter| letter == '\n');
                }
                _ => self.literal(letter),
            }
        }
        if self.outer.is_empty() { Ok(()) } else { Err(PatternError::Unclosed("group")) }
    }

    fn looking_around(&mut self, what: &str) {
        self.backtracks = true;
        self.out.push_str(what);
    }

    fn end(&mut self) {
        self.asks_for_end = true;
        if self.line_end {
            self.looking_around(END);
        } else {
            self.out.push_str(r"\z");
        }
    }

    /// After one of `*+?` or a repetition: a second sign makes it reluctant or possessive.
    fn quantifier(&mut self, letter: char) {
        self.out.push(letter);
        if let Some(second) = self.chars.next_if(|&next| next == '+' || next == '?') {
            self.backtracks |= second == '+';
            self.out.push(second);
        }
    }

    fn repetition(&mut self) -> Result<(), PatternError> {
        let mut counts = String::new();
        loop {
            match self.chars.next() {
                Some('}') => break,
                Some(letter) if letter.is_ascii_digit() || (letter == ',' && !counts.is_empty()) => {
                    counts.push(letter);
                }
                _ => return Err(PatternError::Repetition),
            }
        }
        if counts.is_empty() {
            return Err(PatternError::Repetition);
        }
        self.out.push('{');
        self.out.push_str(&counts);
        self.quantifier('}');
        Ok(())
    }

    /// After an opening parenthesis.
    fn open(&mut self) -> Result<(), PatternError> {
        self.outer.push(self.flags);
        self.out.push('(');
        if self.chars.next_if_eq(&'?').is_none() {
            self.groups += 1;
            return Ok(());
        }
        match self.chars.next() {
            Some(':') => self.out.push_str("?:"),
            Some(kind @ ('=' | '!' | '>')) => {
                self.backtracks = true;
                self.out.extend(['?', kind]);
            }
            Some('<') => {
                self.out.push_str("?<");
                if let Some(kind) = self.chars.next_if(|&next| next == '=' || next == '!') {
                    self.backtracks = true;
                    self.out.push(kind);
                } else {
                    self.groups += 1;
                    let name = self.until('>', "name of a group")?;
                    self.out.push_str(&name);
                    self.out.push('>');
                }
            }
            Some(flag) => self.set_flags(flag)?,
            None => return Err(PatternError::Unclosed("group")),
        }
        Ok(())
    }

    /// Flags for the rest of the group that is open, or for a group of their own.
    fn set_flags(&mut self, first: char) -> Result<(), PatternError> {
        let (mut on, mut next) = (true, Some(first));
        loop {
            match next {
                Some('-') => on = false,
                Some('i') => self.flags.ignore_case = on,
                Some('u' | 'U') => self.flags.unicode_case = on,
                Some('m') => self.flags.many_lines = on,
                Some('s') => self.flags.dot_all = on,
                Some('x') => self.flags.comments = on,
                Some('d') => self.flags.unix_lines = on,
                Some(':') => {
                    self.out.push_str("?:");
                    return Ok(());
                }
                Some(')') => {
                    // They hold on in the group around, which stays open.
                    self.outer.pop();
                    self.out.push_str("?:)");
                    return Ok(());
                }
                Some(other) => return Err(PatternError::Flag(other)),
                None => return Err(PatternError::Unclosed("group")),
            }
            next = self.chars.next();
        }
    }

    fn until(&mut self, end: char, what: &'static str) -> Result<String, PatternError> {
        let mut text = String::new();
        for letter in self.chars.by_ref() {
            if letter == end {
                return Ok(text);
            }
            text.push(letter);
        }
        Err(PatternError::Unclosed(what))
    }

    fn literal(&mut self, letter: char) {
        let Flags { ignore_case, unicode_case, .. } = self.flags;
        let mut escaped = String::new();
        class::push_escaped(letter, &mut escaped);
        if ignore_case && unicode_case && letter.is_alphabetic() {
            self.out.push_str(&format!("(?i:{escaped})"));
        } else if ignore_case && letter.is_ascii_alphabetic() {
            self.out.extend(['[', letter.to_ascii_lowercase(), letter.to_ascii_uppercase(), ']']);
        } else {
            self.out.push_str(&escaped);
        }
    }

    fn push_class(&mut self, class: &str) {
        if self.flags.ignore_case && self.flags.unicode_case {
            self.out.push_str(&format!("(?i:{class})"));
        } else {
            self.out.push_str(class);
        }
    }
}
