//! The tails of DESCRIBE FORMATTED and DESCRIBE EXTENDED.

use super::{blank, row, title};
use crate::{
    catalog::{Partition, PropertyMap, StorageDescriptor, Table},
    ddl::DdlContext,
};
use chrono::TimeZone;

pub fn rows(context: &DdlContext<'_>, table: &Table, partition: Option<&Partition>) -> Vec<Vec<String>> {
    let mut rows = vec![blank()];
    match partition {
        Some(partition) => rows.extend(of_partition(context, table, partition)),
        None => rows.extend(of_table(context, table)),
    }
    if !table.is_view() {
        let storage = partition.and_then(|partition| partition.storage.as_ref()).unwrap_or(&table.storage);
        rows.push(blank());
        rows.extend(of_storage(storage));
    }
    if let Some(view) = &table.view {
        rows.push(blank());
        rows.push(title("# View Information"));
        rows.push(labelled("Original Query:", &view.original));
        rows.push(labelled("Expanded Query:", &view.expanded));
    }
    rows
}

fn of_table(context: &DdlContext<'_>, table: &Table) -> Vec<Vec<String>> {
    let mut rows = vec![
        title("# Detailed Table Information"),
        labelled("Database:", &table.database),
        labelled("OwnerType:", &table.owner_kind),
        labelled("Owner:", &table.owner),
        labelled("CreateTime:", &time(context, table.created_seconds)),
        labelled("LastAccessTime:", &time(context, table.last_access_seconds)),
        labelled("Retention:", &table.retention.to_string()),
    ];
    if !table.is_view() {
        rows.push(labelled("Location:", &table.storage.location));
    }
    rows.push(labelled("Table Type:", table.kind.words()));
    rows.push(title("Table Parameters:"));
    let mut properties = table.properties.clone();
    properties.insert("transient_lastDdlTime".to_owned(), table.created_seconds.to_string());
    rows.extend(parameters(&properties));
    rows
}

fn of_partition(context: &DdlContext<'_>, table: &Table, partition: &Partition) -> Vec<Vec<String>> {
    let mut rows = vec![
        title("# Detailed Partition Information"),
        labelled("Partition Value:", &format!("[{}]", partition.values.join(", "))),
        labelled("Database:", &table.database),
        labelled("Table:", &table.name),
        labelled("CreateTime:", &time(context, partition.created_seconds)),
        labelled("LastAccessTime:", &time(context, partition.last_access_seconds)),
        labelled("Location:", &table.partition_location(partition)),
        title("Partition Parameters:"),
    ];
    rows.extend(parameters(&partition.properties));
    rows
}

fn of_storage(storage: &StorageDescriptor) -> Vec<Vec<String>> {
    let buckets = if storage.buckets == 0 { "-1".to_owned() } else { storage.buckets.to_string() };
    let sorted: Vec<String> = storage
        .sort_columns
        .iter()
        .map(|column| format!("Order(col:{}, order:{})", column.name, u8::from(!column.descending)))
        .collect();
    let mut rows = vec![
        title("# Storage Information"),
        labelled("SerDe Library:", &storage.serde),
        labelled("InputFormat:", &storage.input_format),
        labelled("OutputFormat:", &storage.output_format),
        labelled("Compressed:", "No"),
        labelled("Num Buckets:", &buckets),
        labelled("Bucket Columns:", &format!("[{}]", storage.bucket_columns.join(", "))),
        labelled("Sort Columns:", &format!("[{}]", sorted.join(", "))),
    ];
    if let Some(skew) = &storage.skew {
        let values: Vec<String> =
            skew.values.iter().map(|values| format!("[{}]", values.join(", "))).collect();
        let directories = if skew.directories { "Yes" } else { "No" };
        rows.push(labelled("Stored As SubDirectories:", directories));
        rows.push(labelled("Skewed Columns:", &format!("[{}]", skew.columns.join(", "))));
        rows.push(labelled("Skewed Values:", &format!("[{}]", values.join(", "))));
    }
    if !storage.serde_properties.is_empty() {
        rows.push(title("Storage Desc Params:"));
        rows.extend(parameters(&storage.serde_properties));
    }
    rows
}

fn parameters(properties: &PropertyMap) -> Vec<Vec<String>> {
    let escaped = |text: &str| text.replace('"', "\\\"").replace('\t', "\\t").replace('\n', "\\n");
    properties
        .iter()
        .map(|(key, value)| row("", key, &escaped(value)))
        .map(|mut cells| {
            cells[0] = String::new();
            cells
        })
        .collect()
}

fn labelled(label: &str, value: &str) -> Vec<String> {
    let mut cells = row(label, value, "");
    cells[2] = " ".to_owned();
    cells
}

/// As Java writes a date; a time that is not known is UNKNOWN.
fn time(context: &DdlContext<'_>, seconds: i64) -> String {
    match context.facts.timezone.timestamp_opt(seconds, 0).single() {
        Some(time) if seconds != 0 => time.format("%a %b %d %H:%M:%S %Z %Y").to_string(),
        _ => "UNKNOWN".to_owned(),
    }
}

/// One line with all of it, in the shape of Hive's own record.
pub fn extended(table: &Table, partition: Option<&Partition>) -> Vec<String> {
    let pairs = |properties: &PropertyMap| {
        let pairs: Vec<String> = properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let (label, text) = match partition {
        Some(partition) => (
            "Detailed Partition Information",
            format!(
                "Partition(values:[{}], dbName:{}, tableName:{}, createTime:{}, lastAccessTime:{}, location:{}, parameters:{})",
                partition.values.join(", "),
                table.database,
                table.name,
                partition.created_seconds,
                partition.last_access_seconds,
                table.partition_location(partition),
                pairs(&partition.properties)
            ),
        ),
        None => (
            "Detailed Table Information",
            format!(
                "Table(tableName:{}, dbName:{}, owner:{}, createTime:{}, lastAccessTime:{}, retention:{}, location:{}, inputFormat:{}, outputFormat:{}, serializationLib:{}, parameters:{}, tableType:{})",
                table.name,
                table.database,
                table.owner,
                table.created_seconds,
                table.last_access_seconds,
                table.retention,
                table.storage.location,
                table.storage.input_format,
                table.storage.output_format,
                table.storage.serde,
                pairs(&table.properties),
                table.kind.words()
            ),
        ),
    };
    vec![label.to_owned(), text, String::new()]
}
