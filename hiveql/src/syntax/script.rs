//! Scripts: where one statement ends and the next begins, by the rules of Hive's CLI.

use super::ast::Span;

/// A statement or a client command of a script.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Without the semicolon, and with `\;` already turned into `;`.
    pub text: String,
    /// Where it stands in the script, its leading blanks and comments left out.
    pub span: Span,
}

/// What the splitter is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Text,
    Quote(u8),
    Line,
    Block,
}

/// Splits at each `;` that stands outside of quotes and comments. Pieces of nothing but blanks and comments are left out.
pub fn split(script: &str) -> Vec<Piece> {
    let bytes = script.as_bytes();
    let mut pieces = Vec::new();
    let mut inside = Inside::Text;
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let taken = match (inside, byte, next) {
            (Inside::Text, b'\\', Some(_)) | (Inside::Quote(b'\'' | b'"'), b'\\', Some(_)) => 2,
            (Inside::Text, b'\'' | b'"' | b'`', _) => {
                inside = Inside::Quote(byte);
                1
            }
            (Inside::Quote(quote), _, _) if byte == quote => {
                inside = Inside::Text;
                1
            }
            // Options and wildcards of a command of the machine are no comments.
            (Inside::Text, b'-' | b'/', Some(b'-' | b'*')) if is_words(script, start, at) => 1,
            (Inside::Text, b'-', Some(b'-')) => {
                inside = Inside::Line;
                2
            }
            (Inside::Text, b'/', Some(b'*')) => {
                inside = Inside::Block;
                2
            }
            (Inside::Line, b'\n', _) => {
                inside = Inside::Text;
                1
            }
            (Inside::Block, b'*', Some(b'/')) => {
                inside = Inside::Text;
                2
            }
            (Inside::Text, b';', _) => {
                pieces.extend(piece(script, start, at));
                start = at + 1;
                1
            }
            _ => 1,
        };
        at += taken;
    }
    pieces.extend(piece(script, start, bytes.len()));
    pieces
}

/// Whether what has begun is a client command that goes on in words, not in the language.
fn is_words(script: &str, start: usize, at: usize) -> bool {
    let begun = script.get(start..at).unwrap_or_default();
    let begun = begun.get(leading_blanks(begun)..).unwrap_or_default();
    let first = begun.split_whitespace().next().unwrap_or_default();
    first.starts_with('!') || ["dfs", "add", "source"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// The piece between two places, if there is anything in it.
fn piece(script: &str, start: usize, end: usize) -> Option<Piece> {
    let whole = script.get(start..end)?;
    let skipped = leading_blanks(whole);
    let body = whole.get(skipped..)?.trim_end();
    if body.is_empty() {
        return None;
    }
    let start = start + skipped;
    Some(Piece { text: body.replace("\\;", ";"), span: Span::new(start, start + body.len()) })
}

/// Bytes of blanks and comments in front of anything else. A hint is not a comment.
fn leading_blanks(text: &str) -> usize {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches(|first: char| first.is_whitespace() || first == '\u{feff}');
        rest = if trimmed.starts_with("--") {
            trimmed.find('\n').and_then(|end| trimmed.get(end..)).unwrap_or_default()
        } else if let Some(comment) = trimmed.strip_prefix("/*").filter(|comment| !comment.starts_with('+')) {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return text.len() - trimmed.len();
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(script: &str) -> Vec<String> {
        split(script).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_outside_of_quotes_and_comments() {
        assert_eq!(texts("a; b ;\n\nc"), ["a", "b", "c"]);
        assert_eq!(texts("select ';' , \"x;\", `;`; b"), ["select ';' , \"x;\", `;`", "b"]);
        assert_eq!(texts("-- one; two\na /* ; */ b; -- end;"), ["a /* ; */ b"]);
        assert_eq!(texts(r"select '\';' ; b"), [r"select '\';'", "b"]);
    }

    #[test]
    fn an_escaped_semicolon_is_a_semicolon() {
        assert_eq!(texts(r"!echo a\; echo b; c"), ["!echo a; echo b", "c"]);
    }

    #[test]
    fn wildcards_and_options_of_commands_are_no_comments() {
        assert_eq!(texts("!ls --all /tmp/*; a"), ["!ls --all /tmp/*", "a"]);
        assert_eq!(
            texts("-- x\ndfs -rm /tmp/*/b; add file a--b; c"),
            ["dfs -rm /tmp/*/b", "add file a--b", "c"]
        );
        assert_eq!(texts("address /* ; */; c"), ["address /* ; */", "c"]);
    }

    #[test]
    fn a_piece_knows_where_it_stands() {
        let script = "-- head\n  select 1;\n select 2";
        let places: Vec<_> =
            split(script).iter().map(|piece| &script[piece.span.start..piece.span.end]).collect();
        assert_eq!(places, ["select 1", "select 2"]);
    }

    proptest! {
        #[test]
        fn no_script_panics_and_every_piece_is_a_slice_of_it(script in "[a;'\"`\\\\/*\n é-]{0,40}") {
            for piece in split(&script) {
                let slice = &script[piece.span.start..piece.span.end];
                prop_assert_eq!(slice.replace("\\;", ";"), piece.text);
            }
        }
    }
}
