//! Spans of text to arrays of primitive types, as Hive's Lazy* classes read them: what cannot be read is NULL.

use super::{TimestampReader, datetimes};
use crate::{
    cast::{numbers, text::fitted},
    formats::{lines::Span, storage::Storage},
    types::HiveType,
};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use datafusion::arrow::{
    array::{
        ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanArray, NullArray, PrimitiveArray, StringBuilder,
    },
    datatypes::{
        Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, IntervalYearMonthType, TimestampMicrosecondType,
    },
};
use std::{borrow::Cow, sync::Arc};

const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Bytes, checked once for being text.
#[derive(Debug, Clone, Copy)]
pub(in crate::formats) struct Block<'a> {
    pub bytes: &'a [u8],
    text: Option<&'a str>,
}

impl<'a> Block<'a> {
    pub fn new(bytes: &'a [u8]) -> Block<'a> {
        Block { bytes, text: std::str::from_utf8(bytes).ok() }
    }

    pub fn get(self, span: Span) -> Option<&'a [u8]> {
        span.of(self.bytes)
    }

    /// What is no UTF-8 is read as U+FFFD, as Java does.
    fn text(self, span: Span) -> Option<Cow<'a, str>> {
        let whole = self.text.and_then(|text| text.get(span.start as usize..span.end as usize));
        match whole {
            Some(text) => Some(Cow::Borrowed(text)),
            None => self.get(span).map(String::from_utf8_lossy),
        }
    }
}

/// How primitive values are written in this table.
#[derive(Debug, Clone)]
pub(in crate::formats) struct Primitives {
    pub timestamps: TimestampReader,
    pub escape: Option<u8>,
    /// `t`, `1` and the like are booleans too.
    pub extended_booleans: bool,
    pub binary_as_base64: bool,
}

impl Primitives {
    pub fn new(storage: &Storage, escape: Option<u8>) -> Primitives {
        Primitives {
            timestamps: TimestampReader::new(storage.get("timestamp.formats").unwrap_or_default()),
            escape,
            extended_booleans: storage.is_true("hive.lazysimple.extended_boolean_literal"),
            binary_as_base64: storage.get("hive.serialization.decode.binary.as.base64") != Some("false"),
        }
    }

    /// `None` for a nested type.
    pub fn column(&self, ty: &HiveType, block: Block<'_>, spans: &[Span]) -> Option<ArrayRef> {
        Some(match ty {
            HiveType::Void => Arc::new(NullArray::new(spans.len())),
            HiveType::Boolean => {
                let read = |span: &Span| block.get(*span).and_then(|text| self.boolean(text));
                Arc::new(spans.iter().map(read).collect::<BooleanArray>())
            }
            HiveType::TinyInt => integers::<Int8Type>(block, spans),
            HiveType::SmallInt => integers::<Int16Type>(block, spans),
            HiveType::Int => integers::<Int32Type>(block, spans),
            HiveType::BigInt => integers::<Int64Type>(block, spans),
            HiveType::Float => values::<Float32Type>(block, spans, numbers::float),
            HiveType::Double => values::<Float64Type>(block, spans, numbers::double),
            HiveType::Decimal { precision, scale } => {
                let read = |text: &[u8]| numbers::decimal(text, *precision, *scale);
                let values: PrimitiveArray<Decimal128Type> =
                    spans.iter().map(|span| block.get(*span).and_then(read)).collect();
                Arc::new(values.with_data_type(ty.arrow()))
            }
            HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => text_column(
                ty,
                spans.len(),
                spans.iter().map(|span| Some(self.unescaped(block.text(*span)?))),
            ),
            HiveType::Binary => self.binary(block, spans),
            HiveType::Date => values::<Date32Type>(block, spans, datetimes::date),
            HiveType::Timestamp | HiveType::TimestampLocalTz => {
                let zoned = *ty == HiveType::TimestampLocalTz;
                let read = |text: &[u8]| {
                    if zoned { datetimes::zoned(text) } else { self.timestamps.read(text) }
                };
                let values: PrimitiveArray<TimestampMicrosecondType> =
                    spans.iter().map(|span| block.get(*span).and_then(read)).collect();
                Arc::new(values.with_data_type(ty.arrow()))
            }
            HiveType::IntervalYearMonth => {
                values::<IntervalYearMonthType>(block, spans, datetimes::interval_year_month)
            }
            HiveType::IntervalDayTime => {
                values::<DurationMicrosecondType>(block, spans, datetimes::interval_day_time)
            }
            HiveType::Array(_) | HiveType::Map(..) | HiveType::Struct(_) | HiveType::Union(_) => return None,
        })
    }

    fn boolean(&self, text: &[u8]) -> Option<bool> {
        if text.eq_ignore_ascii_case(b"true") {
            return Some(true);
        }
        if text.eq_ignore_ascii_case(b"false") {
            return Some(false);
        }
        match text {
            b"t" | b"T" | b"1" if self.extended_booleans => Some(true),
            b"f" | b"F" | b"0" if self.extended_booleans => Some(false),
            _ => None,
        }
    }

    /// `\r` and `\n` behind an escape are what they are in Java; anything else stands for itself.
    fn unescaped<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let Some(escape) = self.escape.map(char::from).filter(|escape| text.contains(*escape)) else {
            return text;
        };
        let mut plain = String::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            if character != escape {
                plain.push(character);
                continue;
            }
            plain.push(match rest.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some(other) => other,
                None => character,
            });
        }
        Cow::Owned(plain)
    }

    /// Base64 where it could be, the bytes themselves where not.
    fn binary(&self, block: Block<'_>, spans: &[Span]) -> ArrayRef {
        let mut values = BinaryBuilder::with_capacity(spans.len(), 0);
        for span in spans {
            let Some(raw) = block.get(*span) else {
                values.append_null();
                continue;
            };
            let decoded = if self.binary_as_base64 { LENIENT_BASE64.decode(raw).ok() } else { None };
            match decoded.filter(|decoded| !decoded.is_empty()) {
                Some(decoded) => values.append_value(decoded),
                None => values.append_value(raw),
            }
        }
        Arc::new(values.finish())
    }
}

fn integers<T: ArrowPrimitiveType>(block: Block<'_>, spans: &[Span]) -> ArrayRef
where
    T::Native: TryFrom<i64>,
{
    values::<T>(block, spans, |text| T::Native::try_from(numbers::integer(text)?).ok())
}

fn values<T: ArrowPrimitiveType>(
    block: Block<'_>,
    spans: &[Span],
    read: impl Fn(&[u8]) -> Option<T::Native>,
) -> ArrayRef {
    let values: PrimitiveArray<T> =
        PrimitiveArray::from_iter(spans.iter().map(|span| block.get(*span).and_then(&read)));
    Arc::new(values)
}

/// A column of string, varchar or char: cut to its length, a char without its trailing blanks.
pub(in crate::formats) fn text_column<'a>(
    ty: &HiveType,
    rows: usize,
    texts: impl Iterator<Item = Option<Cow<'a, str>>>,
) -> ArrayRef {
    let mut values = StringBuilder::with_capacity(rows, rows * 8);
    for text in texts {
        values.append_option(text.as_deref().map(|text| fitted(text, ty)));
    }
    Arc::new(values.finish())
}
