//! However the rows are divided, the answer is the same.

use super::harness::{Call, column, constant, rows_where, slices};
use crate::{functions::Arg, types::HiveType};
use datafusion::{
    arrow::array::{
        Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, Int64Array, ListBuilder,
        StringArray, StringBuilder,
    },
    common::ScalarValue,
};
use proptest::{collection::vec, option, prelude::*};
use std::sync::Arc;

/// A row of every kind of value.
type Row = (Option<i64>, Option<i64>, Option<String>, usize);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let number = || option::weighted(0.8, -20i64..20);
    vec((number(), number(), option::weighted(0.8, "[abc]{1,2}"), 0..4usize), 1..60)
}

fn longs(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())
}

fn doubles(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.0.map(|value| value as f64 / 4.0)).collect::<Float64Array>())
}

fn others(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.1.map(|value| value as f64)).collect::<Float64Array>())
}

fn decimals(rows: &[Row]) -> ArrayRef {
    let values: Decimal128Array = rows.iter().map(|row| row.0.map(i128::from)).collect();
    Arc::new(values.with_precision_and_scale(10, 2).unwrap())
}

fn texts(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.2.as_deref()).collect::<StringArray>())
}

fn words(rows: &[Row]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        match &row.2 {
            Some(word) => lists.append_value(word.split("").filter(|letter| !letter.is_empty()).map(Some)),
            None => lists.append_null(),
        }
    }
    Arc::new(lists.finish())
}

fn all(value: &ScalarValue, rows: &[Row]) -> ArrayRef {
    value.to_array_of_size(rows.len()).unwrap()
}

/// Every aggregate of ours, over columns of the types that it takes.
fn calls(rows: &[Row]) -> Vec<(&'static str, Vec<Arg>, Vec<ArrayRef>)> {
    let double = || column(HiveType::Double);
    let decimal = || column(HiveType::decimal(10, 2));
    let mut calls = vec![
        ("count", vec![double(), column(HiveType::String)], vec![doubles(rows), texts(rows)]),
        ("sum", vec![column(HiveType::BigInt)], vec![longs(rows)]),
        ("sum", vec![decimal()], vec![decimals(rows)]),
        ("sum", vec![column(HiveType::String)], vec![texts(rows)]),
        ("avg", vec![column(HiveType::BigInt)], vec![longs(rows)]),
        ("avg", vec![decimal()], vec![decimals(rows)]),
        ("collect_list", vec![column(HiveType::String)], vec![texts(rows)]),
        ("collect_set", vec![column(HiveType::String)], vec![texts(rows)]),
        ("collect_set", vec![column(HiveType::array(HiveType::String))], vec![words(rows)]),
        ("regr_avgx", vec![double(), decimal()], vec![others(rows), decimals(rows)]),
    ];
    for name in ["sum", "avg", "min", "max", "variance", "var_samp", "stddev", "stddev_samp"] {
        calls.push((name, vec![double()], vec![doubles(rows)]));
    }
    for name in [
        "covar_pop",
        "covar_samp",
        "corr",
        "regr_slope",
        "regr_intercept",
        "regr_r2",
        "regr_sxx",
        "regr_syy",
        "regr_sxy",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
    ] {
        calls.push((name, vec![double(), double()], vec![doubles(rows), others(rows)]));
    }
    let (half, int) = (ScalarValue::from(0.3), |value: i32| ScalarValue::from(value));
    let percentile = || constant(HiveType::Double, half.clone());
    calls.push((
        "percentile",
        vec![column(HiveType::Int), percentile()],
        vec![longs(rows), all(&half, rows)],
    ));
    for name in ["percentile_cont", "percentile_disc", "percentile_approx"] {
        calls.push((name, vec![double(), percentile()], vec![doubles(rows), all(&half, rows)]));
    }
    calls.push((
        "histogram_numeric",
        vec![double(), constant(HiveType::Int, int(100))],
        vec![doubles(rows), all(&int(100), rows)],
    ));
    calls.push((
        "ngrams",
        vec![
            column(HiveType::array(HiveType::String)),
            constant(HiveType::Int, 1),
            constant(HiveType::Int, 9),
        ],
        vec![words(rows), all(&int(1), rows), all(&int(9), rows)],
    ));
    calls
}

