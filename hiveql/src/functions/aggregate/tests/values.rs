//! Values that Hive's own tests expect, and its rules at the edges.

use super::harness::{Call, column, constant, resolve};
use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray},
        datatypes::{Float64Type, Int32Type},
    },
    common::{ScalarValue, utils::SingleRowListArrayBuilder},
};
use std::sync::Arc;

fn longs(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn doubles(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn decimals(values: &[Option<i128>], precision: u8, scale: i8) -> ArrayRef {
    let values = Decimal128Array::from(values.to_vec());
    Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
}

fn repeated(value: f64, rows: usize) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value; rows]))
}

#[test]
fn result_types_are_those_of_hive() {
    let decimal = HiveType::decimal;
    let cases = [
        ("sum", HiveType::TinyInt, HiveType::BigInt),
        ("sum", HiveType::Float, HiveType::Double),
        ("sum", HiveType::String, HiveType::Double),
        ("sum", decimal(10, 2), decimal(20, 2)),
        ("sum", decimal(38, 18), decimal(38, 18)),
        ("avg", HiveType::Int, HiveType::Double),
        ("avg", decimal(10, 0), decimal(14, 4)),
        ("avg", decimal(20, 10), decimal(24, 14)),
        ("avg", decimal(38, 18), decimal(38, 18)),
        ("avg", decimal(36, 0), decimal(38, 2)),
        ("min", HiveType::Date, HiveType::Date),
        ("count", HiveType::String, HiveType::BigInt),
        ("stddev", decimal(10, 2), HiveType::Double),
        ("collect_set", HiveType::Int, HiveType::array(HiveType::Int)),
    ];
    for (name, ty, expected) in cases {
        assert_eq!(resolve(name, &[column(ty.clone())]).unwrap().returns, expected, "{name}({ty})");
    }
}

#[test]
fn what_a_function_does_not_take_is_refused() {
    let map = HiveType::map(HiveType::String, HiveType::Int);
    for (name, ty) in [
        ("sum", HiveType::Boolean),
        ("sum", HiveType::Date),
        ("avg", map.clone()),
        ("max", map),
        ("stddev", HiveType::Date),
    ] {
        assert!(resolve(name, &[column(ty.clone())]).is_err(), "{name}({ty})");
    }
    assert!(resolve("sum", &[]).is_err());
    let percentile = constant(HiveType::Double, 1.5);
    assert!(resolve("percentile", &[column(HiveType::Int), percentile]).is_err());
    assert!(resolve("percentile", &[column(HiveType::Double), constant(HiveType::Double, 0.5)]).is_err());
    assert!(resolve("percentile_approx", &[column(HiveType::Double), column(HiveType::Double)]).is_err());
    assert!(resolve("histogram_numeric", &[column(HiveType::Double), constant(HiveType::Int, 1)]).is_err());
}

#[test]
fn no_rows_give_null_but_a_count_and_a_list() {
    for name in ["sum", "avg", "min", "max", "variance", "var_samp", "stddev"] {
        let call = Call::new(name, &[column(HiveType::Double)], false);
        assert!(call.whole(&[doubles(&[])]).is_null(), "{name}");
        assert!(call.whole(&[doubles(&[None])]).is_null(), "{name}");
    }
    let count = Call::new("count", &[column(HiveType::Double)], false);
    assert_eq!(count.whole(&[doubles(&[None])]), ScalarValue::Int64(Some(0)));
    let list = Call::new("collect_list", &[column(HiveType::Double)], false);
    assert_eq!(list.whole(&[doubles(&[None])]).to_string(), "[]");
}

#[test]
fn a_sum_of_whole_numbers_wraps() {
    let columns = [longs(&[Some(i64::MAX), Some(1)])];
    let sum = Call::new("sum", &[column(HiveType::BigInt)], false);
    assert_eq!(sum.whole(&columns), ScalarValue::Int64(Some(i64::MIN)));
    let average = Call::new("avg", &[column(HiveType::BigInt)], false);
    assert_eq!(average.whole(&columns), ScalarValue::Float64(Some(i64::MIN as f64 / 2.0)));
}

