//! Tokens of HiveQL.
//!
//! Strings come with their escapes resolved; every token says where it stood, so that a parser can slice the text again.

use super::{ast::Span, error::SyntaxError};

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A bare word: a keyword or a name.
    Word(String),
    /// `` `a name` ``
    Quoted(String),
    String(String),
    /// Digits with what belongs to them, as written, and the letters that followed.
    Number {
        digits: String,
        suffix: String,
    },
    /// An operator or a piece of punctuation.
    Symbol(&'static str),
    /// The inside of `/*+ ... */`.
    Hint(String),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Spanned {
    pub token: Token,
    pub span: Span,
}

/// Longest first, so that `<=>` is not read as `<=` and `>`.
const SYMBOLS: &[&str] = &[
    "<=>", "<=", ">=", "<>", "!=", "==", "||", "(", ")", "[", "]", ",", ".", ";", ":", "+", "-", "*", "/",
    "%", "=", "<", ">", "&", "|", "^", "~", "!", "?", "{", "}", "$", "@",
];

/// All tokens of a text, the last of which is [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<Spanned>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        let token = lexer.next()?;
        let is_end = token.token == Token::End;
        found.push(token);
        if is_end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Result<Spanned, SyntaxError> {
        if let Some(hint) = self.blanks()? {
            return Ok(hint);
        }
        let start = self.at;
        let token = match self.peek() {
            None => Token::End,
            Some(quote @ ('\'' | '"')) => self.string(quote)?,
            Some('`') => self.quoted()?,
            Some(first) if first.is_ascii_digit() => self.number(),
            Some('.') if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            Some('_') if let Some(text) = self.in_charset()? => Token::String(text),
            Some(first) if is_name_start(first) => {
                let word = self.take_while(is_name_part);
                Token::Word(word)
            }
            Some(other) => {
                let symbol = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol));
                let Some(symbol) = symbol else {
                    return Err(SyntaxError::character(other, Span::new(start, start + other.len_utf8())));
                };
                self.at += symbol.len();
                Token::Symbol(symbol)
            }
        };
        Ok(Spanned { token, span: Span::new(start, self.at) })
    }

    /// Skips blanks and comments; a hint is a token.
    fn blanks(&mut self) -> Result<Option<Spanned>, SyntaxError> {
        loop {
            let start = self.at;
            let rest = self.rest();
            if let Some(first) =
                rest.chars().next().filter(|first| first.is_whitespace() || *first == '\u{feff}')
            {
                self.at += first.len_utf8();
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(SyntaxError::unended("a comment", Span::new(start, self.text.len())));
                };
                let inside = rest[2..end].strip_prefix('+').map(str::to_owned);
                self.at += end + 2;
                if let Some(hint) = inside {
                    return Ok(Some(Spanned { token: Token::Hint(hint), span: Span::new(start, self.at) }));
                }
            } else {
                return Ok(None);
            }
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let len = rest.find(|character| !belongs(character)).unwrap_or(rest.len());
        let taken = rest[..len].to_owned();
        self.at += len;
        taken
    }

    fn string(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let start = self.at;
        let mut escaped = false;
        let body = self.text[start + 1..].char_indices().find(|(_, character)| {
            let ends = *character == quote && !escaped;
            escaped = *character == '\\' && !escaped;
            ends
        });
        let Some((len, _)) = body else {
            return Err(SyntaxError::unended("a string", Span::new(start, self.text.len())));
        };
        let inside = &self.text[start + 1..start + 1 + len];
        self.at = start + len + 2;
        Ok(Token::String(unescape(inside)))
    }

    /// `_UTF-8 0xE982B5`, `_ISO-8859-1 'text'`: bytes in a character set that is named before them.
    fn in_charset(&mut self) -> Result<Option<String>, SyntaxError> {
        let text = self.text;
        let rest = &text[self.at..];
        let is_part = |part: char| part.is_ascii_alphanumeric() || "-_.:".contains(part);
        let name_end = rest.find(|part| !is_part(part)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let Some(charset) = encoding_rs::Encoding::for_label(&name.as_bytes()[1..]) else { return Ok(None) };
        let literal = after.trim_start();
        let start = text.len() - literal.len();
        let bytes = match literal.get(..2) {
            Some("0x" | "0X") => {
                let digits = literal[2..].find(|digit: char| !digit.is_ascii_hexdigit());
                let digits = &literal[2..digits.map_or(literal.len(), |end| end + 2)];
                self.at = start + 2 + digits.len();
                let pairs =
                    digits.as_bytes().chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
                pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
            }
            Some(two) if two.starts_with(['\'', '"']) => {
                let quote = if two.starts_with('"') { '"' } else { '\'' };
                self.at = start;
                match self.string(quote)? {
                    Token::String(text) => text.into_bytes(),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(charset.decode_without_bom_handling(&bytes).0.into_owned()))
    }

    /// Two back-quotes stand for one.
    fn quoted(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let mut name = String::new();
        self.at += 1;
        loop {
            name.push_str(&self.take_while(|character| character != '`'));
            if self.rest().starts_with("``") {
                name.push('`');
                self.at += 2;
            } else if self.rest().starts_with('`') {
                self.at += 1;
                return Ok(Token::Quoted(name));
            } else {
                return Err(SyntaxError::unended("a quoted name", Span::new(start, self.text.len())));
            }
        }
    }

    /// Digits, a point, an exponent. Letters that follow are a suffix, or make a name of it all (`1a`).
    fn number(&mut self) -> Token {
        let mut digits = self.take_while(|character| character.is_ascii_digit());
        let whole = digits.clone();
        if self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.at += 1;
            digits.push('.');
            digits.push_str(&self.take_while(|character| character.is_ascii_digit()));
        }
        if let Some(exponent) = self.exponent() {
            digits.push_str(&exponent);
        }
        let suffix = self.take_while(is_name_part);
        let is_name = digits == whole && !suffix.is_empty() && !is_suffix(&suffix);
        if is_name { Token::Word(format!("{digits}{suffix}")) } else { Token::Number { digits, suffix } }
    }

    fn exponent(&mut self) -> Option<String> {
        let rest = self.rest();
        let after = rest.strip_prefix(['e', 'E'])?;
        let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
        let count = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let next = unsigned[count..].chars().next();
        let ends = next.is_none_or(|next| !is_name_part(next) || is_suffix(next.encode_utf8(&mut [0; 4])));
        if count == 0 || !ends {
            return None;
        }
        let len = rest.len() - unsigned.len() + count;
        let exponent = rest[..len].to_owned();
        self.at += len;
        Some(exponent)
    }
}

/// What may follow digits and leave them a number: a type, or a size of TABLESAMPLE.
fn is_suffix(letters: &str) -> bool {
    matches!(
        letters.to_ascii_uppercase().as_str(),
        "Y" | "S" | "L" | "BD" | "D" | "F" | "B" | "K" | "M" | "G"
    )
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Resolves the escapes of a string as Hive does. `\%` and `\_` keep their backslash for LIKE.
pub fn unescape(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (character, len) = escape(rest);
        match character {
            Some(character) => text.push(character),
            None => text.push('\\'),
        }
        rest = &rest[len..];
    }
    text.push_str(rest);
    text
}

/// What follows a backslash: the character meant and how many bytes it took; `None` where the backslash itself is meant.
fn escape(rest: &str) -> (Option<char>, usize) {
    if let Some(code) = rest.strip_prefix('u').and_then(|hex| hex.get(..4))
        && let Some(character) = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)
    {
        return (Some(character), 5);
    }
    if let Some(code) = rest.get(..3).filter(|code| code.bytes().all(|digit| (b'0'..=b'7').contains(&digit)))
        && let Some(character) =
            u32::from_str_radix(code, 8).ok().filter(|code| *code < 256).and_then(char::from_u32)
    {
        return (Some(character), 3);
    }
    match rest.chars().next() {
        None => (None, 0),
        Some('0') => (Some('\0'), 1),
        Some('b') => (Some('\u{8}'), 1),
        Some('n') => (Some('\n'), 1),
        Some('r') => (Some('\r'), 1),
        Some('t') => (Some('\t'), 1),
        Some('Z') => (Some('\u{1a}'), 1),
        // The backslash stays, and so does what it protects.
        Some('%' | '_') => (None, 0),
        Some(other) => (Some(other), other.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        let mut tokens: Vec<_> = tokens(text).unwrap().into_iter().map(|token| token.token).collect();
        assert_eq!(tokens.pop(), Some(Token::End));
        tokens
    }

    #[test]
    fn words_numbers_and_symbols_are_told_apart() {
        let word = |text: &str| Token::Word(text.to_owned());
        let number =
            |digits: &str, suffix: &str| Token::Number { digits: digits.into(), suffix: suffix.into() };
        assert_eq!(kinds("a1 1a 10L"), [word("a1"), word("1a"), number("10", "L")]);
        assert_eq!(
            kinds("1.5e-3 .5 2. 7BD"),
            [number("1.5e-3", ""), number(".5", ""), number("2.", ""), number("7", "BD")]
        );
        assert_eq!(kinds("a<=>b"), [word("a"), Token::Symbol("<=>"), word("b")]);
        assert_eq!(kinds("`a ``b`"), [Token::Quoted("a `b".into())]);
    }

    #[test]
    fn strings_may_come_in_another_character_set() {
        let string = |text: &str| Token::String(text.to_owned());
        assert_eq!(kinds("_UTF-8 0xE982B5E993AE"), [string("\u{90b5}\u{94ee}")]);
        assert_eq!(
            kinds("_iso-8859-1\n0Xe4, _utf-8 'x'"),
            [string("\u{e4}"), Token::Symbol(","), string("x")]
        );
        assert_eq!(kinds("_utf _x"), [Token::Word("_utf".into()), Token::Word("_x".into())]);
    }

    #[test]
    fn comments_are_skipped_and_hints_are_kept() {
        assert_eq!(kinds("-- a\n/* b */ x"), [Token::Word("x".into())]);
        assert_eq!(kinds("/*+ MAPJOIN(a) */"), [Token::Hint(" MAPJOIN(a) ".into())]);
    }

    #[test]
    fn escapes_are_those_of_hive() {
        let cases = [
            (r"a\tb", "a\tb"),
            (r"\001", "\u{1}"),
            (r"\u0041", "A"),
            (r"\%\_", r"\%\_"),
            (r"\\", r"\"),
            (r"\'", "'"),
            (r"\q", "q"),
        ];
        for (written, meant) in cases {
            assert_eq!(unescape(written), meant, "{written}");
        }
    }

    #[test]
    fn what_does_not_end_is_an_error_with_its_place() {
        for (text, start) in [("x 'abc", 2), ("`a", 0), ("a /* b", 2)] {
            assert_eq!(tokens(text).unwrap_err().span.start, start, "{text}");
        }
    }
}
