//! What can be a record of a dataset: values with a flat encoding that is read through borrowed views.
//!
//! A record travels between operators, through shuffle and in memory as plain bytes. User functions get a
//! [`Record::View`] that borrows from those bytes (`&str` for a `String`, the number itself for a number), so that no
//! allocation happens per record. A record has two encodings: the *delimited* one says itself where it ends and is used
//! inside tuples; the *whole* one fills a slice whose length is known from elsewhere and is used for everything that
//! stands alone (a `String` is just its bytes then).
//!
//! [`Key`] adds an encoding whose byte order is the order of the values. It knows nothing of plans or tasks.

mod containers;
mod key;
mod line;
mod numbers;
mod reverse;
mod serde_record;
mod text;
mod tuples;
pub(crate) mod varint;

#[cfg(test)]
mod tests;

pub use containers::Items;
pub use key::Key;
pub use line::Line;
pub use reverse::Reverse;
pub use serde_record::{Serde, SerdeView};

/// Bytes that are not an encoding of the expected type: the program that wrote them is not the one that reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record does not have the expected form; was it written by another version of this program?")]
pub struct Malformed;

/// A value that datasets can hold.
pub trait Record: Sized + 'static {
    /// What user functions see: borrows from the encoded bytes.
    type View<'a>;

    fn view(&self) -> Self::View<'_>;

    /// An owned value. Allocates for strings and vectors.
    fn own(view: Self::View<'_>) -> Self;

    /// Appends the delimited encoding.
    fn write(view: Self::View<'_>, out: &mut Vec<u8>);

    /// Reads a delimited encoding and moves `bytes` past it.
    fn read<'a>(bytes: &mut &'a [u8]) -> Result<Self::View<'a>, Malformed>;

    /// Appends the encoding that needs its length known.
    fn write_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
        Self::write(view, out);
    }

    /// Reads an encoding that fills `bytes`.
    fn read_whole(bytes: &[u8]) -> Result<Self::View<'_>, Malformed> {
        let mut rest = bytes;
        let view = Self::read(&mut rest)?;
        if rest.is_empty() { Ok(view) } else { Err(Malformed) }
    }

    /// Bytes that the value owns on the heap, for memory accounting.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A record that `Vec`s of it are records, too. Everything but `u8`: a `Vec<u8>` is a string of bytes with `&[u8]` as its
/// view. A type of your own that implements [`Record`] should implement this as well.
pub trait Element: Record {}

/// Splits `len` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (front, rest) = bytes.split_at_checked(len).ok_or(Malformed)?;
    *bytes = rest;
    Ok(front)
}
