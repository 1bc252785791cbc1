//! Spans of nested values to arrays: the pieces of all rows become the rows of the children.

use super::{
    decode::Block,
    parameters::Parameters,
    split::{find_byte, pieces},
};
use crate::{
    formats::lines::Span,
    types::{HiveType, StructField},
};
use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanArray, Int8Array, ListArray, MapArray, StructArray},
    buffer::{NullBuffer, OffsetBuffer},
    compute::filter,
    datatypes::{DataType, Field, Fields},
};
use std::{collections::HashSet, sync::Arc};

/// `level` is that of the separator which the value itself is cut by.
pub(super) fn column(
    ty: &HiveType,
    block: Block<'_>,
    spans: &[Span],
    level: usize,
    parameters: &Parameters,
) -> ArrayRef {
    if let Some(values) = parameters.primitives.column(ty, block, spans) {
        return values;
    }
    let nested = Nested { block, level, parameters };
    match ty {
        HiveType::Array(element) => nested.list(element, spans),
        HiveType::Map(key, value) => nested.map(key, value, spans),
        HiveType::Struct(fields) => nested.structure(fields, spans),
        HiveType::Union(alternatives) => nested.union(alternatives, ty, spans),
        _ => datafusion::arrow::array::new_null_array(&ty.arrow(), spans.len()),
    }
}

struct Nested<'a> {
    block: Block<'a>,
    level: usize,
    parameters: &'a Parameters,
}

impl Nested<'_> {
    fn child(&self, ty: &HiveType, spans: &[Span], deeper: usize) -> ArrayRef {
        let or_null = |span: &Span| {
            let is_null = self.block.get(*span) == Some(self.parameters.null.as_slice());
            if is_null { Span::NULL } else { *span }
        };
        let spans: Vec<Span> = spans.iter().map(or_null).collect();
        column(ty, self.block, &spans, self.level + deeper, self.parameters)
    }

    /// All pieces of all rows, and how many each row has.
    fn pieces(&self, spans: &[Span]) -> (Vec<Span>, Vec<usize>) {
        let (mut all, mut lengths) = (Vec::new(), Vec::with_capacity(spans.len()));
        let separator = self.parameters.separator(self.level);
        for span in spans {
            let before = all.len();
            if !span.is_null() {
                pieces(self.block.bytes, *span, separator, self.parameters.escape, &mut all);
            }
            lengths.push(all.len() - before);
        }
        (all, lengths)
    }

    fn list(&self, element: &HiveType, spans: &[Span]) -> ArrayRef {
        let (elements, lengths) = self.pieces(spans);
        let values = self.child(element, &elements, 1);
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), values, nulls(spans)))
    }

    /// A key that is NULL or was there before is left out, with its value.
    fn map(&self, key: &HiveType, value: &HiveType, spans: &[Span]) -> ArrayRef {
        let (entries, mut lengths) = self.pieces(spans);
        let (mut keys, mut values) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        let separator = self.parameters.separator(self.level + 1);
        for entry in &entries {
            let text = self.block.get(*entry).unwrap_or_default();
            let found = separator.and_then(|separator| find_byte(text, separator, self.parameters.escape));
            let end = found.map_or(entry.end, |found| entry.start + found as u32);
            keys.push(Span { start: entry.start, end });
            values.push(if found.is_some() { Span { start: end + 1, end: entry.end } } else { Span::NULL });
        }
        let (keys, values) = (self.child(key, &keys, 2), self.child(value, &values, 2));
        let keep = first_keys(&keys, &mut lengths);
        let kept = |array: ArrayRef| match &keep {
            Some(keep) => filter(&array, keep).unwrap_or(array),
            None => array,
        };
        let (keys, values) = (kept(keys), kept(values));
        map_array(keys, values, lengths, nulls(spans))
    }

    fn structure(&self, fields: &[StructField], spans: &[Span]) -> ArrayRef {
        let mut children: Vec<Vec<Span>> = fields.iter().map(|_| Vec::with_capacity(spans.len())).collect();
        let mut found = Vec::new();
        let separator = self.parameters.separator(self.level);
        for span in spans {
            found.clear();
            if !span.is_null() {
                pieces(self.block.bytes, *span, separator, self.parameters.escape, &mut found);
                // Of an empty struct, the first field is there and empty.
                if found.is_empty() {
                    found.push(*span);
                }
            }
            for (index, child) in children.iter_mut().enumerate() {
                child.push(found.get(index).copied().unwrap_or(Span::NULL));
            }
        }
        let decoded: Vec<ArrayRef> =
            fields.iter().zip(&children).map(|(field, spans)| self.child(&field.ty, spans, 1)).collect();
        let arrow: Fields =
            fields.iter().map(|field| Field::new(&field.name, field.ty.arrow(), true)).collect();
        match StructArray::try_new_with_length(arrow, decoded, nulls(spans), spans.len()) {
            Ok(array) => Arc::new(array),
            Err(_) => datafusion::arrow::array::new_null_array(
                &HiveType::Struct(fields.to_vec()).arrow(),
                spans.len(),
            ),
        }
    }

    /// The tag, a separator, and the rest of it the value.
    fn union(&self, alternatives: &[HiveType], ty: &HiveType, spans: &[Span]) -> ArrayRef {
        let separator = self.parameters.separator(self.level);
        let cut = |span: &Span| {
            let text = self.block.get(*span)?;
            let found = find_byte(text, separator?, self.parameters.escape)?;
            let tag: i8 = std::str::from_utf8(&text[..found]).ok()?.parse().ok()?;
            let known = usize::try_from(tag).is_ok_and(|tag| tag < alternatives.len());
            known.then_some((tag, Span { start: span.start + found as u32 + 1, end: span.end }))
        };
        let cut: Vec<Option<(i8, Span)>> = spans.iter().map(cut).collect();
        let tags: Int8Array = cut.iter().map(|cut| cut.map(|(tag, _)| tag)).collect();
        let nulls = tags.nulls().cloned();
        let mut children: Vec<ArrayRef> = vec![Arc::new(tags)];
        for (index, alternative) in alternatives.iter().enumerate() {
            let mine = |cut: &Option<(i8, Span)>| cut.filter(|(tag, _)| *tag as usize == index);
            let spans: Vec<Span> =
                cut.iter().map(|cut| mine(cut).map_or(Span::NULL, |(_, span)| span)).collect();
            children.push(self.child(alternative, &spans, 1));
        }
        match ty.arrow() {
            DataType::Struct(fields) => Arc::new(StructArray::new(fields, children, nulls)),
            other => datafusion::arrow::array::new_null_array(&other, spans.len()),
        }
    }
}

