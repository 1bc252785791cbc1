//! DESCRIBE of one column, or of a field inside it: `t col.field`, `$elem$`, `$key$`, `$value$`.

use super::{COLUMNS, row};
use crate::{
    catalog::{ColumnStatistics, Table},
    ddl::{DdlError, Output, Problem, statistics::ACCURATE},
    syntax::ast::{Detail, Name},
    types::HiveType,
};

/// Hive asks the serde for the column, which knows no comments.
const NO_COMMENT: &str = "from deserializer";

pub fn execute(table: &Table, path: &[Name], detail: Detail) -> Result<Output, DdlError> {
    let (name, ty) = find(table, path)?;
    if detail == Detail::Formatted && path.len() == 1 {
        return Ok(formatted(table, &name, &ty));
    }
    let mut rows = match &ty {
        HiveType::Struct(fields) => {
            fields.iter().map(|field| row(&field.name, &field.ty.to_string(), NO_COMMENT)).collect()
        }
        ty => vec![row(&name, &ty.to_string(), NO_COMMENT)],
    };
    if let Some(accurate) = table.properties.get(ACCURATE) {
        rows.push(vec![ACCURATE.to_owned(), accurate.replace('"', "\\\""), " ".to_owned()]);
    }
    Ok(Output::table(&COLUMNS, rows))
}

fn find(table: &Table, path: &[Name]) -> Result<(String, HiveType), DdlError> {
    let missing =
        |name: &Name| DdlError::Semantic { problem: Problem::NoColumn(name.folded()), span: Some(name.span) };
    let Some((first, rest)) = path.split_first() else {
        return Err(DdlError::NotMine("DESCRIBE of no column"));
    };
    let column = table.all_columns().find(|column| first.is(&column.name)).ok_or_else(|| missing(first))?;
    let (mut name, mut ty) = (column.name.clone(), column.ty.clone());
    for step in rest {
        let inner = match (ty, step.folded().as_str()) {
            (HiveType::Struct(fields), wanted) => {
                fields.into_iter().find(|field| field.name.eq_ignore_ascii_case(wanted)).map(|field| field.ty)
            }
            (HiveType::Array(element), "$elem$") => Some(*element),
            (HiveType::Map(key, _), "$key$") => Some(*key),
            (HiveType::Map(_, value), "$value$") => Some(*value),
            _ => None,
        };
        ty = inner.ok_or_else(|| missing(step))?;
        name = step.folded();
    }
    Ok((name, ty))
}

/// One line for each thing that is known of the column.
fn formatted(table: &Table, name: &str, ty: &HiveType) -> Output {
    let known = table.statistics.get(name).cloned().unwrap_or_default();
    let ColumnStatistics { minimum, maximum, nulls, distinct, average_length, longest, trues, falses } =
        known;
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let lines = [
        ("col_name", name.to_owned()),
        ("data_type", ty.to_string()),
        ("min", minimum.unwrap_or_default()),
        ("max", maximum.unwrap_or_default()),
        ("num_nulls", number(nulls)),
        ("distinct_count", number(distinct)),
        ("avg_col_len", average_length.unwrap_or_default()),
        ("max_col_len", number(longest)),
        ("num_trues", number(trues)),
        ("num_falses", number(falses)),
        ("bit_vector", String::new()),
        ("comment", NO_COMMENT.to_owned()),
    ];
    let mut rows: Vec<Vec<String>> = lines.into_iter().map(|(label, value)| row(label, &value, "")).collect();
    if let Some(accurate) = table.properties.get(ACCURATE) {
        rows.push(row(ACCURATE, &accurate.replace('"', "\\\""), ""));
    }
    Output::table(&["column_property", "value", ""], rows)
}
