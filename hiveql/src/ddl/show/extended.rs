//! SHOW TABLE EXTENDED.

use super::{Pattern, current};
use crate::{
    catalog::{Column, Table},
    ddl::{DdlContext, DdlError, Output, Problem, files, partition_spec},
    syntax::ast::{Name, PartitionSpec},
};

pub async fn execute(
    context: &DdlContext<'_>,
    database: Option<&Name>,
    like: &str,
    spec: &PartitionSpec,
) -> Result<Output, DdlError> {
    let pattern = Pattern::new(like);
    let tables = context.catalog.tables(&current(context, database).await?).await?;
    // A partition is one table's.
    if !spec.is_empty() && !tables.iter().any(|table| table.name.eq_ignore_ascii_case(like)) {
        return Err(Problem::NoTable(like.to_owned()).into());
    }
    let mut lines = Vec::new();
    for table in tables.into_iter().filter(|table| pattern.matches(&table.name)) {
        lines.extend(describe(context, &table, spec).await?);
    }
    Ok(Output::listing("tab_name", lines))
}

async fn describe(
    context: &DdlContext<'_>,
    table: &Table,
    spec: &PartitionSpec,
) -> Result<Vec<String>, DdlError> {
    let mut location = table.storage.location.clone();
    if !spec.is_empty() {
        let values = partition_spec::values(table, spec)?;
        let found = context.home(table).find_partition(table, &values).await?;
        let found = found.ok_or_else(|| Problem::NoPartition(partition_spec::text(spec)))?;
        location = table.partition_location(&found.record);
    }
    let or_null = |text: &str| if text.is_empty() { "null".to_owned() } else { text.to_owned() };
    let mut lines = vec![
        format!("tableName:{}", table.name),
        format!("owner:{}", table.owner),
        format!("location:{}", or_null(&location)),
        format!("inputformat:{}", or_null(&table.storage.input_format)),
        format!("outputformat:{}", or_null(&table.storage.output_format)),
        format!("columns:struct columns {{ {}}}", fields(&table.columns)),
        format!("partitioned:{}", table.is_partitioned()),
        format!("partitionColumns:{}", partition_columns(table)),
    ];
    if !table.is_view() {
        let files = files::list(context.stores, &location).await?;
        let sizes = || files.iter().map(|file| file.size);
        let changed = files.iter().map(|file| file.last_modified.timestamp_millis()).max().unwrap_or(0);
        lines.push(format!("totalNumberFiles:{}", files.len()));
        lines.push(format!("totalFileSize:{}", sizes().sum::<u64>()));
        lines.push(format!("maxFileSize:{}", sizes().max().unwrap_or(0)));
        lines.push(format!("minFileSize:{}", sizes().min().unwrap_or(0)));
        lines.push("lastAccessTime:0".to_owned());
        lines.push(format!("lastUpdateTime:{changed}"));
    }
    lines.push(String::new());
    Ok(lines)
}

fn partition_columns(table: &Table) -> String {
    if !table.is_partitioned() {
        return String::new();
    }
    format!("struct partition_columns {{ {}}}", fields(&table.partition_keys))
}

/// As Hive writes the struct in its own older language of types.
fn fields(columns: &[Column]) -> String {
    let fields: Vec<String> =
        columns.iter().map(|column| format!("{} {}", old_name(column), column.name)).collect();
    fields.join(", ")
}

fn old_name(column: &Column) -> String {
    use crate::types::HiveType;
    match &column.ty {
        HiveType::Int => "i32".to_owned(),
        HiveType::BigInt => "i64".to_owned(),
        HiveType::SmallInt => "i16".to_owned(),
        HiveType::TinyInt => "byte".to_owned(),
        HiveType::Boolean => "bool".to_owned(),
        other => other.to_string(),
    }
}
