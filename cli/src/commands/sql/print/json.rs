//! One JSON object per row: numbers and truth values as such, arrays, maps and structs as what they are, everything else as
//! the text that the engine gives it.

use super::{Printer, Shape, cells::texts};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, StringArray},
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::Int8Type,
    record_batch::RecordBatch,
};
use skep_hiveql::{functions::SessionFacts, types::HiveType};
use std::io::{self, Write};

pub struct Json {
    shape: Shape,
    /// The names as JSON strings with a colon.
    keys: Vec<String>,
}

impl Json {
    pub fn new(shape: Shape) -> Json {
        let keys = shape.names().map(key).collect();
        Json { shape, keys }
    }
}

impl Printer for Json {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let columns: Vec<Tree> = batch
            .columns()
            .iter()
            .zip(&self.shape.columns)
            .map(|(array, (_, ty))| Tree::of(array, ty, &self.shape.facts))
            .collect::<io::Result<_>>()?;
        for row in 0..batch.num_rows() {
            object(self.keys.iter().zip(&columns), row, out)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// A column with the texts of its innermost values, which are made once per batch.
enum Tree {
    Bare(StringArray),
    Quoted(StringArray),
    Array { nulls: Option<NullBuffer>, offsets: Vec<usize>, element: Box<Tree> },
    Map { nulls: Option<NullBuffer>, offsets: Vec<usize>, keys: StringArray, value: Box<Tree> },
    Struct { nulls: Option<NullBuffer>, fields: Vec<(String, Tree)> },
    Union { nulls: Option<NullBuffer>, tags: Vec<usize>, alternatives: Vec<Tree> },
}

impl Tree {
    fn of(array: &ArrayRef, ty: &HiveType, facts: &SessionFacts) -> io::Result<Tree> {
        let nulls = array.nulls().cloned();
        Ok(match ty {
            HiveType::Array(element) => {
                let list = array.as_list::<i32>();
                let (first, offsets) = from_first(list.offsets());
                let values = list.values().slice(first, span(&offsets));
                Tree::Array { nulls, offsets, element: Box::new(Tree::of(&values, element, facts)?) }
            }
            HiveType::Map(key, value) => {
                let map = array.as_map();
                let (first, offsets) = from_first(map.offsets());
                let keys = texts(&map.keys().slice(first, span(&offsets)), key, facts)?;
                let values = map.values().slice(first, span(&offsets));
                Tree::Map { nulls, offsets, keys, value: Box::new(Tree::of(&values, value, facts)?) }
            }
            HiveType::Struct(fields) => {
                let columns = array.as_struct().columns().iter().zip(fields);
                let fields = columns
                    .map(|(column, field)| Ok((key(&field.name), Tree::of(column, &field.ty, facts)?)));
                Tree::Struct { nulls, fields: fields.collect::<io::Result<_>>()? }
            }
            HiveType::Union(types) => {
                let columns = array.as_struct().columns();
                let tags = columns.first().map(|tags| tags.as_primitive::<Int8Type>());
                let tags =
                    tags.map(|tags| tags.values().iter().map(|tag| usize::try_from(*tag).unwrap_or(0)));
                let alternatives = columns.iter().skip(1).zip(types);
                let alternatives = alternatives
                    .map(|(column, ty)| Tree::of(column, ty, facts))
                    .collect::<io::Result<_>>()?;
                Tree::Union { nulls, tags: tags.into_iter().flatten().collect(), alternatives }
            }
            HiveType::Boolean => Tree::Bare(texts(array, ty, facts)?),
            number if number.is_numeric() => Tree::Bare(texts(array, ty, facts)?),
            _ => Tree::Quoted(texts(array, ty, facts)?),
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Tree::Bare(texts) | Tree::Quoted(texts) => texts.is_null(row),
            Tree::Array { nulls, .. }
            | Tree::Map { nulls, .. }
            | Tree::Struct { nulls, .. }
            | Tree::Union { nulls, .. } => nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)),
        }
    }

    fn write(&self, row: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.is_null(row) {
            return out.write_all(b"null");
        }
        match self {
            Tree::Bare(texts) if is_json(texts.value(row)) => out.write_all(texts.value(row).as_bytes()),
            Tree::Bare(texts) | Tree::Quoted(texts) => quoted(texts.value(row), out),
            Tree::Array { offsets, element, .. } => {
                between(*b"[]", offsets[row]..offsets[row + 1], out, |index, out| element.write(index, out))
            }
            Tree::Map { offsets, keys, value, .. } => {
                between(*b"{}", offsets[row]..offsets[row + 1], out, |index, out| {
                    quoted(keys.value(index), out)?;
                    out.write_all(b":")?;
                    value.write(index, out)
                })
            }
            Tree::Struct { fields, .. } => object(fields.iter().map(|(key, tree)| (key, tree)), row, out),
            Tree::Union { tags, alternatives, .. } => {
                let tag = tags[row];
                write!(out, "{{\"{tag}\":")?;
                match alternatives.get(tag) {
                    Some(value) => value.write(row, out)?,
                    None => out.write_all(b"null")?,
                }
                out.write_all(b"}")
            }
        }
    }
}

/// Where the values of a possibly cut list array begin, and its offsets from there.
fn from_first(offsets: &OffsetBuffer<i32>) -> (usize, Vec<usize>) {
    let place = |offset: &i32| usize::try_from(*offset).unwrap_or(0);
    let first = offsets.first().map_or(0, place);
    (first, offsets.iter().map(|offset| place(offset) - first).collect())
}

fn span(offsets: &[usize]) -> usize {
    offsets.last().copied().unwrap_or(0)
}

fn object<'a>(
    members: impl Iterator<Item = (&'a String, &'a Tree)>,
    row: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"{")?;
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(key.as_bytes())?;
        value.write(row, out)?;
    }
    out.write_all(b"}")
}

fn between(
    [open, close]: [u8; 2],
    indices: std::ops::Range<usize>,
    out: &mut dyn Write,
    mut member: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(&[open])?;
    let first = indices.start;
    for index in indices {
        if index > first {
            out.write_all(b",")?;
        }
        member(index, out)?;
    }
    out.write_all(&[close])
}

/// NaN and the infinities have no number in JSON.
fn is_json(bare: &str) -> bool {
    !matches!(bare, "NaN" | "Infinity" | "-Infinity")
}

fn quoted(text: &str, out: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

fn key(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}
