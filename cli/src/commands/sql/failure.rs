//! A failed statement on the screen: Hive's own line first, for programs that look for it; then where it went wrong, and what
//! may help.

use skep_hiveql::syntax::{ast::Span, position};
use std::{
    borrow::Cow,
    io::{self, Write},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of the screen that the parts of an excerpt take at most.
const BEFORE_COLUMNS: usize = 72;
const MARKED_COLUMNS: usize = 96;
const AFTER_COLUMNS: usize = 40;
const CUT: &str = "...";
const TAB: &str = "    ";

/// The place in a script that an error is about.
pub struct Excerpt<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub span: Span,
}

pub fn write(
    message: &str,
    excerpt: Option<&Excerpt<'_>>,
    hints: &[String],
    err: &mut dyn Write,
) -> io::Result<()> {
    writeln!(err, "FAILED: {}", message.trim_end())?;
    if let Some(excerpt) = excerpt {
        write_excerpt(excerpt, err)?;
    }
    hints.iter().try_for_each(|hint| writeln!(err, "  = {hint}"))
}

fn write_excerpt(excerpt: &Excerpt<'_>, err: &mut dyn Write) -> io::Result<()> {
    let Excerpt { name, text, span } = excerpt;
    let (line, column) = position(text, span.start);
    let parts = Parts::of(text, *span);
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let carets = "^".repeat(parts.marked.width().max(1));
    writeln!(err, "{gutter}--> {name}:{line}:{column}")?;
    writeln!(err, "{gutter} |")?;
    writeln!(err, "{number} | {}{}{}", parts.before, parts.marked, parts.after)?;
    writeln!(err, "{gutter} | {}{carets}", " ".repeat(parts.before.width()))
}

/// The line of a place, cut where it is long: what stands before, the place itself, what follows.
struct Parts {
    before: String,
    marked: String,
    after: String,
}

impl Parts {
    fn of(text: &str, span: Span) -> Parts {
        let start = boundary(text, span.start);
        let end = boundary(text, span.end).max(start);
        let (head, rest) = text.split_at(start);
        let line_start = head.rfind('\n').map_or(0, |end| end + 1);
        let line_end = rest.find('\n').map_or(text.len(), |end| start + end);
        let end = end.min(line_end);
        let part = |from: usize, to: usize| plain(text.get(from..to).unwrap_or_default());
        Parts {
            before: last_columns(&part(line_start, start), BEFORE_COLUMNS),
            marked: first_columns(&part(start, end), MARKED_COLUMNS),
            after: first_columns(&part(end, line_end), AFTER_COLUMNS),
        }
    }
}

fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Without characters that move the cursor by an amount that cannot be known.
fn plain(text: &str) -> String {
    text.trim_end_matches('\r')
        .chars()
        .map(|character| match character {
            '\t' => Cow::Borrowed(TAB),
            control if control.is_control() => Cow::Borrowed("\u{fffd}"),
            other => Cow::Owned(other.to_string()),
        })
        .collect()
}

fn first_columns(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept: String = fitting(text.chars(), most - CUT.len()).collect();
    kept.push_str(CUT);
    kept
}

fn last_columns(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let backwards: Vec<char> = fitting(text.chars().rev(), most - CUT.len()).collect();
    CUT.chars().chain(backwards.into_iter().rev()).collect()
}

fn fitting(characters: impl Iterator<Item = char>, columns: usize) -> impl Iterator<Item = char> {
    characters
        .scan(0, |taken, character| {
            *taken += character.width().unwrap_or(0);
            Some((*taken, character))
        })
        .take_while(move |(taken, _)| *taken <= columns)
        .map(|(_, character)| character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marked: &str, hints: &[&str]) -> String {
        let start = text.find(marked).unwrap();
        let excerpt = Excerpt { name: "a.hql", text, span: Span::new(start, start + marked.len()) };
        let hints: Vec<String> = hints.iter().map(|hint| (*hint).to_owned()).collect();
        let mut out = Vec::new();
        write(
            "SemanticException [Error 10001]: Line 1:14 Table not found 'x'",
            Some(&excerpt),
            &hints,
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_shows_its_line_with_carets_and_what_may_help() {
        assert_eq!(
            shown("select 1;\n\nselect *\n  from events e\n  where a", "events", &["did you mean `event`?"]),
            "FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'x'\n \
             --> a.hql:4:8\n  |\n4 |   from events e\n  |        ^^^^^^\n  = did you mean `event`?\n"
        );
    }

    #[test]
    fn carets_stand_under_wide_characters_and_behind_tabs() {
        let text = shown("\tselect '日本' , größe", "größe", &[]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], " --> a.hql:1:16");
        assert_eq!(lines[3], "1 |     select '日本' , größe");
        assert_eq!(lines[4], format!("  | {}^^^^^", " ".repeat(20)));
    }

    #[test]
    fn of_several_lines_the_first_is_marked() {
        let text = shown("select (\n 1\n)", "(\n 1\n)", &[]);
        assert!(text.ends_with("1 | select (\n  |        ^\n"), "{text}");
    }

    #[test]
    fn the_end_of_the_text_has_a_caret_too() {
        let mut out = Vec::new();
        let excerpt = Excerpt { name: "-e", text: "select", span: Span::new(6, 6) };
        write("ParseException line 1:6 x", Some(&excerpt), &[], &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("1 | select\n  |       ^\n"));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("select {}, wrong, {}", "a".repeat(500), "b".repeat(500));
        let text = shown(&line, "wrong", &[]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[3].starts_with("1 | ...aaa") && lines[3].ends_with("bbb..."), "{text}");
        assert!(lines[3].len() < 140, "{text}");
        assert_eq!(lines[3].find("wrong"), lines[4].find('^'), "{text}");
    }

    #[test]
    fn an_error_without_a_place_is_one_line() {
        let mut out = Vec::new();
        write("Execution Error: disk full\n", None, &[], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "FAILED: Execution Error: disk full\n");
    }
}
