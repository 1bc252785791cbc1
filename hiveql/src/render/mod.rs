//! Values as text, the one home of it: as `cast(x as string)` writes them, and as Hive's CLI prints rows.

pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod primitive;
#[cfg(test)]
mod tests;
pub(crate) mod time;

use crate::{functions::SessionFacts, types::HiveType};
use chrono_tz::Tz;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int8Array},
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::Int8Type,
    },
    common::Result,
};
use primitive::{Primitive, Style, known};

/// Writes the values of one column of a batch as Hive's CLI prints them: primitive ones as they are, nested ones as JSON.
#[derive(Debug, Clone)]
pub struct Renderer {
    nulls: Option<NullBuffer>,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    Void,
    Primitive(Primitive),
    List {
        offsets: OffsetBuffer<i32>,
        element: Box<Renderer>,
    },
    Map {
        offsets: OffsetBuffer<i32>,
        key: Box<Renderer>,
        value: Box<Renderer>,
    },
    /// Names as JSON has them, with the colon.
    Struct(Vec<(Vec<u8>, Renderer)>),
    Union {
        tags: Int8Array,
        alternatives: Vec<Renderer>,
    },
}

impl Renderer {
    /// Fails where the array is not of the type.
    pub fn new(array: &ArrayRef, ty: &HiveType, facts: &SessionFacts) -> Result<Renderer> {
        Renderer::styled(array, ty, Style::Row, facts.timezone)
    }

    fn styled(array: &ArrayRef, ty: &HiveType, style: Style, zone: Tz) -> Result<Renderer> {
        let inner = |array: &ArrayRef, ty: &HiveType| Renderer::styled(array, ty, Style::Nested, zone);
        let shape = match ty {
            HiveType::Void => Shape::Void,
            HiveType::Array(element) => {
                let list = known(array.as_list_opt::<i32>(), array, ty)?;
                let element = Box::new(inner(list.values(), element)?);
                Shape::List { offsets: list.offsets().clone(), element }
            }
            HiveType::Map(key, value) => {
                let map = known(array.as_map_opt(), array, ty)?;
                let key = Box::new(inner(map.keys(), key)?);
                let value = Box::new(inner(map.values(), value)?);
                Shape::Map { offsets: map.offsets().clone(), key, value }
            }
            HiveType::Struct(fields) => {
                let children = known(array.as_struct_opt(), array, ty)?;
                let field = |(field, child): (&crate::types::StructField, &ArrayRef)| {
                    let mut name = Vec::with_capacity(field.name.len() + 3);
                    json::quote(field.name.as_bytes(), &mut name);
                    name.push(b':');
                    Ok((name, inner(child, &field.ty)?))
                };
                Shape::Struct(fields.iter().zip(children.columns()).map(field).collect::<Result<_>>()?)
            }
            HiveType::Union(types) => {
                let children = known(array.as_struct_opt(), array, ty)?;
                let mut columns = children.columns().iter();
                let tags = columns.next().and_then(|tags| tags.as_primitive_opt::<Int8Type>());
                let tags = known(tags, array, ty)?;
                let alternatives = types.iter().zip(columns).map(|(ty, column)| inner(column, ty));
                Shape::Union { tags, alternatives: alternatives.collect::<Result<_>>()? }
            }
            _ => match Primitive::new(array, ty, style, zone)? {
                Some(primitive) => Shape::Primitive(primitive),
                None => Shape::Void,
            },
        };
        Ok(Renderer { nulls: array.logical_nulls(), shape })
    }

    fn is_null(&self, row: usize) -> bool {
        matches!(self.shape, Shape::Void) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value in the given row as text; `false` where it is NULL, and then nothing is written.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        if self.is_null(row) {
            return false;
        }
        match &self.shape {
            Shape::Primitive(primitive) => primitive.write(row, out),
            _ => self.json(row, out),
        }
        true
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match &self.shape {
            Shape::Void => {}
            Shape::Primitive(primitive) if primitive.is_quoted() => {
                let start = out.len();
                primitive.write(row, out);
                quote_from(start, out);
            }
            Shape::Primitive(primitive) => primitive.write(row, out),
            Shape::List { offsets, element } => {
                between(b'[', b']', offsets[row] as usize..offsets[row + 1] as usize, out, |place, out| {
                    element.json(place, out);
                });
            }
            Shape::Map { offsets, key, value } => {
                between(b'{', b'}', offsets[row] as usize..offsets[row + 1] as usize, out, |place, out| {
                    key.json(place, out);
                    out.push(b':');
                    value.json(place, out);
                });
            }
            Shape::Struct(fields) => between(b'{', b'}', 0..fields.len(), out, |index, out| {
                let (name, field) = &fields[index];
                out.extend_from_slice(name);
                field.json(row, out);
            }),
            Shape::Union { tags, alternatives } => {
                let tag = tags.value(row);
                number::text(out, format_args!("{{{tag}:"));
                match usize::try_from(tag).ok().and_then(|tag| alternatives.get(tag)) {
                    Some(alternative) => alternative.json(row, out),
                    None => out.extend_from_slice(b"null"),
                }
                out.push(b'}');
            }
        }
    }
}

/// Puts what was written since `start` between quotes; seldom there is anything to escape.
fn quote_from(start: usize, out: &mut Vec<u8>) {
    let is_plain = out[start..].iter().all(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f));
    if is_plain {
        out.insert(start, b'"');
        out.push(b'"');
        return;
    }
    let raw = out.split_off(start);
    json::quote(&raw, out);
}

fn between(
    open: u8,
    close: u8,
    places: std::ops::Range<usize>,
    out: &mut Vec<u8>,
    each: impl Fn(usize, &mut Vec<u8>),
) {
    out.push(open);
    let first = places.start;
    for place in places {
        if place > first {
            out.push(b',');
        }
        each(place, out);
    }
    out.push(close);
}
