//! Keys and values inside lines.

use crate::conf;
use std::collections::BTreeMap;

/// How a line is cut: the key is everything before the `key_fields`-th separator, the value everything after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    separator: Vec<u8>,
    key_fields: usize,
}

impl Fields {
    pub fn of_map_output(extra: &BTreeMap<String, String>) -> Fields {
        Fields::new(extra, "stream.map.output.field.separator", "stream.num.map.output.key.fields")
    }

    pub fn of_reduce_output(extra: &BTreeMap<String, String>) -> Fields {
        Fields::new(extra, "stream.reduce.output.field.separator", "stream.num.reduce.output.fields")
    }

    fn new(extra: &BTreeMap<String, String>, separator: &str, key_fields: &str) -> Fields {
        Fields {
            separator: separator_of(extra, separator),
            key_fields: conf::text(extra, key_fields).parse().unwrap_or(1),
        }
    }

    /// Key, and value if there are so many separators.
    pub fn split<'a>(&self, line: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
        let mut separators = memchr::memmem::find_iter(line, &self.separator);
        match separators.nth(self.key_fields.saturating_sub(1)) {
            Some(at) => (&line[..at], Some(&line[at + self.separator.len()..])),
            None => (line, None),
        }
    }

    /// The line as the output file has it: key, tab, value.
    pub fn write_tabbed(&self, line: &[u8], out: &mut Vec<u8>) {
        let (key, value) = self.split(line);
        out.extend_from_slice(key);
        if let Some(value) = value {
            out.push(b'\t');
            out.extend_from_slice(value);
        }
    }
}

/// A separator as the user wrote it: `\t` for a tab, `\n`, `\\`, and `\x01` or `\001` for any byte are understood.
pub fn separator_of(extra: &BTreeMap<String, String>, key: &str) -> Vec<u8> {
    let text = conf::text(extra, key);
    let separator = unescape(text);
    if separator.is_empty() { b"\t".to_vec() } else { separator }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = (*first == b'\\').then(|| escaped(after)).flatten();
        let (byte, used) = escape.unwrap_or((*first, 0));
        out.push(byte);
        rest = &after[used..];
    }
    out
}

/// The byte of an escape, and how many bytes after the backslash it takes.
fn escaped(after: &[u8]) -> Option<(u8, usize)> {
    let number = |digits: &[u8], radix| u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    match after {
        [b't', ..] => Some((b'\t', 1)),
        [b'n', ..] => Some((b'\n', 1)),
        [b'\\', ..] => Some((b'\\', 1)),
        [b'x', a, b, ..] => Some((number(&[*a, *b], 16)?, 3)),
        [a, b, c, ..] => Some((number(&[*a, *b, *c], 8)?, 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(separator: &str, key_fields: &str) -> Fields {
        let extra = BTreeMap::from([
            ("stream.map.output.field.separator".to_owned(), separator.to_owned()),
            ("stream.num.map.output.key.fields".to_owned(), key_fields.to_owned()),
        ]);
        Fields::of_map_output(&extra)
    }

    #[test]
    fn the_key_is_the_text_up_to_the_first_tab() {
        let fields = Fields::of_map_output(&BTreeMap::new());
        assert_eq!(fields.split(b"a\tb\tc"), (&b"a"[..], Some(&b"b\tc"[..])));
        assert_eq!(fields.split(b"no tab"), (&b"no tab"[..], None));
        assert_eq!(fields.split(b"\tvalue"), (&b""[..], Some(&b"value"[..])));
    }

    #[test]
    fn separator_and_number_of_key_fields_can_be_set() {
        assert_eq!(fields(".", "4").split(b"11.12.1.2.3"), (&b"11.12.1.2"[..], Some(&b"3"[..])));
        assert_eq!(fields(".", "4").split(b"11.12"), (&b"11.12"[..], None));
        let mut line = Vec::new();
        fields(",", "1").write_tabbed(b"a,b,c", &mut line);
        assert_eq!(line, b"a\tb,c");
    }

    #[test]
    fn separators_may_be_written_as_escapes() {
        for (text, expected) in
            [("\\t", &b"\t"[..]), ("\\001", b"\x01"), ("\\x1f", b"\x1f"), ("::", b"::"), ("\\q", b"\\q")]
        {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }
}
