//! The bookkeeping half of ANALYZE: what the planner counted is written down here.

use super::{DdlContext, DdlError};
use crate::{
    catalog::{Change, ColumnStatistics, PropertyMap},
    syntax::ast::ObjectName,
};
use std::collections::BTreeMap;

/// Says that the numbers below it are true.
pub const ACCURATE: &str = "COLUMN_STATS_ACCURATE";
const ROWS: &str = "numRows";
const FILES: &str = "numFiles";
const BYTES: &str = "totalSize";
const RAW_BYTES: &str = "rawDataSize";

/// `None`: not counted, as with NOSCAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BasicStatistics {
    pub files: u64,
    pub bytes: u64,
    pub rows: Option<u64>,
    pub raw_bytes: Option<u64>,
}

/// What a new or emptied table's numbers are.
pub fn set_empty(properties: &mut PropertyMap) {
    set(properties, &BasicStatistics { files: 0, bytes: 0, rows: Some(0), raw_bytes: Some(0) });
}

/// All but what is counted.
pub fn without(properties: &PropertyMap) -> PropertyMap {
    let counted = [ACCURATE, ROWS, FILES, BYTES, RAW_BYTES];
    let others = properties.iter().filter(|(key, _)| !counted.contains(&key.as_str()));
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// No column's statistics are true any more.
pub fn set(properties: &mut PropertyMap, basic: &BasicStatistics) {
    properties.insert(FILES.to_owned(), basic.files.to_string());
    properties.insert(BYTES.to_owned(), basic.bytes.to_string());
    if let Some(rows) = basic.rows {
        properties.insert(ROWS.to_owned(), rows.to_string());
        properties.insert(RAW_BYTES.to_owned(), basic.raw_bytes.unwrap_or(0).to_string());
        properties.insert(ACCURATE.to_owned(), accurate(&[]));
    }
}

/// How many rows there are, if that is known.
pub fn rows(properties: &PropertyMap) -> Option<u64> {
    let is_true = properties.get(ACCURATE).is_some_and(|text| text.contains("BASIC_STATS"));
    properties.get(ROWS).filter(|_| is_true)?.parse().ok()
}

/// Rows were replaced by others that nobody has counted.
pub fn forget_rows(properties: &mut PropertyMap) {
    properties.remove(ACCURATE);
    for name in [ROWS, RAW_BYTES] {
        properties.insert(name.to_owned(), "0".to_owned());
    }
}

/// These columns' statistics are true.
pub fn set_columns(properties: &mut PropertyMap, columns: &[&str]) {
    properties.insert(ACCURATE.to_owned(), accurate(columns));
}

/// Adds what a write brought. Counts of rows stay true only where they were.
pub fn add(properties: &mut PropertyMap, added: &BasicStatistics) {
    let known = |name: &str| properties.get(name).and_then(|text| text.parse::<u64>().ok());
    let sum = |old: Option<u64>, new: Option<u64>| Some(old? + new?);
    let (rows, raw_bytes) = match rows(properties) {
        Some(rows) => (sum(Some(rows), added.rows), sum(known(RAW_BYTES), added.raw_bytes)),
        None => (None, None),
    };
    let (files, bytes) = (known(FILES).unwrap_or(0), known(BYTES).unwrap_or(0));
    let total = BasicStatistics { files: files + added.files, bytes: bytes + added.bytes, rows, raw_bytes };
    if rows.is_none() {
        properties.remove(ACCURATE);
    }
    set(properties, &total);
}

/// What is there after a change of rows that left out so many.
pub fn change(properties: &mut PropertyMap, files: u64, bytes: u64, rows_gone: u64) {
    let rows = rows(properties).map(|rows| rows.saturating_sub(rows_gone));
    let raw_bytes = rows.map(|rows| bytes.saturating_sub(rows));
    if rows.is_none() {
        properties.remove(ACCURATE);
    }
    set(properties, &BasicStatistics { files, bytes, rows, raw_bytes });
}

/// As Hive writes it; `columns` are those whose statistics are true.
pub fn accurate(columns: &[&str]) -> String {
    if columns.is_empty() {
        return r#"{"BASIC_STATS":"true"}"#.to_owned();
    }
    let columns: Vec<String> = columns.iter().map(|column| format!(r#""{column}":"true""#)).collect();
    format!(r#"{{"BASIC_STATS":"true","COLUMN_STATS":{{{}}}}}"#, columns.join(","))
}

/// Stores what was counted for a table (`values` is `None`) or for one partition.
pub async fn store(
    context: &DdlContext<'_>,
    table: &ObjectName,
    values: Option<&[String]>,
    basic: Option<&BasicStatistics>,
    columns: &BTreeMap<String, ColumnStatistics>,
) -> Result<(), DdlError> {
    let table = context.table(table).await?;
    let catalog = context.home(&table.record);
    let Some(values) = values else {
        let mut new = table.record.clone();
        apply(&mut new.properties, &mut new.statistics, basic, columns);
        return Ok(catalog.alter_table(&table, &new).await?);
    };
    let Some(partition) = catalog.find_partition(&table.record, values).await? else {
        return Err(super::Problem::NoPartition(values.join("/")).into());
    };
    let mut new = partition.record.clone();
    apply(&mut new.properties, &mut new.statistics, basic, columns);
    let mut change = Change::default();
    change.replace_partition(&table.record, &partition, &new)?;
    Ok(catalog.commit(change).await?)
}

fn apply(
    properties: &mut PropertyMap,
    known: &mut BTreeMap<String, ColumnStatistics>,
    basic: Option<&BasicStatistics>,
    columns: &BTreeMap<String, ColumnStatistics>,
) {
    if let Some(basic) = basic {
        set(properties, basic);
    }
    known.extend(columns.iter().map(|(name, statistics)| (name.to_lowercase(), statistics.clone())));
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    if !names.is_empty() {
        properties.insert(ACCURATE.to_owned(), accurate(&names));
    }
}
