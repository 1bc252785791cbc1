//! Batches to rows of text as LazySimpleSerDe writes them.

use super::{
    parameters::{FieldDelimiter, Parameters},
    values::write_primitive,
};
use crate::{formats::rows::EncodedRows, types::HiveType};
use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::Int8Type,
    record_batch::RecordBatch,
};

pub(super) fn rows(
    batch: &RecordBatch,
    columns: &[(String, HiveType)],
    parameters: &Parameters,
    rows: &mut EncodedRows,
) {
    let mut writer = Writer { parameters, scratch: Vec::new() };
    for row in 0..batch.num_rows() {
        for (index, (array, (_, ty))) in batch.columns().iter().zip(columns).enumerate() {
            if index > 0 {
                match &parameters.fields {
                    FieldDelimiter::Byte(delimiter) => rows.bytes.push(*delimiter),
                    FieldDelimiter::Bytes(finder) => rows.bytes.extend_from_slice(finder.needle()),
                }
            }
            writer.value(array, ty, row, 1, &mut rows.bytes);
        }
        rows.end_row();
    }
}

struct Writer<'a> {
    parameters: &'a Parameters,
    scratch: Vec<u8>,
}

impl Writer<'_> {
    /// `level` is that of the separator which a nested value puts between its pieces.
    fn value(&mut self, array: &ArrayRef, ty: &HiveType, row: usize, level: usize, out: &mut Vec<u8>) {
        if array.is_null(row) || *ty == HiveType::Void {
            return out.extend_from_slice(&self.parameters.null);
        }
        match ty {
            HiveType::Binary => {
                out.extend_from_slice(STANDARD.encode(array.as_binary::<i32>().value(row)).as_bytes())
            }
            HiveType::Array(element) => self.list(&array.as_list::<i32>().value(row), element, level, out),
            HiveType::Map(key, value) => {
                let entries = array.as_map().value(row);
                for entry in 0..entries.len() {
                    self.separate(entry, level, out);
                    self.value(entries.column(0), key, entry, level + 2, out);
                    out.extend(self.parameters.separator(level + 1));
                    self.value(entries.column(1), value, entry, level + 2, out);
                }
            }
            HiveType::Struct(fields) => {
                for (index, (child, field)) in array.as_struct().columns().iter().zip(fields).enumerate() {
                    self.separate(index, level, out);
                    self.value(child, &field.ty, row, level + 1, out);
                }
            }
            HiveType::Union(alternatives) => self.union(array, alternatives, row, level, out),
            _ => self.primitive(array, ty, row, out),
        }
    }

    fn primitive(&mut self, array: &ArrayRef, ty: &HiveType, row: usize, out: &mut Vec<u8>) {
        let Some(escape) = self.parameters.escape.filter(|_| ty.is_text()) else {
            write_primitive(array, ty, row, out);
            return;
        };
        self.scratch.clear();
        write_primitive(array, ty, row, &mut self.scratch);
        for byte in &self.scratch {
            if self.parameters.needs_escape[*byte as usize] {
                out.push(escape);
            }
            out.push(match byte {
                b'\n' if self.parameters.needs_escape[*byte as usize] => b'n',
                b'\r' if self.parameters.needs_escape[*byte as usize] => b'r',
                byte => *byte,
            });
        }
    }

    fn separate(&self, index: usize, level: usize, out: &mut Vec<u8>) {
        if index > 0 {
            out.extend(self.parameters.separator(level));
        }
    }

    fn list(&mut self, elements: &ArrayRef, ty: &HiveType, level: usize, out: &mut Vec<u8>) {
        for index in 0..elements.len() {
            self.separate(index, level, out);
            self.value(elements, ty, index, level + 1, out);
        }
    }

    fn union(&mut self, array: &ArrayRef, types: &[HiveType], row: usize, level: usize, out: &mut Vec<u8>) {
        let children = array.as_struct();
        let tag = children.column(0).as_primitive::<Int8Type>().value(row);
        out.extend_from_slice(tag.to_string().as_bytes());
        out.extend(self.parameters.separator(level));
        let chosen = usize::try_from(tag).ok();
        if let Some((index, ty)) = chosen.and_then(|index| Some((index, types.get(index)?))) {
            self.value(children.column(index + 1), ty, row, level + 1, out);
        }
    }
}
