//! Keys in descending order.

use super::{Element, Key, Malformed, Record};

/// Sorts the other way round: the delimited key form with every bit flipped. (That form is prefix-free, so flipping
/// reverses its order; the whole form is not.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reverse<T>(pub T);

impl<T: Ord> PartialOrd for Reverse<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Reverse<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

impl<T: Record> Record for Reverse<T> {
    type View<'a> = Reverse<T::View<'a>>;

    fn view(&self) -> Self::View<'_> {
        Reverse(self.0.view())
    }

    fn own(view: Self::View<'_>) -> Self {
        Reverse(T::own(view.0))
    }

    fn write(view: Self::View<'_>, out: &mut Vec<u8>) {
        T::write(view.0, out);
    }

    fn read<'a>(bytes: &mut &'a [u8]) -> Result<Self::View<'a>, Malformed> {
        T::read(bytes).map(Reverse)
    }

    fn write_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
        T::write_whole(view.0, out);
    }

    fn read_whole(bytes: &[u8]) -> Result<Self::View<'_>, Malformed> {
        T::read_whole(bytes).map(Reverse)
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

impl<T: Element> Element for Reverse<T> {}

impl<T: Key> Key for Reverse<T> {
    fn write_key(view: Self::View<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        T::write_key(view.0, out);
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let flipped: Vec<u8> = key.iter().map(|byte| !byte).collect();
        let mut rest = &flipped[..];
        T::transcode(&mut rest, out)?;
        *key = &key[key.len() - rest.len()..];
        Ok(())
    }
}
