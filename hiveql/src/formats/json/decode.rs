//! Documents to arrays: an object is cut into the raw texts of its values, and only those are looked into that a column
//! asks for. Numbers are read from their own digits.

use super::Json;
use crate::{
    formats::{
        lines::{Lines, Span},
        rows::BadRow,
        text::{Block, first_keys, map_array, text_column},
    },
    types::{HiveType, StructField},
};
use datafusion::arrow::{
    array::{Array, ArrayRef, BinaryBuilder, ListArray, StructArray, new_null_array},
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::{Field, Fields},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, sync::Arc};

/// A value's text, or `None` for NULL.
type Raw<'a> = Option<&'a str>;

/// Names and values in the document's order.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'a>, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut entries = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

pub(super) fn rows(json: &Json, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow> {
    let texts: Vec<Cow<'_, str>> = lines.iter().map(String::from_utf8_lossy).collect();
    let wanted: Vec<&str> = projection.iter().map(|index| json.columns[*index].0.as_str()).collect();
    let mut values: Vec<Vec<Raw<'_>>> = projection.iter().map(|_| Vec::with_capacity(texts.len())).collect();
    for (row, text) in texts.iter().enumerate() {
        let malformed =
            |reason: &dyn fmt::Display| BadRow { row, reason: format!("malformed JSON: {reason}") };
        let entries = match serde_json::from_str::<Object<'_>>(text) {
            Ok(Object(entries)) => entries,
            Err(_) if json.ignore_malformed || text.trim().is_empty() => Vec::new(),
            Err(error) => return Err(malformed(&error)),
        };
        pick(&wanted, &entries, &mut values);
    }
    let decoder = Decoder { json };
    projection
        .iter()
        .zip(&values)
        .map(|(index, values)| decoder.column(&json.columns[*index].1, values))
        .collect()
}

/// The last value of each name.
fn pick<'a>(names: &[&str], entries: &[(Cow<'a, str>, &'a RawValue)], values: &mut [Vec<Raw<'a>>]) {
    for (index, (name, values)) in names.iter().zip(values).enumerate() {
        // Mostly all documents have their names in the table's order.
        let guess = entries
            .get(index)
            .filter(|(found, _)| found.eq_ignore_ascii_case(name) && entries.len() == names.len());
        let found = guess.or_else(|| entries.iter().rev().find(|(found, _)| same_name(found, name)));
        values.push(found.map(|(_, value)| value.get()).filter(|value| *value != "null"));
    }
}

fn same_name(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || (!left.is_ascii() && left.to_lowercase() == right.to_lowercase())
}

struct Decoder<'a> {
    json: &'a Json,
}

