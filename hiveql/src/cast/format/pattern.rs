//! The datetime patterns of SQL:2016 as Hive extends them, taken apart: `YYYY-MM-DD HH24:MI:SS.FF`.

/// Longer patterns are refused.
const LENGTH_MAX: usize = 100;
const SEPARATORS: &str = "-:. /;',";
const FRACTION_DIGITS_MAX: usize = 9;

/// What a pattern prints or reads, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub items: Vec<Item>,
    /// FX: what is read must have all its zeros and just these separators.
    pub exact: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// `fill` says that FM stands before it: nothing is padded.
    Element { element: Element, fill: bool },
    /// Neighbours are one.
    Separator(String),
    /// T or Z.
    Delimiter(char),
    /// Between double quotes.
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Number(Field, usize),
    Name {
        name: Name,
        case: Case,
    },
    /// So many digits, or as many as there are.
    Fraction(Option<usize>),
    Meridiem {
        dots: bool,
        upper: bool,
    },
    ZoneHour,
    ZoneMinute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    RoundYear,
    IsoYear,
    Month,
    Day,
    DayOfYear,
    Weekday,
    Quarter,
    WeekOfYear,
    WeekOfMonth,
    IsoWeek,
    IsoDay,
    HalfDayHour,
    Hour,
    Minute,
    Second,
    SecondOfDay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Month,
    ShortMonth,
    Day,
    ShortDay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

/// Modifiers stand among the elements in a pattern.
enum Word {
    Element(Element),
    Fill,
    Exact,
}

impl Pattern {
    /// `None` for what Hive calls a bad pattern.
    pub fn compile(text: &str) -> Option<Pattern> {
        if text.chars().count() >= LENGTH_MAX {
            return None;
        }
        let mut pattern = Pattern { items: Vec::new(), exact: false };
        let mut fill = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = longest_word(rest);
            if fill && !matches!(word, Some((Word::Element(element), _)) if !element.is_zone()) {
                return None;
            }
            let length = match (word, first) {
                (Some((Word::Element(element), length)), _) => {
                    pattern.items.push(Item::Element { element, fill });
                    fill = false;
                    length
                }
                (Some((Word::Fill, length)), _) => {
                    fill = true;
                    length
                }
                (Some((Word::Exact, length)), _) => {
                    pattern.exact = true;
                    length
                }
                (None, '"') => {
                    let (literal, length) = quoted(rest)?;
                    pattern.items.push(Item::Text(literal));
                    length
                }
                (None, 'T' | 't' | 'Z' | 'z') => {
                    pattern.items.push(Item::Delimiter(first.to_ascii_uppercase()));
                    1
                }
                (None, separator) if SEPARATORS.contains(separator) => {
                    pattern.push_separator(separator);
                    1
                }
                _ => return None,
            };
            rest = &rest[length..];
        }
        (!fill).then_some(pattern)
    }

    fn push_separator(&mut self, separator: char) {
        match self.items.last_mut() {
            Some(Item::Separator(before)) => before.push(separator),
            _ => self.items.push(Item::Separator(separator.to_string())),
        }
    }
}

impl Element {
    pub fn is_zone(self) -> bool {
        matches!(self, Element::ZoneHour | Element::ZoneMinute)
    }
}

pub(super) fn is_separator(letter: char) -> bool {
    SEPARATORS.contains(letter)
}

/// The longest word of patterns that the text starts with, and its length.
fn longest_word(text: &str) -> Option<(Word, usize)> {
    const LONGEST: usize = 5;
    (1..=LONGEST).rev().find_map(|length| Some((word(text.get(..length)?)?, length)))
}

fn word(text: &str) -> Option<Word> {
    let number = |field| Some(Word::Element(Element::Number(field, text.len())));
    let two = |field| Some(Word::Element(Element::Number(field, 2)));
    let name = |name| Some(Word::Element(Element::Name { name, case: Case::of(text) }));
    let element = |element| Some(Word::Element(element));
    match text.to_ascii_lowercase().as_str() {
        "yyyy" | "yyy" | "yy" | "y" => number(Field::Year),
        "rrrr" | "rr" => number(Field::RoundYear),
        "iyyy" | "iyy" | "iy" | "i" => number(Field::IsoYear),
        "mm" => number(Field::Month),
        "dd" => number(Field::Day),
        "ddd" => number(Field::DayOfYear),
        "d" => number(Field::Weekday),
        "q" => number(Field::Quarter),
        "ww" => number(Field::WeekOfYear),
        "w" => number(Field::WeekOfMonth),
        "iw" => number(Field::IsoWeek),
        "id" => number(Field::IsoDay),
        "hh" | "hh12" => two(Field::HalfDayHour),
        "hh24" => two(Field::Hour),
        "mi" => number(Field::Minute),
        "ss" => number(Field::Second),
        "sssss" => number(Field::SecondOfDay),
        "month" => name(Name::Month),
        "mon" => name(Name::ShortMonth),
        "day" => name(Name::Day),
        "dy" => name(Name::ShortDay),
        "am" | "pm" | "a.m." | "p.m." => {
            let upper = text.starts_with(['A', 'P']);
            element(Element::Meridiem { dots: text.contains('.'), upper })
        }
        "tzh" => element(Element::ZoneHour),
        "tzm" => element(Element::ZoneMinute),
        "fm" => Some(Word::Fill),
        "fx" => Some(Word::Exact),
        "ff" => element(Element::Fraction(None)),
        fraction => {
            let digits = fraction.strip_prefix("ff")?.parse().ok()?;
            let known = (1..=FRACTION_DIGITS_MAX).contains(&digits) && fraction.len() == 3;
            known.then_some(Word::Element(Element::Fraction(Some(digits))))
        }
    }
}

impl Case {
    /// The first two letters say it.
    fn of(text: &str) -> Case {
        let mut letters = text.chars().map(|letter| letter.is_ascii_uppercase());
        match (letters.next(), letters.next()) {
            (Some(true), Some(true)) => Case::Upper,
            (Some(true), _) => Case::Title,
            _ => Case::Lower,
        }
    }
}

/// The text between double quotes, and its length with them. A backslash takes the next letter as it is.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut literal = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((literal, at + 1)),
            '\\' => literal.push(letters.next()?.1),
            letter => literal.push(letter),
        }
    }
    None
}