#[test]
fn a_sum_of_decimals_that_is_too_large_is_null() {
    let largest = 10i128.pow(38) - 1;
    let call = Call::new("sum", &[column(HiveType::decimal(38, 0))], false);
    let sum = |values: &[i128]| {
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        call.whole(&[decimals(&values, 38, 0)])
    };
    assert_eq!(sum(&[largest, -1]), ScalarValue::Decimal128(Some(largest - 1), 38, 0));
    assert!(sum(&[largest, 1]).is_null());
    assert!(sum(&[largest, 1, -1]).is_null(), "what was lost does not come back");
}

#[test]
fn an_average_of_decimals_is_rounded_to_its_type() {
    // From vector_decimal_aggregate: decimal(20,10) and decimal(23,14).
    let call = Call::new("avg", &[column(HiveType::decimal(20, 10))], false);
    let mut values = vec![Some(0); 5];
    values.push(Some(58_175_560_411_483_778));
    assert_eq!(
        call.whole(&[decimals(&values, 20, 10)]),
        ScalarValue::Decimal128(Some(96_959_267_352_472_963_333), 24, 14)
    );
    let call = Call::new("avg", &[column(HiveType::decimal(2, 0))], false);
    let halves = |values: &[i128]| {
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        call.whole(&[decimals(&values, 2, 0)])
    };
    assert_eq!(halves(&[1, 1, 0]), ScalarValue::Decimal128(Some(6_667), 6, 4));
    assert_eq!(halves(&[-1, -1, 0]), ScalarValue::Decimal128(Some(-6_667), 6, 4));
}

#[test]
fn text_that_is_no_number_counts_as_nothing_in_sums_and_not_at_all_in_variances() {
    let columns = [texts(&[Some("a"), Some("3"), None])];
    let call = |name| Call::new(name, &[column(HiveType::String)], false);
    assert_eq!(call("sum").whole(&columns), ScalarValue::Float64(Some(3.0)));
    assert_eq!(call("avg").whole(&columns), ScalarValue::Float64(Some(1.5)));
    // From udaf_number_format.
    let a = [texts(&[Some("a")])];
    assert_eq!(call("sum").whole(&a), ScalarValue::Float64(Some(0.0)));
    assert_eq!(call("avg").whole(&a), ScalarValue::Float64(Some(0.0)));
    assert_eq!(resolve("std", &[column(HiveType::String)]).unwrap().args, [HiveType::Double]);
}

#[test]
fn one_number_has_no_sample_variance() {
    let columns = [doubles(&[Some(5.0), None])];
    for (name, expected) in [
        ("variance", Some(0.0)),
        ("var_pop", Some(0.0)),
        ("var_samp", None),
        ("stddev", Some(0.0)),
        ("std", Some(0.0)),
        ("stddev_samp", None),
    ] {
        let call = Call::new(name, &[column(HiveType::Double)], false);
        assert_eq!(call.whole(&columns), ScalarValue::Float64(expected), "{name}");
    }
}

/// The groups of udaf_binarysetfunctions_no_cbo, with what is expected of each, rounded to five places.
#[test]
fn functions_of_pairs_give_what_hive_expects() {
    const NAMES: [&str; 10] = [
        "corr",
        "covar_samp",
        "covar_pop",
        "regr_slope",
        "regr_intercept",
        "regr_r2",
        "regr_sxx",
        "regr_syy",
        "regr_sxy",
        "regr_count",
    ];
    type Numbers = &'static [Option<f64>];
    let one_to_four: Numbers = &[Some(1.0), Some(2.0), Some(3.0), Some(4.0)];
    let ones: Numbers = &[Some(1.0); 4];
    let eleven_on: Numbers = &[Some(11.0), Some(12.0), Some(13.0), Some(14.0)];
    let none: Numbers = &[None; 4];
    let cases: [(Numbers, Numbers, [Option<f64>; 10]); 6] = [
        (one_to_four, one_to_four, [1.0, 1.66667, 1.25, 1.0, 0.0, 1.0, 5.0, 5.0, 5.0, 4.0].map(Some)),
        (
            ones,
            one_to_four,
            [
                None,
                Some(0.0),
                Some(0.0),
                Some(0.0),
                Some(1.0),
                Some(1.0),
                Some(5.0),
                Some(0.0),
                Some(0.0),
                Some(4.0),
            ],
        ),
        (
            one_to_four,
            ones,
            [None, Some(0.0), Some(0.0), None, None, None, Some(0.0), Some(5.0), Some(0.0), Some(4.0)],
        ),
        (one_to_four, eleven_on, [1.0, 1.66667, 1.25, 1.0, -10.0, 1.0, 5.0, 5.0, 5.0, 4.0].map(Some)),
        (one_to_four, none, [None, None, None, None, None, None, None, None, None, Some(0.0)]),
        (
            &[Some(1.0)],
            &[Some(1.0)],
            [None, None, Some(0.0), None, None, None, Some(0.0), Some(0.0), Some(0.0), Some(1.0)],
        ),
    ];
    for (y, x, expected) in cases {
        for (name, expected) in NAMES.iter().zip(expected) {
            let call = Call::new(name, &[column(HiveType::Double), column(HiveType::Double)], false);
            let found = match call.whole(&[doubles(y), doubles(x)]) {
                ScalarValue::Float64(found) => found.map(|found| (found * 1e5).round() / 1e5),
                ScalarValue::Int64(found) => found.map(|found| found as f64),
                other => panic!("{name} gave {other:?}"),
            };
            assert_eq!(found, expected, "{name} of {y:?} and {x:?}");
        }
    }
}

