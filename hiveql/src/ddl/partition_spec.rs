//! `PARTITION (ds = '2024', hr = 3)` against a table's keys: the values as they stand in names, by each key's type.

use super::{DdlContext, DdlError, Problem};
use crate::{
    catalog::{Column, DEFAULT_PARTITION, PartitionFilter, Table},
    syntax::ast::{Expr, ExprKind, Literal, PartitionSpec, UnaryOp},
    types::HiveType,
};
use chrono::NaiveDate;

/// A value for each key that the spec names; the order of the spec does not matter.
pub fn filter(table: &Table, spec: &PartitionSpec) -> Result<PartitionFilter, DdlError> {
    if !spec.is_empty() && !table.is_partitioned() {
        return Err(Problem::NotPartitioned(table.name.clone()).into());
    }
    let mut values = vec![None; table.partition_keys.len()];
    for (name, value) in spec {
        let Some(index) = table.partition_keys.iter().position(|key| name.is(&key.name)) else {
            let problem = Problem::NotPartitionColumns { given: text(spec) };
            return Err(DdlError::Semantic { problem, span: Some(name.span) });
        };
        if let Some(value) = value {
            values[index] = Some(key_value(&table.partition_keys[index], value)?);
        }
    }
    Ok(values)
}

/// A value for every key.
pub fn values(table: &Table, spec: &PartitionSpec) -> Result<Vec<String>, DdlError> {
    let values: Option<Vec<String>> = filter(table, spec)?.into_iter().collect();
    match values {
        Some(values) if !values.is_empty() => Ok(values),
        _ => Err(DdlError::Refused(format!(
            "partition spec {{{}}} doesn't contain all ({}) partition columns",
            text(spec),
            table.partition_keys.len()
        ))),
    }
}

const ALLOWED_VALUES: &str = "hive.metastore.partition.name.whitelist.pattern";

/// Whether new partitions may have these values: a setting can restrict them to what a pattern matches.
pub fn check_values(context: &DdlContext<'_>, values: &[String]) -> Result<(), DdlError> {
    let Some(pattern) = (context.settings)(ALLOWED_VALUES).filter(|pattern| !pattern.is_empty()) else {
        return Ok(());
    };
    let allowed = fancy_regex::Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| DdlError::Refused(format!("{ALLOWED_VALUES} is no pattern: {error}")))?;
    match values.iter().find(|value| !allowed.is_match(value).unwrap_or(false)) {
        None => Ok(()),
        Some(value) => Err(DdlError::Refused(format!(
            "MetaException(message:Partition value '{value}' contains a character not matched by whitelist pattern \
             '{pattern}'.  (configure with {ALLOWED_VALUES}))"
        ))),
    }
}

/// Names that partitions of NULL and of work under way have.
pub fn is_reserved(context: &DdlContext<'_>, value: &str) -> bool {
    let of_null = (context.settings)("hive.exec.default.partition.name");
    let of_null = of_null.as_deref().unwrap_or(DEFAULT_PARTITION);
    let others = ["__HIVE_DEFAULT_ZIP_PARTITION__", "_INTERMEDIATE_ORIGINAL", "_INTERMEDIATE_ARCHIVED"];
    std::iter::once(of_null).chain(others).any(|reserved| value.contains(reserved))
}

/// `ds=2024, hr=3`, for messages.
pub fn text(spec: &PartitionSpec) -> String {
    let parts = spec.iter().map(|(name, value)| {
        let value = value.as_ref().and_then(literal_text).unwrap_or_else(|| "null".to_owned());
        format!("{}={value}", name.folded())
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The value of a key as it stands in a partition's name: `01` of an int is `1`.
pub fn key_value(key: &Column, value: &Expr) -> Result<String, DdlError> {
    let bad = |text: String| {
        let problem =
            Problem::BadPartitionValue { column: key.name.clone(), value: text, ty: key.ty.to_string() };
        DdlError::Semantic { problem, span: Some(value.span) }
    };
    match literal_text(value) {
        Some(text) => normalized(&key.ty, &text).ok_or_else(|| bad(text)),
        None if matches!(value.kind, ExprKind::Literal(Literal::Null)) => Ok(DEFAULT_PARTITION.to_owned()),
        None => Err(bad("an expression".to_owned())),
    }
}

/// `None` for a text that is no value of this type.
pub fn normalized(ty: &HiveType, text: &str) -> Option<String> {
    if text.is_empty() || text == DEFAULT_PARTITION {
        return Some(DEFAULT_PARTITION.to_owned());
    }
    match ty {
        ty if ty.is_integer() => text.trim().parse::<i64>().ok().map(|number| number.to_string()),
        HiveType::Date => {
            let day = text.split([' ', 'T']).next()?;
            NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().map(|date| date.to_string())
        }
        HiveType::Boolean => {
            let is_false = ["false", "no", "off", "0"].iter().any(|word| text.eq_ignore_ascii_case(word));
            Some((!is_false).to_string())
        }
        HiveType::Char(_) => Some(text.trim_end_matches(' ').to_owned()),
        _ => Some(text.to_owned()),
    }
}

/// The text of a constant other than NULL.
pub fn literal_text(value: &Expr) -> Option<String> {
    match &value.kind {
        ExprKind::Literal(literal) => Some(match literal {
            Literal::Null => return None,
            Literal::Boolean(truth) => truth.to_string(),
            Literal::Number(text)
            | Literal::Typed(text, _)
            | Literal::String(text)
            | Literal::Date(text)
            | Literal::Timestamp(text)
            | Literal::TimestampLocalTz(text) => text.clone(),
        }),
        ExprKind::Unary(UnaryOp::Minus, inner) => literal_text(inner).map(|text| format!("-{text}")),
        ExprKind::Unary(UnaryOp::Plus, inner) | ExprKind::Cast { expr: inner, .. } => literal_text(inner),
        // Hive takes a bare word as a text here.
        ExprKind::Name(name) => Some(name.text.clone()),
        _ => None,
    }
}
