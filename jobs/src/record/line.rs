//! Records as lines of text, the way Hadoop's text output writes them: key, tab, value.

use super::{Element, Items, Record};
use std::io::Write as _;

/// A record that `save_text` can write. The line's end is not part of it.
pub trait Line: Record {
    fn write_line(view: Self::View<'_>, out: &mut Vec<u8>);
}

impl Line for String {
    #[inline]
    fn write_line(view: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(view.as_bytes());
    }
}

impl Line for Vec<u8> {
    #[inline]
    fn write_line(view: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(view);
    }
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl Line for $type {
            #[inline]
            fn write_line(view: $type, out: &mut Vec<u8>) {
                // Writing into a vector cannot fail.
                let _ = write!(out, "{view}");
            }
        }
    )*};
}

displayed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool);

impl Line for () {
    fn write_line((): (), _: &mut Vec<u8>) {}
}

/// `None` is written as nothing.
impl<T: Line> Line for Option<T> {
    fn write_line(view: Self::View<'_>, out: &mut Vec<u8>) {
        if let Some(view) = view {
            T::write_line(view, out);
        }
    }
}

impl<T: Line> Line for super::Reverse<T> {
    fn write_line(view: Self::View<'_>, out: &mut Vec<u8>) {
        T::write_line(view.0, out);
    }
}

/// Items are separated by commas.
impl<T: Line + Element> Line for Vec<T> {
    fn write_line(view: Items<'_, T>, out: &mut Vec<u8>) {
        for (index, item) in view.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            T::write_line(item, out);
        }
    }
}

macro_rules! tabbed {
    ($($part:ident $index:tt),+) => {
        impl<First: Line, $($part: Line),+> Line for (First, $($part),+) {
            #[inline]
            fn write_line(view: Self::View<'_>, out: &mut Vec<u8>) {
                First::write_line(view.0, out);
                $(
                    out.push(b'\t');
                    $part::write_line(view.$index, out);
                )+
            }
        }
    };
}

tabbed!(B 1);
tabbed!(B 1, C 2);
tabbed!(B 1, C 2, D 3);
