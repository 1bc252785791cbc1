//! `String` and `Vec<u8>`: a length and the bytes; alone, just the bytes.

use super::{Element, Key, Malformed, Record, key, take, varint};

impl Record for Vec<u8> {
    type View<'a> = &'a [u8];

    #[inline]
    fn view(&self) -> &[u8] {
        self
    }

    fn own(view: &[u8]) -> Vec<u8> {
        view.to_vec()
    }

    #[inline]
    fn write(view: &[u8], out: &mut Vec<u8>) {
        varint::write(view.len() as u64, out);
        out.extend_from_slice(view);
    }

    #[inline]
    fn read<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
        let len = varint::read_len(bytes)?;
        take(bytes, len)
    }

    #[inline]
    fn write_whole(view: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(view);
    }

    #[inline]
    fn read_whole(bytes: &[u8]) -> Result<&[u8], Malformed> {
        Ok(bytes)
    }

    fn heap_bytes(&self) -> usize {
        self.capacity()
    }
}

impl Key for Vec<u8> {
    fn write_key(view: &[u8], out: &mut Vec<u8>) {
        key::write_escaped(view, out);
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut plain = Vec::new();
        key::read_escaped(key, &mut plain)?;
        Self::write(&plain, out);
        Ok(())
    }

    #[inline]
    fn write_key_whole(view: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(view);
    }

    #[inline]
    fn transcode_whole(key: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Self::write(key, out);
        Ok(())
    }

    #[inline]
    fn read_key<'a>(record: &mut &'a [u8], _: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
        Vec::<u8>::read(record)
    }

    #[inline]
    fn key_bytes<'a>(view: &'a [u8], _: &'a mut Vec<u8>) -> &'a [u8] {
        view
    }
}

impl Record for String {
    type View<'a> = &'a str;

    #[inline]
    fn view(&self) -> &str {
        self
    }

    fn own(view: &str) -> String {
        view.to_owned()
    }

    #[inline]
    fn write(view: &str, out: &mut Vec<u8>) {
        Vec::<u8>::write(view.as_bytes(), out);
    }

    #[inline]
    fn read<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
        Self::read_whole(Vec::<u8>::read(bytes)?)
    }

    #[inline]
    fn write_whole(view: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(view.as_bytes());
    }

    #[inline]
    fn read_whole(bytes: &[u8]) -> Result<&str, Malformed> {
        std::str::from_utf8(bytes).map_err(|_| Malformed)
    }

    fn heap_bytes(&self) -> usize {
        self.capacity()
    }
}

impl Element for String {}

impl Key for String {
    fn write_key(view: &str, out: &mut Vec<u8>) {
        key::write_escaped(view.as_bytes(), out);
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Vec::<u8>::transcode(key, out)
    }

    #[inline]
    fn write_key_whole(view: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(view.as_bytes());
    }

    #[inline]
    fn transcode_whole(key: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Vec::<u8>::transcode_whole(key, out)
    }

    #[inline]
    fn read_key<'a>(record: &mut &'a [u8], _: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
        Vec::<u8>::read(record)
    }

    #[inline]
    fn key_bytes<'a>(view: &'a str, _: &'a mut Vec<u8>) -> &'a [u8] {
        view.as_bytes()
    }
}
