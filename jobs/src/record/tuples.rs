//! Tuples of up to four records: the parts one after the other, all but the last in their delimited form.

use super::{Element, Key, Malformed, Record};

macro_rules! tuple {
    ($($part:ident $index:tt),+ ; $last:ident $last_index:tt) => {
        impl<$($part: Record,)+ $last: Record> Record for ($($part,)+ $last) {
            type View<'a> = ($($part::View<'a>,)+ $last::View<'a>);

            #[inline]
            fn view(&self) -> Self::View<'_> {
                ($(self.$index.view(),)+ self.$last_index.view())
            }

            #[inline]
            fn own(view: Self::View<'_>) -> Self {
                ($($part::own(view.$index),)+ $last::own(view.$last_index))
            }

            #[inline]
            fn write(view: Self::View<'_>, out: &mut Vec<u8>) {
                $($part::write(view.$index, out);)+
                $last::write(view.$last_index, out);
            }

            #[inline]
            fn read<'a>(bytes: &mut &'a [u8]) -> Result<Self::View<'a>, Malformed> {
                Ok(($($part::read(bytes)?,)+ $last::read(bytes)?))
            }

            #[inline]
            fn write_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
                $($part::write(view.$index, out);)+
                $last::write_whole(view.$last_index, out);
            }

            #[inline]
            fn read_whole(mut bytes: &[u8]) -> Result<Self::View<'_>, Malformed> {
                Ok(($($part::read(&mut bytes)?,)+ $last::read_whole(bytes)?))
            }

            fn heap_bytes(&self) -> usize {
                $(self.$index.heap_bytes() +)+ self.$last_index.heap_bytes()
            }
        }

        impl<$($part: Record,)+ $last: Record> Element for ($($part,)+ $last) {}

        impl<$($part: Key,)+ $last: Key> Key for ($($part,)+ $last) {
            #[inline]
            fn write_key(view: Self::View<'_>, out: &mut Vec<u8>) {
                $($part::write_key(view.$index, out);)+
                $last::write_key(view.$last_index, out);
            }

            #[inline]
            fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
                $($part::transcode(key, out)?;)+
                $last::transcode(key, out)
            }

            #[inline]
            fn write_key_whole(view: Self::View<'_>, out: &mut Vec<u8>) {
                $($part::write_key(view.$index, out);)+
                $last::write_key_whole(view.$last_index, out);
            }

            #[inline]
            fn transcode_whole(mut key: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
                $($part::transcode(&mut key, out)?;)+
                $last::transcode_whole(key, out)
            }
        }
    };
}

tuple!(A 0; B 1);
tuple!(A 0, B 1; C 2);
tuple!(A 0, B 1, C 2; D 3);
