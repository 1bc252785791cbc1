//! Keys: records with an encoding whose byte-wise order is the order of the values, so that sorting, merging and
//! partitioning compare plain bytes and know no types.
//!
//! As for records there are two forms. The *delimited* key form is prefix-free: no encoding is the beginning of another
//! one, which is what lets tuples be put together from it. The *whole* key form may be shorter (a string is its bytes).
//! Encodings of one form are only ever compared with each other.
//!
//! Strings inside tuples: each `00` byte becomes `00 FF`, and `00 00` ends the string, as FoundationDB's tuple layer has it.

use super::{Malformed, Record};

/// A record that can be sorted and grouped by.
pub trait Key: Record {
    /// Appends the delimited key form.
    fn write_key(view: Self::View<'_>, out: &mut Vec<u8>);

    /// Reads a delimited key form, moves `key` past it and appends the same value's delimited *record* form.
    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed>;

    /// Appends the whole key form.
    fn write_key_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
        Self::write_key(view, out);
    }

    /// Turns a whole key form into the value's *delimited* record form.
    fn transcode_whole(mut key: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Self::transcode(&mut key, out)?;
        if key.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// Reads a delimited *record* form, moves `record` past it and gives its whole key form: borrowed from the record where
    /// it lies in it that way, else put into `scratch`. May trust the record's bytes: they become a key, nothing else.
    fn read_key<'a>(record: &mut &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
        let view = Self::read(record)?;
        Ok(Self::key_bytes(view, scratch))
    }

    /// The whole key form of a view: borrowed from it where it already lies in memory that way, else put into `scratch`.
    fn key_bytes<'a>(view: Self::View<'a>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        scratch.clear();
        Self::write_key_whole(view, scratch);
        scratch
    }
}

const ESCAPED: u8 = 0x00;
const ZERO: u8 = 0xff;
const END: u8 = 0x00;

/// Appends `bytes` escaped and ended.
pub(super) fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(zero) = rest.iter().position(|&byte| byte == ESCAPED) {
        out.extend_from_slice(&rest[..=zero]);
        out.push(ZERO);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[ESCAPED, END]);
}

/// Reads what [`write_escaped`] wrote, appends the plain bytes.
pub(super) fn read_escaped(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    loop {
        let zero = key.iter().position(|&byte| byte == ESCAPED).ok_or(Malformed)?;
        let mark = *key.get(zero + 1).ok_or(Malformed)?;
        out.extend_from_slice(&key[..zero]);
        *key = &key[zero + 2..];
        match mark {
            END => return Ok(()),
            ZERO => out.push(0),
            _ => return Err(Malformed),
        }
    }
}