impl Decoder<'_> {
    fn column(&self, ty: &HiveType, values: &[Raw<'_>]) -> Result<ArrayRef, BadRow> {
        match ty {
            HiveType::Array(element) => self.list(element, values),
            HiveType::Map(key, value) => self.map(key, value, values),
            HiveType::Struct(fields) => self.structure(fields, values),
            HiveType::Binary => Ok(self.binary(values)),
            _ if ty.is_text() => {
                Ok(text_column(ty, values.len(), values.iter().map(|value| value.map(plain))))
            }
            _ => Ok(self.primitive(ty, values)),
        }
    }

    /// Read as text is, from what stands between the quotes. A number that is none is 0 to Jackson's `asInt`.
    fn primitive(&self, ty: &HiveType, values: &[Raw<'_>]) -> ArrayRef {
        let mut bytes = Vec::new();
        let mut spans = Vec::with_capacity(values.len());
        for value in values {
            let start = bytes.len() as u32;
            let Some(value) = value else {
                spans.push(Span::NULL);
                continue;
            };
            bytes.extend_from_slice(integral(ty, &plain(value)).as_bytes());
            spans.push(Span { start, end: bytes.len() as u32 });
        }
        let column = self.json.primitives.column(ty, Block::new(&bytes), &spans);
        column.unwrap_or_else(|| new_null_array(&ty.arrow(), values.len()))
    }

    fn binary(&self, values: &[Raw<'_>]) -> ArrayRef {
        if !self.json.raw_binary {
            return self.primitive(&HiveType::Binary, values);
        }
        let mut column = BinaryBuilder::new();
        for value in values {
            column.append_option(value.map(|value| plain(value).into_owned().into_bytes()));
        }
        Arc::new(column.finish())
    }

    fn list(&self, element: &HiveType, values: &[Raw<'_>]) -> Result<ArrayRef, BadRow> {
        let (mut elements, mut lengths) = (Vec::new(), Vec::with_capacity(values.len()));
        for value in values {
            let inner: Vec<&RawValue> = match value {
                Some(value) => parse(value)?,
                None => Vec::new(),
            };
            lengths.push(inner.len());
            elements.extend(inner.iter().map(|value| Some(value.get()).filter(|value| *value != "null")));
        }
        let elements = self.column(element, &elements)?;
        let field = Arc::new(Field::new("item", elements.data_type().clone(), true));
        Ok(Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), elements, nulls(values))))
    }

    fn map(&self, key: &HiveType, value: &HiveType, values: &[Raw<'_>]) -> Result<ArrayRef, BadRow> {
        let (mut keys, mut inner, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
        for value in values {
            let Object(entries) = match value {
                Some(value) => parse(value)?,
                None => Object(Vec::new()),
            };
            lengths.push(entries.len());
            for (name, value) in entries {
                keys.push(serde_json::to_string(&name).unwrap_or_default());
                inner.push(Some(value.get()).filter(|value| *value != "null"));
            }
        }
        let keys: Vec<Raw<'_>> = keys.iter().map(|key| Some(key.as_str())).collect();
        let (mut keys, mut inner) = (self.column(key, &keys)?, self.column(value, &inner)?);
        if let Some(keep) = first_keys(&keys, &mut lengths) {
            let failed =
                |error: datafusion::arrow::error::ArrowError| BadRow { row: 0, reason: error.to_string() };
            keys = datafusion::arrow::compute::filter(&keys, &keep).map_err(failed)?;
            inner = datafusion::arrow::compute::filter(&inner, &keep).map_err(failed)?;
        }
        Ok(map_array(keys, inner, lengths, nulls(values)))
    }

    fn structure(&self, fields: &[StructField], values: &[Raw<'_>]) -> Result<ArrayRef, BadRow> {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let mut children: Vec<Vec<Raw<'_>>> =
            fields.iter().map(|_| Vec::with_capacity(values.len())).collect();
        for value in values {
            let Object(entries) = match value {
                Some(value) => parse(value)?,
                None => Object(Vec::new()),
            };
            pick(&names, &entries, &mut children);
        }
        let arrow: Fields =
            fields.iter().map(|field| Field::new(&field.name, field.ty.arrow(), true)).collect();
        let children = fields.iter().zip(&children).map(|(field, values)| self.column(&field.ty, values));
        let children = children.collect::<Result<Vec<_>, _>>()?;
        let made = StructArray::try_new_with_length(arrow, children, nulls(values), values.len());
        made.map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| BadRow { row: 0, reason: error.to_string() })
    }
}

fn parse<'a, T: Deserialize<'a>>(value: &'a str) -> Result<T, BadRow> {
    serde_json::from_str(value).map_err(|error| BadRow { row: 0, reason: format!("malformed JSON: {error}") })
}

fn nulls(values: &[Raw<'_>]) -> Option<NullBuffer> {
    let valid: NullBuffer = values.iter().map(Option::is_some).collect();
    Some(valid).filter(|valid| valid.null_count() > 0)
}

/// A string without its quotes and escapes, anything else as it stands there.
fn plain(value: &str) -> Cow<'_, str> {
    if !value.starts_with('"') {
        return Cow::Borrowed(value);
    }
    serde_json::from_str::<Name<'_>>(value).map_or(Cow::Borrowed(value), |Name(plain)| plain)
}

/// Jackson gives integers of a number with an exponent, of a boolean, and 0 of what is no number.
fn integral<'a>(ty: &HiveType, text: &'a str) -> Cow<'a, str> {
    if !ty.is_integer() || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && !text.is_empty()
    {
        return Cow::Borrowed(text);
    }
    match text {
        "true" => Cow::Borrowed("1"),
        _ => Cow::Owned((text.trim().parse::<f64>().unwrap_or(0.0) as i64).to_string()),
    }
}
