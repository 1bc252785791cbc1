//! The aggregates in plans that DataFusion optimizes and runs on several partitions.

use super::harness::{column, constant, resolve};
use crate::{functions::Arg, types::HiveType};
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
        util::pretty::pretty_format_batches,
    },
    datasource::MemTable,
    logical_expr::{
        Expr, ExprFunctionExt, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
        col,
        expr::{AggregateFunction, WindowFunction},
        lit,
    },
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use std::sync::Arc;

fn call(name: &str, args: &[Arg], exprs: Vec<Expr>, distinct: bool) -> Expr {
    let udf = resolve(name, args).unwrap().udf;
    Expr::AggregateFunction(AggregateFunction::new_udf(udf, exprs, distinct, None, vec![], None))
}

/// Keys 0 to 2 over four partitions; `value` is the row's number, `word` one of two, `part` a quarter of the number.
fn table() -> DataFrame {
    let batch = |partition: i64| {
        let rows: Vec<i64> = (0..30).map(|row| partition * 30 + row).collect();
        let words = rows.iter().map(|row| if row % 2 == 0 { "even" } else { "odd" });
        RecordBatch::try_from_iter([
            ("key", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row % 3))) as ArrayRef),
            ("value", Arc::new(Int64Array::from(rows.clone()))),
            ("word", Arc::new(StringArray::from_iter_values(words))),
            ("part", Arc::new(Float64Array::from_iter_values(rows.iter().map(|&row| row as f64 / 4.0)))),
        ])
        .unwrap()
    };
    let partitions: Vec<Vec<RecordBatch>> = (0..4).map(|partition| vec![batch(partition)]).collect();
    let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(4));
    context.read_table(Arc::new(table)).unwrap()
}

async fn lines(frame: DataFrame) -> Vec<String> {
    let found = frame.collect().await.unwrap();
    let table = pretty_format_batches(&found).unwrap().to_string();
    let lines: Vec<&str> = table.lines().collect();
    lines[3..lines.len() - 1]
        .iter()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn groups_of_several_partitions_are_merged() {
    let double = || column(HiveType::Double);
    let calls = vec![
        call("sum", &[column(HiveType::BigInt)], vec![col("value")], false).alias("a"),
        call("avg", &[double()], vec![col("part")], false).alias("b"),
        call("var_pop", &[double()], vec![col("part")], false).alias("c"),
        call("count", &[], vec![lit(1i64)], false).alias("e"),
        call("corr", &[double(), double()], vec![col("part"), col("part")], false).alias("f"),
    ];
    let frame = table().aggregate(vec![col("key")], calls).unwrap();
    let frame = frame.sort(vec![col("key").sort(true, false)]).unwrap();
    assert_eq!(
        lines(frame).await,
        [
            "0 2340 14.625 74.953125 40 1.0",
            "1 2380 14.875 74.953125 40 1.0",
            "2 2420 15.125 74.953125 40 1.0",
        ]
    );
}

#[tokio::test]
async fn distinct_and_plain_aggregates_stand_side_by_side() {
    let pair = [column(HiveType::BigInt), column(HiveType::String)];
    let calls = vec![
        call("count", &pair, vec![col("key"), col("word")], true).alias("a"),
        call("sum", &[column(HiveType::Double)], vec![col("key")], true).alias("b"),
        call("stddev", &[column(HiveType::Double)], vec![col("key")], true).alias("c"),
        call("sum", &[column(HiveType::BigInt)], vec![col("value")], false).alias("d"),
    ];
    let frame = table().aggregate(vec![], calls).unwrap();
    assert_eq!(lines(frame).await, ["6 3.0 0.816496580927726 7140"]);
    // One distinct argument alone becomes a grouping of its own.
    let calls = vec![
        call("sum", &[column(HiveType::String)], vec![col("word")], true).alias("a"),
        call("sum", &[column(HiveType::Double)], vec![col("part")], false).alias("b"),
    ];
    let frame = table().aggregate(vec![col("key")], calls).unwrap();
    let frame = frame.sort(vec![col("key").sort(true, false)]).unwrap();
    assert_eq!(lines(frame).await, ["0 0.0 585.0", "1 0.0 595.0", "2 0.0 605.0"]);
}

#[tokio::test]
async fn percentiles_and_histograms_are_merged() {
    let half = constant(HiveType::Double, 0.5);
    let calls = vec![
        call("percentile", &[column(HiveType::BigInt), half.clone()], vec![col("value"), lit(0.5)], false)
            .alias("a"),
        call("percentile_approx", &[column(HiveType::Double), half], vec![col("part"), lit(0.5)], false)
            .alias("b"),
        call(
            "histogram_numeric",
            &[column(HiveType::Double), constant(HiveType::Int, 3)],
            vec![col("key"), lit(3)],
            false,
        )
        .alias("c"),
    ];
    let frame = table().aggregate(vec![], calls).unwrap();
    assert_eq!(lines(frame).await, ["59.5 14.75 [{x: 0.0, y: 40.0}, {x: 1.0, y: 40.0}, {x: 2.0, y: 40.0}]"]);
}

#[tokio::test]
async fn a_sliding_window_uses_the_same_functions() {
    let rows = |start, end| WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end);
    let before = |rows: u64| WindowFrameBound::Preceding(Some(rows).into());
    let frame = || rows(before(1), WindowFrameBound::CurrentRow);
    let over = |name: &str, args: &[Arg], expr: Expr| {
        let udf = resolve(name, args).unwrap().udf;
        let function = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(udf), vec![expr]);
        Expr::from(function)
            .order_by(vec![col("value").sort(true, false)])
            .window_frame(frame())
            .build()
            .unwrap()
    };
    let calls = vec![
        over("sum", &[column(HiveType::BigInt)], col("value")).alias("a"),
        over("avg", &[column(HiveType::Double)], col("part")).alias("b"),
        over("collect_list", &[column(HiveType::String)], col("word")).alias("c"),
        over("variance", &[column(HiveType::Double)], col("part")).alias("d"),
        over("max", &[column(HiveType::String)], col("word")).alias("e"),
    ];
    let frame = table().window(calls).unwrap();
    let frame = frame.sort(vec![col("value").sort(true, false)]).unwrap().limit(0, Some(3)).unwrap();
    let frame = frame.select(["a", "b", "c", "d", "e"].map(col).to_vec()).unwrap();
    assert_eq!(
        lines(frame).await,
        ["0 0.0 [even] 0.0 even", "1 0.125 [even, odd] 0.015625 odd", "3 0.375 [odd, even] 0.015625 odd"]
    );
}