fn nulls(spans: &[Span]) -> Option<NullBuffer> {
    let valid: NullBuffer = spans.iter().map(|span| !span.is_null()).collect();
    Some(valid).filter(|valid| valid.null_count() > 0)
}

/// Which entries remain where some do not; `lengths` then are those of the remaining ones.
pub(in crate::formats) fn first_keys(keys: &ArrayRef, lengths: &mut [usize]) -> Option<BooleanArray> {
    let rows = datafusion::arrow::row::RowConverter::new(vec![datafusion::arrow::row::SortField::new(
        keys.data_type().clone(),
    )]);
    let rows = rows.and_then(|converter| converter.convert_columns(std::slice::from_ref(keys))).ok()?;
    let mut keep = Vec::with_capacity(keys.len());
    let mut seen = HashSet::new();
    let mut at = 0;
    for length in lengths {
        seen.clear();
        let end = at + *length;
        *length = 0;
        for entry in at..end {
            let first = keys.is_valid(entry) && seen.insert(rows.row(entry));
            keep.push(first);
            *length += usize::from(first);
        }
        at = end;
    }
    keep.contains(&false).then(|| BooleanArray::from(keep))
}

/// A map of keys that are not NULL.
pub(in crate::formats) fn map_array(
    keys: ArrayRef,
    values: ArrayRef,
    lengths: Vec<usize>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let fields = Fields::from(vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", values.data_type().clone(), true),
    ]);
    let entries = StructArray::new(fields, vec![keys, values], None);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Arc::new(MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, nulls, false))
}
