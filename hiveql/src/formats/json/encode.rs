//! Batches to documents, in the form that Hive's SerDeUtils gives them.

use crate::{
    formats::{rows::EncodedRows, text::write_primitive},
    render::json::quote,
    types::HiveType,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::Int8Type,
    record_batch::RecordBatch,
};

pub(super) fn rows(
    columns: &[(String, HiveType)],
    batch: &RecordBatch,
    raw_binary: bool,
    rows: &mut EncodedRows,
) {
    let names: Vec<Vec<u8>> = columns.iter().map(|(name, _)| quoted(name)).collect();
    let writer = Writer { raw_binary };
    for row in 0..batch.num_rows() {
        let out = &mut rows.bytes;
        out.push(b'{');
        for (index, (array, (_, ty))) in batch.columns().iter().zip(columns).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&names[index]);
            out.push(b':');
            writer.value(array, ty, row, out);
        }
        out.push(b'}');
        rows.end_row();
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    quote(text.as_bytes(), &mut out);
    out
}

struct Writer {
    raw_binary: bool,
}

impl Writer {
    fn value(&self, array: &ArrayRef, ty: &HiveType, row: usize, out: &mut Vec<u8>) {
        if array.is_null(row) || *ty == HiveType::Void {
            return out.extend_from_slice(b"null");
        }
        match ty {
            HiveType::Array(element) => {
                let elements = array.as_list::<i32>().value(row);
                self.between(b'[', b']', elements.len(), out, |index, out| {
                    self.value(&elements, element, index, out)
                });
            }
            HiveType::Map(key, value) => {
                let entries = array.as_map().value(row);
                self.between(b'{', b'}', entries.len(), out, |index, out| {
                    let mut text = Vec::new();
                    write_primitive(entries.column(0), key, index, &mut text);
                    quote(&text, out);
                    out.push(b':');
                    self.value(entries.column(1), value, index, out);
                });
            }
            HiveType::Struct(fields) => {
                let children = array.as_struct().columns();
                self.between(b'{', b'}', fields.len(), out, |index, out| {
                    quote(fields[index].name.as_bytes(), out);
                    out.push(b':');
                    self.value(&children[index], &fields[index].ty, row, out);
                });
            }
            HiveType::Union(alternatives) => self.union(array, alternatives, row, out),
            _ => self.primitive(array, ty, row, out),
        }
    }

    fn primitive(&self, array: &ArrayRef, ty: &HiveType, row: usize, out: &mut Vec<u8>) {
        if ty.is_numeric() || *ty == HiveType::Boolean {
            write_primitive(array, ty, row, out);
            return;
        }
        let mut text = Vec::new();
        if *ty == HiveType::Binary {
            let bytes = array.as_binary::<i32>().value(row);
            let raw = String::from_utf8_lossy(bytes);
            text =
                if self.raw_binary { raw.as_bytes().to_vec() } else { STANDARD.encode(bytes).into_bytes() };
        } else {
            write_primitive(array, ty, row, &mut text);
        }
        quote(&text, out);
    }

    fn between(
        &self,
        open: u8,
        close: u8,
        count: usize,
        out: &mut Vec<u8>,
        each: impl Fn(usize, &mut Vec<u8>),
    ) {
        out.push(open);
        for index in 0..count {
            if index > 0 {
                out.push(b',');
            }
            each(index, out);
        }
        out.push(close);
    }

    fn union(&self, array: &ArrayRef, types: &[HiveType], row: usize, out: &mut Vec<u8>) {
        let children = array.as_struct();
        let tag = children.column(0).as_primitive::<Int8Type>().value(row);
        out.extend_from_slice(format!("{{{tag}:").as_bytes());
        let chosen = usize::try_from(tag).ok();
        if let Some((index, ty)) = chosen.and_then(|index| Some((index, types.get(index)?))) {
            self.value(children.column(index + 1), ty, row, out);
        }
        out.push(b'}');
    }
}
