//! `json_read`: a JSON document as a value of a given type.

use super::{json::Json, type_text};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        datetime::parse::{parse_date, parse_timestamp},
        resolve::{constant_text, count, scalar, text, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{
            ArrayRef, BooleanArray, Date32Array, ListArray, MapArray, StringArray, StructArray,
            TimestampMicrosecondArray, new_null_array,
        },
        buffer::{NullBuffer, OffsetBuffer},
        compute::cast,
        datatypes::DataType,
    },
    common::{DataFusionError, Result as ExecutionResult},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "json_read",
    aliases: &[],
    usage: "_FUNC_(json, type) - Parses the given json according to the given complex type specification",
    extended: "Parsed as null: if the json is null, it is the empty string or if it contains only whitespaces\nExample:\nselect _FUNC_('[]','array<struct<a:string>>' )",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    if !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "string"));
    }
    let written = constant_text(name, args, 1)?;
    let returns =
        type_text::parse(&written).ok_or_else(|| wrong_value(name, 1, format!("{written} is no type")))?;
    let ty = returns.clone();
    let takes = vec![HiveType::String, HiveType::String];
    Ok(scalar(name, args, takes, returns, move |columns, _| {
        let documents = text(columns, 0)?
            .iter()
            .map(|document| match document.map(str::trim) {
                None | Some("") => Ok(None),
                Some(document) => serde_json::from_str::<Json>(document)
                    .map(Some)
                    .map_err(|error| DataFusionError::External(Box::new(error))),
            })
            .collect::<ExecutionResult<Vec<Option<Json>>>>()?;
        column(&documents.iter().map(Option::as_ref).collect::<Vec<_>>(), &ty)
    }))
}

/// The values as a column; NULL where one has another shape than the type.
fn column(values: &[Option<&Json>], ty: &HiveType) -> ExecutionResult<ArrayRef> {
    Ok(match ty {
        HiveType::Array(element) => {
            let arrays: Vec<_> = values.iter().map(|value| value.and_then(Json::as_array)).collect();
            let elements: Vec<_> = arrays.iter().flatten().flat_map(|array| array.iter()).map(Some).collect();
            let lengths = arrays.iter().map(|array| array.map_or(0, <[Json]>::len));
            let nulls: NullBuffer = arrays.iter().map(Option::is_some).collect();
            let DataType::List(field) = ty.arrow() else {
                return Ok(new_null_array(&ty.arrow(), values.len()));
            };
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::try_new(field, offsets, column(&elements, element)?, Some(nulls))?)
        }
        HiveType::Map(key, value) => map(values, ty, key, value)?,
        HiveType::Struct(fields) => {
            let DataType::Struct(arrow) = ty.arrow() else {
                return Ok(new_null_array(&ty.arrow(), values.len()));
            };
            let columns = fields.iter().map(|field| {
                let values: Vec<_> = values.iter().map(|value| member((*value)?, &field.name)).collect();
                column(&values, &field.ty)
            });
            let nulls: NullBuffer =
                values.iter().map(|value| matches!(value, Some(Json::Object(_)))).collect();
            let columns = columns.collect::<ExecutionResult<Vec<_>>>()?;
            Arc::new(StructArray::try_new_with_length(arrow, columns, Some(nulls), values.len())?)
        }
        _ => primitives(values, ty)?,
    })
}

/// The last member of that name, which no case tells apart.
fn member<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    let Json::Object(entries) = value else { return None };
    entries.iter().rev().find(|(key, _)| key.to_lowercase() == name).map(|(_, value)| value)
}

fn map(
    values: &[Option<&Json>],
    ty: &HiveType,
    key: &HiveType,
    value: &HiveType,
) -> ExecutionResult<ArrayRef> {
    let objects: Vec<_> = values
        .iter()
        .map(|value| match value {
            Some(Json::Object(entries)) => Some(entries.as_slice()),
            _ => None,
        })
        .collect();
    let entries = || objects.iter().flatten().flat_map(|entries| entries.iter());
    let keys: StringArray = entries().map(|(key, _)| Some(key.as_str())).collect();
    let members: Vec<_> = entries().map(|(_, value)| Some(value)).collect();
    let DataType::Map(field, ordered) = ty.arrow() else {
        return Ok(new_null_array(&ty.arrow(), values.len()));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Ok(new_null_array(&ty.arrow(), values.len()));
    };
    let keys = cast(&(Arc::new(keys) as ArrayRef), &key.arrow())?;
    let parts = StructArray::try_new(fields.clone(), vec![keys, column(&members, value)?], None)?;
    let offsets = OffsetBuffer::from_lengths(objects.iter().map(|entries| entries.map_or(0, <[_]>::len)));
    let nulls: NullBuffer = objects.iter().map(Option::is_some).collect();
    Ok(Arc::new(MapArray::try_new(field.clone(), offsets, parts, Some(nulls), ordered)?))
}

fn primitives(values: &[Option<&Json>], ty: &HiveType) -> ExecutionResult<ArrayRef> {
    let texts = values.iter().map(|value| match value {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    });
    Ok(match ty {
        HiveType::Boolean => Arc::new(BooleanArray::from_iter(values.iter().map(|value| match value {
            Some(Json::Boolean(value)) => Some(*value),
            Some(Json::String(text)) => Some(text.eq_ignore_ascii_case("true")),
            _ => None,
        }))),
        HiveType::Date => Arc::new(texts.map(|text| parse_date(&text?)).collect::<Date32Array>()),
        HiveType::Timestamp => {
            Arc::new(texts.map(|text| parse_timestamp(&text?)).collect::<TimestampMicrosecondArray>())
        }
        HiveType::Varchar(length) | HiveType::Char(length) => {
            let cut = texts.map(|text| Some(text?.chars().take(*length as usize).collect::<String>()));
            Arc::new(cut.collect::<StringArray>())
        }
        _ => cast(&(Arc::new(texts.collect::<StringArray>()) as ArrayRef), &ty.arrow())?,
    })
}

#[cfg(test)]
mod tests {
    use crate::functions::{
        document::FUNCTIONS,
        evaluate::{string, text},
    };

    #[test]
    fn documents_are_read_by_their_type() {
        for (document, ty, expected) in [
            (
                r#"[{"name":"john","address":{"city":"LA"}},{"Name":"kinga","age":2}]"#,
                "array<struct<name:string,age:int,address:struct<city:string,street:string>>>",
                "[{name: john, age: NULL, address: {city: LA, street: NULL}}, {name: kinga, age: 2, address: NULL}]",
            ),
            (r#"{"a":[1,2],"b":null}"#, "map<string,array<int>>", "{a: [1, 2], b: NULL}"),
            ("", "array<int>", "NULL"),
        ] {
            assert_eq!(text(FUNCTIONS, "json_read", &[string(document), string(ty)]), expected);
        }
    }
}
