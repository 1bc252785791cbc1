//! `hive.support.quoted.identifiers=standard`: names may stand in double quotes, and strings only in single ones.

/// The text with back-quotes around its names, so that it means the same in every session. Places stay where they are
/// as long as no name has a quote in it.
pub fn back_quoted(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '`', '-', '/']) {
        made.push_str(&rest[..at]);
        rest = &rest[at..];
        let len = match rest.as_bytes() {
            [b'"', ..] => {
                let (name, len) = name(rest);
                made.push('`');
                made.push_str(&name.replace('`', "``"));
                made.push('`');
                rest = &rest[len..];
                continue;
            }
            [b'\'', ..] => string(rest),
            [b'`', ..] => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            [b'-', b'-', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => 1,
        };
        made.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    made.push_str(rest);
    made
}

/// A name in double quotes, two of which stand for one, and how much of the text it takes.
fn name(text: &str) -> (String, usize) {
    let mut name = String::new();
    let mut at = 1;
    while let Some(end) = text[at..].find('"') {
        name.push_str(&text[at..at + end]);
        at += end + 1;
        if !text[at..].starts_with('"') {
            return (name, at);
        }
        name.push('"');
        at += 1;
    }
    name.push_str(&text[at..]);
    (name, text.len())
}

/// How long a string is; a backslash protects what follows it.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = *character == '\'' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::back_quoted;

    #[test]
    fn names_get_back_quotes_and_nothing_else_changes() {
        let cases = [
            (r#"select "a b" from "t""#, "select `a b` from `t`"),
            (
                r#"select '"x\'"' -- "c"
, `"` /* "d" */"#,
                r#"select '"x\'"' -- "c"
, `"` /* "d" */"#,
            ),
            (r#""a""b" - "c`d" / 2"#, r#"`a"b` - `c``d` / 2"#),
        ];
        for (written, meant) in cases {
            assert_eq!(back_quoted(written), meant);
        }
    }
}
