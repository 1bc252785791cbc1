//! `hive.transform.escape.input`: lines for scripts in which every tab separates and every line feed ends a row.
//!
//! Inside of a process rows are separated by `\u{1}`. On the way out that becomes a tab, and what would be mistaken goes
//! behind a backslash; on the way in it is the other way round.

/// Between the fields of a row on this side.
pub(super) const SEPARATOR: &str = "\u{1}";

/// Appends a row as the script reads it.
pub(super) fn write(row: &[u8], out: &mut Vec<u8>) {
    for byte in row {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            1 => out.push(b'\t'),
            byte => out.push(*byte),
        }
    }
}

/// Appends a line of the script as rows are here. A backslash before anything else stands for itself.
pub(super) fn read(line: &[u8], out: &mut Vec<u8>) {
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\t' => out.push(1),
            b'\\' => match bytes.next() {
                Some(b'\\') | None => out.push(b'\\'),
                Some(b'n') => out.push(b'\n'),
                Some(b'r') => out.push(b'\r'),
                Some(b't') => out.push(b'\t'),
                Some(b'\x09') => out.extend_from_slice(b"\\\x01"),
                Some(other) => out.extend_from_slice(&[b'\\', other]),
            },
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_hands_back_unchanged_is_what_went_in() {
        let row = b"a\tb\x01c\\\nd\r\x01\\t\\";
        let (mut line, mut back) = (Vec::new(), Vec::new());
        write(row, &mut line);
        assert_eq!(line.as_slice(), br"a\tb	c\\\nd\r	\\t\\");
        read(&line, &mut back);
        assert_eq!(back, row);
    }
}
