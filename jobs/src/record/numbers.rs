//! Numbers, `bool` and `()`: fixed width, little-endian as records; as keys big-endian with the sign bit flipped, so
//! that byte order is numeric order. Floating-point keys are ordered as `total_cmp` does.

use super::{Element, Key, Malformed, Record, take};

macro_rules! record_by_value {
    ($type:ty, $width:expr) => {
        impl Record for $type {
            type View<'a> = $type;

            #[inline]
            fn view(&self) -> $type {
                *self
            }

            #[inline]
            fn own(view: $type) -> $type {
                view
            }

            #[inline]
            fn write(view: $type, out: &mut Vec<u8>) {
                out.extend_from_slice(&view.to_le_bytes());
            }

            #[inline]
            fn read(bytes: &mut &[u8]) -> Result<$type, Malformed> {
                let (front, rest) = bytes.split_first_chunk::<{ $width }>().ok_or(Malformed)?;
                *bytes = rest;
                Ok(<$type>::from_le_bytes(*front))
            }
        }
    };
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        record_by_value!($type, size_of::<$type>());

        impl Key for $type {
            #[inline]
            fn write_key(view: $type, out: &mut Vec<u8>) {
                out.extend_from_slice(&view.to_be_bytes());
            }

            #[inline]
            fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
                let (front, rest) = key.split_first_chunk::<{ size_of::<$type>() }>().ok_or(Malformed)?;
                *key = rest;
                Self::write(<$type>::from_be_bytes(*front), out);
                Ok(())
            }
        }
    )*};
}

macro_rules! signed {
    ($($type:ty as $unsigned:ty),*) => {$(
        record_by_value!($type, size_of::<$type>());

        impl Key for $type {
            #[inline]
            fn write_key(view: $type, out: &mut Vec<u8>) {
                <$unsigned>::write_key((view as $unsigned) ^ (1 << (<$unsigned>::BITS - 1)), out);
            }

            #[inline]
            fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
                let (front, rest) = key.split_first_chunk::<{ size_of::<$type>() }>().ok_or(Malformed)?;
                *key = rest;
                let flipped = <$unsigned>::from_be_bytes(*front) ^ (1 << (<$unsigned>::BITS - 1));
                Self::write(flipped as $type, out);
                Ok(())
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64, u128, usize);
signed!(i8 as u8, i16 as u16, i32 as u32, i64 as u64, i128 as u128, isize as usize);
record_by_value!(f32, 4);
record_by_value!(f64, 8);

/// The bits of a number as an unsigned integer whose order is the total order of the numbers: a positive number gets its
/// sign bit set, of a negative one all bits are flipped.
macro_rules! float_key {
    ($type:ty as $bits:ty) => {
        impl Key for $type {
            #[inline]
            fn write_key(view: $type, out: &mut Vec<u8>) {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let bits = view.to_bits();
                <$bits>::write_key(if bits & SIGN == 0 { bits | SIGN } else { !bits }, out);
            }

            #[inline]
            fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let (front, rest) = key.split_first_chunk::<{ size_of::<$type>() }>().ok_or(Malformed)?;
                *key = rest;
                let bits = <$bits>::from_be_bytes(*front);
                Self::write(<$type>::from_bits(if bits & SIGN == 0 { !bits } else { bits ^ SIGN }), out);
                Ok(())
            }
        }
    };
}

float_key!(f32 as u32);
float_key!(f64 as u64);

macro_rules! elements {
    ($($type:ty),*) => { $(impl Element for $type {})* };
}

elements!(u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool);

impl Record for bool {
    type View<'a> = bool;

    fn view(&self) -> bool {
        *self
    }

    fn own(view: bool) -> bool {
        view
    }

    fn write(view: bool, out: &mut Vec<u8>) {
        out.push(u8::from(view));
    }

    fn read(bytes: &mut &[u8]) -> Result<bool, Malformed> {
        match take(bytes, 1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Key for bool {
    fn write_key(view: bool, out: &mut Vec<u8>) {
        Self::write(view, out);
    }

    fn transcode(key: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        Self::write(Self::read(key)?, out);
        Ok(())
    }
}

impl Record for () {
    type View<'a> = ();

    fn view(&self) {}

    fn own((): ()) {}

    fn write((): (), _: &mut Vec<u8>) {}

    fn read(_: &mut &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Key for () {
    fn write_key((): (), _: &mut Vec<u8>) {}

    fn transcode(_: &mut &[u8], _: &mut Vec<u8>) -> Result<(), Malformed> {
        Ok(())
    }
}
