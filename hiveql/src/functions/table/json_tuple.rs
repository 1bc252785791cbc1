//! `json_tuple`: several keys of a JSON object at once.

use super::{rows_of, table};
use crate::{
    functions::{
        Arg, FunctionError, SessionFacts, Table, TableFunction,
        document::json::Json,
        resolve::{count, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, StringArray, StringBuilder},
        buffer::OffsetBuffer,
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[TableFunction] = &[TableFunction {
    name: "json_tuple",
    aliases: &[],
    usage: "_FUNC_(jsonStr, p1, p2, ..., pn) - like get_json_object, but it takes multiple names and return a tuple. All the input parameters and output column types are string.",
    extended: "",
    resolve,
}];

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Table, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    for (index, arg) in args.iter().enumerate() {
        if !arg.ty.is_text() && arg.ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "string"));
        }
    }
    let names: Vec<_> = (0..args.len() - 1).map(|column| (format!("c{column}"), HiveType::String)).collect();
    let columns = names.clone();
    Ok(table(name, args, vec![HiveType::String; args.len()], names, move |arrays, rows| {
        let documents = text(arrays, 0)?;
        let keys = (1..arrays.len())
            .map(|index| text(arrays, index))
            .collect::<ExecutionResult<Vec<&StringArray>>>()?;
        let mut builders: Vec<_> =
            keys.iter().map(|_| StringBuilder::with_capacity(rows, rows * 8)).collect();
        for row in 0..rows {
            let document = documents.is_valid(row).then(|| documents.value(row));
            let json: Option<Json> = document.and_then(|document| serde_json::from_str(document).ok());
            for (builder, keys) in builders.iter_mut().zip(&keys) {
                let key = keys.is_valid(row).then(|| keys.value(row));
                let value = json.as_ref().zip(key).and_then(|(json, key)| match json.get(key)? {
                    Json::Null => None,
                    Json::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                });
                builder.append_option(value);
            }
        }
        let parts = builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        rows_of(&columns, parts, OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows)), None)
    }))
}
