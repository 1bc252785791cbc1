//! The patterns of Java's `DateTimeFormatter`, taken apart.

/// What a pattern prints or reads, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Literal(String),
    /// A pattern letter and how often it stands there.
    Field(char, usize),
    /// `[...]`: printed always, read where it is there.
    Optional(Vec<Item>),
}

impl Pattern {
    /// `None` for what Java calls an illegal pattern.
    pub(crate) fn compile(text: &str) -> Option<Pattern> {
        let mut open: Vec<Vec<Item>> = vec![Vec::new()];
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (item, length) = match first {
                'a'..='z' | 'A'..='Z' => {
                    let count = rest.chars().take_while(|letter| *letter == first).count();
                    (Some(field(first, count)?), count)
                }
                '\'' => {
                    let (quoted, length) = quoted(rest)?;
                    (Some(Item::Literal(quoted)), length)
                }
                '[' => {
                    open.push(Vec::new());
                    (None, 1)
                }
                ']' => {
                    let items = open.pop().filter(|_| !open.is_empty())?;
                    (Some(Item::Optional(items)), 1)
                }
                '{' | '}' | '#' => return None,
                other => (Some(Item::Literal(other.to_string())), other.len_utf8()),
            };
            open.last_mut()?.extend(item);
            rest = &rest[length..];
        }
        // Optional parts that are still open end with the pattern.
        while open.len() > 1 {
            let items = open.pop()?;
            open.last_mut()?.push(Item::Optional(items));
        }
        Some(Pattern { items: open.pop()? })
    }
}

fn field(letter: char, count: usize) -> Option<Item> {
    let allowed = match letter {
        'u' | 'y' | 'Y' | 'A' | 'n' | 'N' => 1..=19,
        'G' | 'M' | 'L' | 'Q' | 'q' | 'E' | 'e' | 'c' | 'X' | 'x' | 'Z' => 1..=5,
        'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' | 'w' => 1..=2,
        'D' => 1..=3,
        'a' | 'W' | 'F' => 1..=1,
        'S' => 1..=9,
        'V' => 2..=2,
        'z' | 'O' => 1..=4,
        _ => return None,
    };
    allowed.contains(&count).then_some(Item::Field(letter, count))
}

/// The text between quotes, and the length with them; two quotes are one.
fn quoted(text: &str) -> Option<(String, usize)> {
    if text.starts_with("''") {
        return Some(("'".into(), 2));
    }
    let mut literal = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = chars.next() {
        match letter {
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                literal.push('\'');
                chars.next();
            }
            '\'' => return Some((literal, at + 1)),
            other => literal.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_falls_into_letters_quotes_and_optional_parts() {
        let pattern = Pattern::compile("yyyy-'T'''[ss]").unwrap();
        assert_eq!(
            pattern.items,
            vec![
                Item::Field('y', 4),
                Item::Literal("-".into()),
                Item::Literal("T'".into()),
                Item::Optional(vec![Item::Field('s', 2)]),
            ]
        );
    }

    #[test]
    fn illegal_patterns_are_refused() {
        for text in ["B", "ddd", "hhh", "'open", "]", "{", "V"] {
            assert_eq!(Pattern::compile(text), None, "{text}");
        }
    }
}
