//! `Option<T>` and `Vec<T>`.

use super::{Element, Key, Malformed, Record, take, varint};
use std::fmt;

impl<T: Record> Record for Option<T> {
    type View<'a> = Option<T::View<'a>>;

    fn view(&self) -> Self::View<'_> {
        self.as_ref().map(T::view)
    }

    fn own(view: Self::View<'_>) -> Self {
        view.map(T::own)
    }

    fn write(view: Self::View<'_>, out: &mut Vec<u8>) {
        out.push(u8::from(view.is_some()));
        if let Some(view) = view {
            T::write(view, out);
        }
    }

    fn read<'a>(bytes: &mut &'a [u8]) -> Result<Self::View<'a>, Malformed> {
        if bool::read(bytes)? { T::read(bytes).map(Some) } else { Ok(None) }
    }

    fn write_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
        out.push(u8::from(view.is_some()));
        if let Some(view) = view {
            T::write_whole(view, out);
        }
    }

    fn read_whole(mut bytes: &[u8]) -> Result<Self::View<'_>, Malformed> {
        match bool::read(&mut bytes)? {
            true => T::read_whole(bytes).map(Some),
            false if bytes.is_empty() => Ok(None),
            false => Err(Malformed),
        }
    }

    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::heap_bytes)
    }
}

impl<T: Record> Element for Option<T> {}

/// `None` comes first.
impl<T: Key> Key for Option<T> {
    fn write_key(view: Self::View<'_>, out: &mut Vec<u8>) {
        out.push(u8::from(view.is_some()));
        if let Some(view) = view {
            T::write_key(view, out);
        }
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let some = bool::read(key)?;
        out.push(u8::from(some));
        if some { T::transcode(key, out) } else { Ok(()) }
    }

    fn write_key_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
        out.push(u8::from(view.is_some()));
        if let Some(view) = view {
            T::write_key_whole(view, out);
        }
    }

    fn transcode_whole(mut key: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let some = bool::read(&mut key)?;
        out.push(u8::from(some));
        match some {
            true => T::transcode_whole(key, out),
            false if key.is_empty() => Ok(()),
            false => Err(Malformed),
        }
    }
}

/// View of a `Vec<T>`: either encoded, checked when it was read, or a borrowed slice of values.
pub struct Items<'a, T>(Source<'a, T>);

enum Source<'a, T> {
    Encoded(&'a [u8]),
    Owned(&'a [T]),
}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Items<'_, T> {}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<'a, T: Element> From<&'a [T]> for Items<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Items(Source::Owned(values))
    }
}

impl<'a, T: Element> Items<'a, T> {
    pub fn iter(&self) -> ItemsIter<'a, T> {
        ItemsIter(self.0)
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn write(self, out: &mut Vec<u8>) {
        match self.0 {
            Source::Encoded(bytes) => out.extend_from_slice(bytes),
            Source::Owned(values) => values.iter().for_each(|value| T::write(value.view(), out)),
        }
    }
}

impl<'a, T: Element> IntoIterator for Items<'a, T> {
    type Item = T::View<'a>;
    type IntoIter = ItemsIter<'a, T>;

    fn into_iter(self) -> ItemsIter<'a, T> {
        self.iter()
    }
}

/// Yields views of the items.
pub struct ItemsIter<'a, T>(Source<'a, T>);

impl<'a, T: Element> Iterator for ItemsIter<'a, T> {
    type Item = T::View<'a>;

    fn next(&mut self) -> Option<T::View<'a>> {
        match &mut self.0 {
            Source::Owned(values) => {
                let (first, rest) = values.split_first()?;
                *values = rest;
                Some(first.view())
            }
            Source::Encoded([]) => None,
            Source::Encoded(bytes) => T::read(bytes).ok(),
        }
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(T::own)).finish()
    }
}

/// Alone: the items' delimited forms, one after the other. Delimited: the number of bytes of that before it.
impl<T: Element> Record for Vec<T> {
    type View<'a> = Items<'a, T>;

    fn view(&self) -> Items<'_, T> {
        Items::from(&self[..])
    }

    fn own(view: Items<'_, T>) -> Self {
        view.iter().map(T::own).collect()
    }

    fn write(view: Items<'_, T>, out: &mut Vec<u8>) {
        let mut items = Vec::new();
        view.write(&mut items);
        varint::write(items.len() as u64, out);
        out.extend_from_slice(&items);
    }

    fn read<'a>(bytes: &mut &'a [u8]) -> Result<Items<'a, T>, Malformed> {
        let len = varint::read_len(bytes)?;
        Self::read_whole(take(bytes, len)?)
    }

    fn write_whole(view: Items<'_, T>, out: &mut Vec<u8>) {
        view.write(out);
    }

    fn read_whole(bytes: &[u8]) -> Result<Items<'_, T>, Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = rest.len();
            T::read(&mut rest)?;
            if rest.len() == before {
                return Err(Malformed);
            }
        }
        Ok(Items(Source::Encoded(bytes)))
    }

    fn heap_bytes(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(T::heap_bytes).sum::<usize>()
    }
}

impl<T: Element> Element for Vec<T> {}

const MORE: u8 = 1;
const END: u8 = 0;

/// Each item after a `01`, then a `00`.
impl<T: Key + Element> Key for Vec<T> {
    fn write_key(view: Items<'_, T>, out: &mut Vec<u8>) {
        for item in view {
            out.push(MORE);
            T::write_key(item, out);
        }
        out.push(END);
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut items = Vec::new();
        loop {
            match take(key, 1)? {
                [MORE] => T::transcode(key, &mut items)?,
                [END] => break,
                _ => return Err(Malformed),
            }
        }
        varint::write(items.len() as u64, out);
        out.extend_from_slice(&items);
        Ok(())
    }
}
