//! Estimates of a scan's rows, from what some of its files say of themselves.

use super::{Part, ScanParts};
use crate::{formats::FileSummary, types::HiveType};
use datafusion::{
    arrow::datatypes::{DataType, Schema},
    common::{ColumnStatistics, ScalarValue, Statistics, stats::Precision},
};
use futures::{StreamExt, stream};
use std::collections::{HashMap, HashSet};

/// So many files speak for all of them.
const FILES_ASKED: usize = 8;

/// Of all columns: data, partition and virtual ones. No number is exact.
pub(super) async fn estimated(parts: &ScanParts) -> Statistics {
    let files: Vec<(usize, &str, u64)> = parts.parts.iter().enumerate().flat_map(files).collect();
    let step = files.len().div_ceil(FILES_ASKED).max(1);
    let asked = files.iter().step_by(step).map(|(part, path, size)| async move {
        let summary = parts.parts[*part].format.summary(parts.store.clone(), path, *size).await;
        summary.map(|summary| (*size, summary))
    });
    // What has no answer is a file that the scan will complain of.
    let answers: Vec<(u64, FileSummary)> =
        stream::iter(asked).buffer_unordered(FILES_ASKED).filter_map(std::future::ready).collect().await;
    let (bytes, rows) =
        answers.iter().fold((0, 0), |(bytes, rows), (size, summary)| (bytes + *size, rows + summary.rows));
    let rows = match bytes {
        0 => 0.0,
        bytes => rows as f64 * (parts.bytes() as f64 / bytes as f64),
    };
    let data = parts.shape.columns.iter().enumerate();
    let data = data.map(|(index, (_, ty))| data_column(index, ty, &answers, rows));
    let keys = (0..parts.shape.partition_columns.len()).map(|index| partition_column(index, &parts.parts));
    let hidden = parts.shape.virtual_columns.iter().map(|_| ColumnStatistics::new_unknown());
    let columns: Vec<ColumnStatistics> = data.chain(keys).chain(hidden).collect();
    Statistics { num_rows: inexact(rows), total_byte_size: total(&columns), column_statistics: columns }
}

/// What was counted is better than what is guessed.
pub(super) fn set_distinct(statistics: &mut Statistics, schema: &Schema, distinct: &HashMap<String, u64>) {
    for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
        if let Some(count) = distinct.get(&field.name().to_lowercase()) {
            column.distinct_count = Precision::Inexact(usize::try_from(*count).unwrap_or(usize::MAX));
        }
    }
}

fn files((index, part): (usize, &Part)) -> impl Iterator<Item = (usize, &str, u64)> {
    part.files.iter().filter(|(_, size)| *size > 0).map(move |(path, size)| (index, path.as_str(), *size))
}

fn data_column(index: usize, ty: &HiveType, answers: &[(u64, FileSummary)], rows: f64) -> ColumnStatistics {
    let bounds = answers.iter().map(|(_, summary)| summary.bounds.get(index).copied().flatten());
    let bounds: Option<Vec<(i64, i64)>> = bounds.collect();
    let low = bounds.iter().flatten().map(|(low, _)| *low).min();
    let high = bounds.iter().flatten().map(|(_, high)| *high).max();
    let value = |number: Option<i64>| -> Precision<ScalarValue> {
        let value = number.and_then(|number| ScalarValue::Int64(Some(number)).cast_to(&bare(ty)?).ok());
        value.and_then(|value| value.cast_to(&ty.arrow()).ok()).map_or(Precision::Absent, Precision::Inexact)
    };
    ColumnStatistics {
        min_value: value(low),
        max_value: value(high),
        byte_size: inexact(rows * width(ty)),
        ..ColumnStatistics::new_unknown()
    }
}

/// The type that has the numbers of a footer as they are.
fn bare(ty: &HiveType) -> Option<DataType> {
    match ty {
        HiveType::Date => Some(DataType::Int32),
        ty => Some(ty.arrow()),
    }
}

fn partition_column(index: usize, parts: &[Part]) -> ColumnStatistics {
    let values: HashSet<&ScalarValue> =
        parts.iter().filter_map(|part| part.partition_values.get(index)).collect();
    let bound = |ordering| {
        let mut found: Option<&ScalarValue> = None;
        for value in values.iter().filter(|value| !value.is_null()) {
            if found.is_none_or(|found| value.partial_cmp(&found) == Some(ordering)) {
                found = Some(value);
            }
        }
        found.map_or(Precision::Absent, |value| Precision::Inexact(value.clone()))
    };
    ColumnStatistics {
        min_value: bound(std::cmp::Ordering::Less),
        max_value: bound(std::cmp::Ordering::Greater),
        distinct_count: Precision::Inexact(values.len()),
        ..ColumnStatistics::new_unknown()
    }
}

/// Of the projected columns, of so many bytes out of all.
pub(super) fn share(known: &Statistics, projection: &[usize], bytes: u64, all: u64) -> Statistics {
    let part = if all == 0 { 0.0 } else { bytes as f64 / all as f64 };
    let scaled = |count: &Precision<usize>| match count.get_value() {
        Some(count) => inexact(*count as f64 * part),
        None => Precision::Absent,
    };
    let columns = projection.iter().map(|index| match known.column_statistics.get(*index) {
        Some(column) => ColumnStatistics { byte_size: scaled(&column.byte_size), ..column.clone() },
        None => ColumnStatistics::new_unknown(),
    });
    let columns: Vec<ColumnStatistics> = columns.collect();
    Statistics {
        num_rows: scaled(&known.num_rows),
        total_byte_size: total(&columns),
        column_statistics: columns,
    }
}

fn total(columns: &[ColumnStatistics]) -> Precision<usize> {
    let known = columns.iter().filter_map(|column| column.byte_size.get_value());
    Precision::Inexact(known.fold(0_usize, |total, bytes| total.saturating_add(*bytes)))
}

fn inexact(count: f64) -> Precision<usize> {
    // As in Rust, what is beyond the numbers is the largest of them.
    Precision::Inexact(count.round() as usize)
}

/// Bytes of a value in memory, more or less.
fn width(ty: &HiveType) -> f64 {
    match ty.arrow().primitive_width() {
        Some(width) => width as f64,
        None if ty.is_text() => 24.0,
        None => 64.0,
    }
}
