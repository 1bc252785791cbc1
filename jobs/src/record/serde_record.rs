//! Any serde type as a record.

use super::{Element, Malformed, Record, take, varint};
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Deref;

/// Makes a record of any type that serde can write and read. Reading one allocates whatever the type allocates; prefer
/// tuples of plain records on hot paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Serde<T>(pub T);

/// View of a [`Serde`]: the value, borrowed or just decoded.
pub enum SerdeView<'a, T> {
    Borrowed(&'a T),
    Decoded(T),
}

impl<T> Deref for SerdeView<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            SerdeView::Borrowed(value) => value,
            SerdeView::Decoded(value) => value,
        }
    }
}

impl<T> From<T> for SerdeView<'_, T> {
    fn from(value: T) -> Self {
        SerdeView::Decoded(value)
    }
}

impl<T: Serialize + DeserializeOwned + Clone + 'static> Record for Serde<T> {
    type View<'a> = SerdeView<'a, T>;

    fn view(&self) -> SerdeView<'_, T> {
        SerdeView::Borrowed(&self.0)
    }

    fn own(view: SerdeView<'_, T>) -> Self {
        match view {
            SerdeView::Borrowed(value) => Serde(value.clone()),
            SerdeView::Decoded(value) => Serde(value),
        }
    }

    fn write(view: SerdeView<'_, T>, out: &mut Vec<u8>) {
        let bytes = skep_wire::codec::encode(&*view);
        varint::write(bytes.len() as u64, out);
        out.extend_from_slice(&bytes);
    }

    fn read<'a>(bytes: &mut &'a [u8]) -> Result<SerdeView<'a, T>, Malformed> {
        let len = varint::read_len(bytes)?;
        Self::read_whole(take(bytes, len)?)
    }

    fn write_whole(view: SerdeView<'_, T>, out: &mut Vec<u8>) {
        skep_wire::codec::encode_into(&*view, out);
    }

    fn read_whole(bytes: &[u8]) -> Result<SerdeView<'_, T>, Malformed> {
        skep_wire::codec::decode(bytes).map(SerdeView::Decoded).map_err(|_| Malformed)
    }
}

impl<T: Serialize + DeserializeOwned + Clone + 'static> Element for Serde<T> {}