#[test]
fn the_average_of_one_side_is_over_complete_pairs_and_a_decimal_of_decimals() {
    let decimal = column(HiveType::decimal(10, 0));
    let call = Call::new("regr_avgx", &[decimal.clone(), decimal], false);
    let y = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(1.0)]));
    let x = decimals(&[Some(2), Some(9), Some(3)], 10, 0);
    assert_eq!(call.whole(&[y, x]), ScalarValue::Decimal128(Some(25_000), 14, 4));
}

#[test]
fn a_count_of_several_counts_complete_rows() {
    let args = [column(HiveType::BigInt), column(HiveType::String)];
    let columns =
        [longs(&[Some(1), Some(1), None, Some(2)]), texts(&[Some("a"), Some("a"), Some("b"), None])];
    assert_eq!(Call::new("count", &args, false).whole(&columns), ScalarValue::Int64(Some(2)));
    assert_eq!(Call::new("count", &args, true).whole(&columns), ScalarValue::Int64(Some(1)));
}

/// The values of udaf_percentile_disc's table.
const DISC: [Option<i64>; 17] = [
    None,
    Some(3),
    Some(8),
    Some(13),
    Some(7),
    Some(6),
    Some(20),
    None,
    None,
    Some(10),
    Some(7),
    Some(15),
    Some(16),
    Some(8),
    Some(7),
    Some(8),
    None,
];

#[test]
fn a_discrete_percentile_is_one_of_the_values() {
    let at = |percentile: f64, direction: Option<i32>| {
        let mut args = vec![column(HiveType::Int), constant(HiveType::Double, percentile)];
        let mut columns = vec![longs(&DISC), repeated(percentile, DISC.len())];
        if let Some(direction) = direction {
            args.push(constant(HiveType::Int, direction));
            columns.push(Arc::new(Int32Array::from(vec![direction; DISC.len()])));
        }
        Call::new("percentile_disc", &args, false).whole(&columns)
    };
    assert_eq!(at(0.0, None), ScalarValue::Float64(Some(3.0)));
    assert_eq!(at(0.2, None), ScalarValue::Float64(Some(7.0)));
    assert_eq!(at(0.2, Some(1)), ScalarValue::Float64(Some(7.0)));
    assert_eq!(at(0.2, Some(0)), ScalarValue::Float64(Some(13.0)));
}

fn array_of(values: &[f64]) -> ScalarValue {
    SingleRowListArrayBuilder::new(Arc::new(Float64Array::from(values.to_vec()))).build_list_scalar()
}

#[test]
fn an_exact_percentile_is_interpolated() {
    // Group 0 of udf_percentile.
    let values: Vec<Option<i64>> = [0, 0, 0, 2, 4, 5, 5, 5, 8, 9].map(Some).into();
    let wanted = [0.0, 0.5, 0.99, 1.0];
    let args = [column(HiveType::Int), constant(HiveType::array(HiveType::Double), array_of(&wanted))];
    let call = Call::new("percentile", &args, false);
    let percentiles =
        ListArray::from_iter_primitive::<Float64Type, _, _>(values.iter().map(|_| Some(wanted.map(Some))));
    let percentiles = Arc::new(percentiles);
    assert_eq!(call.whole(&[longs(&values), percentiles.clone()]).to_string(), "[0.0, 4.5, 8.91, 9.0]");
    let nothing = [longs(&vec![None; values.len()]), percentiles as ArrayRef];
    assert!(call.whole(&nothing).is_null());
}