/// Equal but for the last digits of doubles and the order of a set.
fn assert_alike(name: &str, found: &ScalarValue, expected: &ScalarValue) {
    match (found, expected) {
        (ScalarValue::Float64(Some(found)), ScalarValue::Float64(Some(expected))) => {
            let allowed = 1e-9 * (1.0 + expected.abs());
            assert!((found - expected).abs() <= allowed, "{name}: {found} is not {expected}");
        }
        _ if name == "collect_set" => assert_eq!(sorted(found), sorted(expected), "{name}"),
        _ => assert_eq!(found.to_string(), expected.to_string(), "{name}"),
    }
}

fn sorted(list: &ScalarValue) -> Vec<String> {
    let list = list.to_array().unwrap();
    let values = list.as_list::<i32>().value(0);
    let mut values: Vec<String> =
        (0..values.len()).map(|row| ScalarValue::try_from_array(&values, row).unwrap().to_string()).collect();
    values.sort();
    values
}

/// Correlations of next to nothing divide by rounding errors.
fn is_steady(name: &str) -> bool {
    !matches!(name, "corr" | "regr_slope" | "regr_intercept" | "regr_r2")
}

/// Numbers the groups as they first appear.
fn by_appearance(groups: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = Vec::new();
    groups
        .map(|group| {
            seen.iter().position(|&other| other == group).unwrap_or_else(|| {
                seen.push(group);
                seen.len() - 1
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn partial_results_merge_to_the_whole(rows in rows(), cut in 1..20usize, distinct: bool) {
        for (name, args, columns) in calls(&rows) {
            if !is_steady(name) {
                continue;
            }
            let call = Call::new(name, &args, distinct);
            assert_alike(name, &call.in_parts(&columns, cut), &call.whole(&columns));
        }
    }

    #[test]
    fn groups_give_what_each_gives_alone(rows in rows()) {
        let groups = by_appearance(rows.iter().map(|row| row.3));
        for (name, args, columns) in calls(&rows) {
            let call = Call::new(name, &args, false);
            let Some(found) = call.by_groups(&columns, &groups) else { continue };
            for (group, found) in found.iter().enumerate().filter(|_| is_steady(name)) {
                let alone = call.whole(&rows_where(&columns, |row| groups[row] == group));
                assert_alike(name, found, &alone);
            }
        }
    }

    #[test]
    fn a_window_gives_what_its_frame_gives(rows in rows(), before in 0..6usize, distinct: bool) {
        for (name, args, columns) in calls(&rows) {
            if !is_steady(name) {
                continue;
            }
            let call = Call::new(name, &args, distinct);
            for (row, found) in call.over_window(&columns, before).iter().enumerate() {
                let start = row.saturating_sub(before);
                let frame = call.whole(&slices(&columns, start, row + 1 - start));
                // DISTINCT keeps the order in which values first came, even if they left and came back.
                let name = if distinct && name == "collect_list" { "collect_set" } else { name };
                assert_alike(name, found, &frame);
            }
        }
    }

    #[test]
    fn distinct_counts_each_combination_once(rows in rows()) {
        let args = [column(HiveType::BigInt), column(HiveType::String)];
        let call = Call::new("count", &args, true);
        let expected: std::collections::HashSet<_> =
            rows.iter().filter_map(|row| row.0.zip(row.2.clone())).collect();
        prop_assert_eq!(
            call.whole(&[longs(&rows), texts(&rows)]),
            ScalarValue::Int64(Some(expected.len() as i64))
        );
    }
}

#[test]
fn more_bins_than_values_lose_nothing_by_merging() {
    let values: Vec<Option<f64>> = (0..500).map(|value| Some(f64::from(value * 37 % 97))).collect();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from(values)), Arc::new(Int32Array::from(vec![100; 500]))];
    let args = [column(HiveType::Double), constant(HiveType::Int, 100)];
    let call = Call::new("histogram_numeric", &args, false);
    assert_eq!(call.in_parts(&columns, 60), call.whole(&columns));
}
