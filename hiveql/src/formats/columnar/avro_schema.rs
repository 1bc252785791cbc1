//! Avro schemas of tables: where one is said, and which columns it stands for.

use crate::{
    formats::{FormatError, storage::Storage},
    types::{HiveType, StructField},
};
use serde_json::{Map, Value};
use std::collections::HashMap;

type Known = HashMap<String, HiveType>;

const LITERAL: &str = "avro.schema.literal";
const URL: &str = "avro.schema.url";

/// The schema that a table names. A URL must have been fetched and made a literal, unless it is of a local file.
pub(super) fn of_table(storage: &Storage) -> Result<Option<Value>, FormatError> {
    let text = match (storage.get(LITERAL).filter(|text| !matches!(*text, "" | "none")), storage.get(URL)) {
        (Some(text), _) => text.to_owned(),
        (None, Some(url)) if !matches!(url, "" | "none") => fetch(url)?,
        _ => return Ok(None),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| FormatError::AvroSchema(error.to_string()))
}

fn fetch(url: &str) -> Result<String, FormatError> {
    let unreadable = |reason: String| FormatError::Property { name: URL, value: url.to_owned(), reason };
    let path = url.strip_prefix("file:").map(|path| path.strip_prefix("//").unwrap_or(path));
    let path = path.or_else(|| url.starts_with('/').then_some(url));
    let path = path.ok_or_else(|| unreadable("it was not fetched".to_owned()))?;
    std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

/// The columns of a table by its Avro schema: their names in lower case and their types.
pub fn avro_columns(schema: &str) -> Result<Vec<(String, HiveType)>, FormatError> {
    let schema = serde_json::from_str(schema).map_err(|error| FormatError::AvroSchema(error.to_string()))?;
    columns(&schema)
}

pub(super) fn columns(schema: &Value) -> Result<Vec<(String, HiveType)>, FormatError> {
    let mut known = Known::new();
    match hive_type(schema, &mut known)? {
        HiveType::Struct(fields) => Ok(fields.into_iter().map(|field| (field.name, field.ty)).collect()),
        other => Err(FormatError::AvroSchema(format!("a table is a record, not {other}"))),
    }
}

/// A named type becomes known when all of it was read, so none can hold itself.
fn hive_type(schema: &Value, known: &mut Known) -> Result<HiveType, FormatError> {
    let unknown = || FormatError::AvroSchema(format!("{schema} is no type"));
    match schema {
        Value::String(name) => named(name, known).ok_or_else(unknown)?,
        Value::Array(alternatives) => union(alternatives, known),
        Value::Object(object) => complex(object, known),
        _ => Err(unknown()),
    }
}

fn named(name: &str, known: &Known) -> Option<Result<HiveType, FormatError>> {
    Some(Ok(match name {
        "null" => HiveType::Void,
        "boolean" => HiveType::Boolean,
        "int" => HiveType::Int,
        "long" => HiveType::BigInt,
        "float" => HiveType::Float,
        "double" => HiveType::Double,
        "bytes" => HiveType::Binary,
        "string" => HiveType::String,
        _ => {
            return known.get(name).cloned().map(Ok);
        }
    }))
}

fn union(alternatives: &[Value], known: &mut Known) -> Result<HiveType, FormatError> {
    let types = alternatives.iter().filter(|alternative| *alternative != "null");
    let mut types = types.map(|ty| hive_type(ty, known)).collect::<Result<Vec<_>, _>>()?;
    match types.len() {
        0 => Ok(HiveType::Void),
        1 => Ok(types.remove(0)),
        _ => Ok(HiveType::Union(types)),
    }
}

fn complex(object: &Map<String, Value>, known: &mut Known) -> Result<HiveType, FormatError> {
    let invalid = |what: &str| FormatError::AvroSchema(format!("{what} is missing or wrong in {object:?}"));
    let part = |name: &str| object.get(name).ok_or_else(|| invalid(name));
    if let Some(ty) = logical(object) {
        return Ok(ty);
    }
    let kind = part("type")?;
    let ty = match kind.as_str() {
        Some("record" | "error") => {
            let fields = part("fields")?.as_array().ok_or_else(|| invalid("fields"))?;
            let field = |field: &Value| {
                let name = field.get("name").and_then(Value::as_str).ok_or_else(|| invalid("name"))?;
                let ty = hive_type(field.get("type").ok_or_else(|| invalid("type"))?, known)?;
                Ok(StructField { name: name.to_lowercase(), ty })
            };
            Ok(HiveType::Struct(fields.iter().map(field).collect::<Result<_, FormatError>>()?))
        }
        Some("array") => Ok(HiveType::array(hive_type(part("items")?, known)?)),
        Some("map") => Ok(HiveType::map(HiveType::String, hive_type(part("values")?, known)?)),
        Some("enum") => Ok(HiveType::String),
        Some("fixed") => Ok(HiveType::Binary),
        _ => hive_type(kind, known),
    }?;
    if let Some(name) = object.get("name").and_then(Value::as_str) {
        if let Some(space) = object.get("namespace").and_then(Value::as_str) {
            known.insert(format!("{space}.{name}"), ty.clone());
        }
        known.insert(name.to_owned(), ty.clone());
    }
    Ok(ty)
}

fn logical(object: &Map<String, Value>) -> Option<HiveType> {
    let number = |name: &str| {
        object.get(name).and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
    };
    match object.get("logicalType")?.as_str()? {
        "decimal" => {
            let scale = number("scale").unwrap_or(0);
            Some(HiveType::decimal(u8::try_from(number("precision")?).ok()?, u8::try_from(scale).ok()?))
        }
        "char" => Some(HiveType::Char(u32::try_from(number("maxLength")?).ok()?)),
        "varchar" => Some(HiveType::Varchar(u32::try_from(number("maxLength")?).ok()?)),
        "date" => Some(HiveType::Date),
        "timestamp-millis" | "timestamp-micros" | "local-timestamp-millis" | "local-timestamp-micros" => {
            Some(HiveType::Timestamp)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_gives_columns() {
        let schema = r#"{"type":"record","name":"r","fields":[
            {"name":"A","type":["null","int"]},
            {"name":"b","type":{"type":"array","items":["null","string"]}},
            {"name":"c","type":["int","string"]},
            {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}},
            {"name":"f","type":"E"}]}"#;
        let columns = avro_columns(schema).unwrap();
        let text: Vec<String> = columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
        assert_eq!(
            text,
            ["a int", "b array<string>", "c uniontype<int,string>", "d decimal(5,2)", "e string", "f string"]
        );
        let endless = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"r"}]}"#;
        assert!(avro_columns(endless).is_err());
    }
}
