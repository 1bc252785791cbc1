//! What a table's properties say of delimiters, escapes, nulls and the forms of values.

use super::Primitives;
use crate::formats::{FormatError, storage::Storage};

/// Hive's default separators of the first levels; higher levels follow on.
const DEFAULT_SEPARATORS: [u8; 3] = [1, 2, 3];
const DEFAULT_ESCAPE: u8 = b'\\';
const DEFAULT_NULL: &str = "\\N";
pub(super) const SEPARATORS_MAX: usize = 24;

/// What stands between the fields of a row.
#[derive(Debug, Clone)]
pub(super) enum FieldDelimiter {
    Byte(u8),
    Bytes(Box<memchr::memmem::Finder<'static>>),
}

#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub fields: FieldDelimiter,
    /// By level; the first is that of the fields.
    pub separators: Vec<u8>,
    pub escape: Option<u8>,
    /// Which bytes are written behind an escape.
    pub needs_escape: Box<[bool; 256]>,
    pub null: Vec<u8>,
    pub last_takes_rest: bool,
    pub primitives: Primitives,
    /// Of the file, where it is not UTF-8.
    pub encoding: Option<&'static encoding_rs::Encoding>,
}

impl Parameters {
    pub fn new(storage: &Storage, multiple: bool) -> Result<Parameters, FormatError> {
        let separators = separators(storage, multiple);
        let fields = match storage.get("field.delim").filter(|_| multiple) {
            Some(delimiter) if delimiter.len() > 1 => {
                FieldDelimiter::Bytes(Box::new(memchr::memmem::Finder::new(delimiter).into_owned()))
            }
            _ => FieldDelimiter::Byte(separators[0]),
        };
        let escape = storage.get("escape.delim").map(|word| delimiter(Some(word), DEFAULT_ESCAPE));
        Ok(Parameters {
            fields,
            needs_escape: needs_escape(escape, &separators, storage.is_true("serialization.escape.crlf")),
            separators,
            escape,
            null: storage.get("serialization.null.format").unwrap_or(DEFAULT_NULL).as_bytes().to_vec(),
            last_takes_rest: storage.is_true("serialization.last.column.takes.rest"),
            primitives: Primitives::new(storage, escape),
            encoding: encoding(storage)?,
        })
    }

    /// Deeper than there are separators, nothing separates.
    pub fn separator(&self, level: usize) -> Option<u8> {
        self.separators.get(level).copied()
    }
}

/// A number is a byte's value, anything else its first byte.
fn delimiter(word: Option<&str>, default: u8) -> u8 {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return default };
    match word.parse::<i8>() {
        Ok(number) => number as u8,
        // Java takes the low byte of the first character.
        Err(_) => word.chars().next().map_or(default, |first| first as u32 as u8),
    }
}

fn separators(storage: &Storage, multiple: bool) -> Vec<u8> {
    let fields = storage.get("field.delim").filter(|word| !multiple || word.len() == 1);
    // `colelction.delim` is how Hive up to 2 spelled it in tables that still exist.
    let collections = storage.get("collection.delim").or_else(|| storage.get("colelction.delim"));
    let mut separators = vec![
        delimiter(fields.or_else(|| storage.get("serialization.format")), DEFAULT_SEPARATORS[0]),
        delimiter(collections, DEFAULT_SEPARATORS[1]),
        delimiter(storage.get("mapkey.delim"), DEFAULT_SEPARATORS[2]),
    ];
    separators.extend(4..=8);
    if storage.is_true("hive.serialization.extend.nesting.levels")
        || storage.is_true("hive.serialization.extend.additional.nesting.levels")
    {
        // Control characters but those that text is made of.
        separators.extend(std::iter::once(11).chain(14..=26).chain(28..=31).chain(128..=255));
        separators.truncate(SEPARATORS_MAX);
    }
    separators
}

fn needs_escape(escape: Option<u8>, separators: &[u8], line_ends: bool) -> Box<[bool; 256]> {
    let mut needs = Box::new([false; 256]);
    for byte in escape.iter().chain(separators) {
        needs[*byte as usize] = true;
    }
    needs[b'\n' as usize] |= line_ends;
    needs[b'\r' as usize] |= line_ends;
    needs
}

fn encoding(storage: &Storage) -> Result<Option<&'static encoding_rs::Encoding>, FormatError> {
    let Some(name) = storage.get("serialization.encoding") else { return Ok(None) };
    // Java writes ISO8859_1 where the label is iso-8859-1.
    let label = name.trim().replace('_', "-").to_ascii_lowercase().replace("iso8859", "iso-8859");
    match encoding_rs::Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding == encoding_rs::UTF_8 => Ok(None),
        Some(encoding) => Ok(Some(encoding)),
        None => Err(FormatError::Property {
            name: "serialization.encoding",
            value: name.to_owned(),
            reason: "no such encoding".to_owned(),
        }),
    }
}