#[test]
fn an_approximate_percentile_is_between_the_centers_of_bins() {
    let values: Vec<Option<f64>> = (1..=10).map(|value| Some(f64::from(value))).collect();
    let args = [column(HiveType::Double), constant(HiveType::Double, 0.5)];
    let columns = [doubles(&values), repeated(0.5, values.len())];
    assert_eq!(Call::new("percentile_approx", &args, false).whole(&columns), ScalarValue::Float64(Some(5.0)));
    let args =
        [column(HiveType::Double), constant(HiveType::array(HiveType::Double), array_of(&[0.05, 0.95]))];
    let several =
        ListArray::from_iter_primitive::<Float64Type, _, _>(values.iter().map(|_| Some([Some(0.05)])));
    let columns = [doubles(&values), Arc::new(several)];
    assert_eq!(Call::new("percentile_approx", &args, false).whole(&columns).to_string(), "[1.0, 9.5]");
}

#[test]
fn a_histogram_is_a_list_of_bins() {
    let args = [column(HiveType::Int), constant(HiveType::Int, 2)];
    let columns =
        [doubles(&[Some(1.0), Some(2.0), Some(10.0)]), Arc::new(Int32Array::from(vec![2; 3])) as ArrayRef];
    assert_eq!(
        Call::new("histogram_numeric", &args, false).whole(&columns).to_string(),
        "[{x: 1.5, y: 2.0}, {x: 10.0, y: 1.0}]"
    );
}

fn words(rows: &[&[&str]]) -> ArrayRef {
    let mut builder =
        datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
    for row in rows {
        builder.append_value(row.iter().map(Some));
    }
    Arc::new(builder.finish())
}

#[test]
fn ngrams_are_counted_across_rows() {
    let text = HiveType::array(HiveType::String);
    let rows = words(&[&["a", "b", "a", "b"], &["b", "a"]]);
    let numbers = |number| Arc::new(Int32Array::from(vec![number; 2])) as ArrayRef;
    let args = [column(text.clone()), constant(HiveType::Int, 2), constant(HiveType::Int, 1)];
    let call = Call::new("ngrams", &args, false);
    let found = call.whole(&[Arc::clone(&rows), numbers(2), numbers(1)]);
    // Both come twice; the order of Java's hashes keeps this one.
    assert_eq!(found.to_string(), "[{ngram: [a, b], estfrequency: 2.0}]");
    let context = StringArray::from(vec![Some("a"), None]);
    let context = SingleRowListArrayBuilder::new(Arc::new(context)).build_list_scalar();
    let column_of_contexts = context.to_array_of_size(2).unwrap();
    let args = [column(text.clone()), constant(text, context), constant(HiveType::Int, 5)];
    let call = Call::new("context_ngrams", &args, false);
    let found = call.whole(&[rows, column_of_contexts, numbers(5)]);
    assert_eq!(found.to_string(), "[{ngram: [b], estfrequency: 2.0}]");
}

#[test]
fn a_set_holds_each_value_once_even_of_nested_types() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1)]),
        Some(vec![Some(2), None]),
        Some(vec![Some(1)]),
        None,
    ]);
    let call = Call::new("collect_set", &[column(HiveType::array(HiveType::Int))], false);
    assert_eq!(call.whole(&[Arc::new(lists)]).to_string(), "[[1], [2, ]]");
}

#[test]
fn a_window_sum_of_doubles_is_carried_on_as_in_hive() {
    let values: Vec<f64> = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    let columns = [doubles(&values.iter().copied().map(Some).collect::<Vec<_>>())];
    let sums = Call::new("sum", &[column(HiveType::Double)], false).over_window(&columns, 2);
    let carried = (0.1 + 0.2 + 0.3) - 0.1 + 0.4;
    assert_eq!(sums[3], ScalarValue::Float64(Some(carried)));
}
