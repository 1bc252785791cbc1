//! The window functions through a query of DataFusion's.

use super::FUNCTIONS;
use crate::{
    functions::{Arg, FunctionError, SessionFacts, Window},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Float64Array, Int32Array, RecordBatch},
        util::pretty::pretty_format_batches,
    },
    common::ScalarValue,
    logical_expr::{
        Expr, ExprFunctionExt, WindowFrame, WindowFunctionDefinition, col, expr::WindowFunction, lit,
    },
    prelude::SessionContext,
};
use std::sync::Arc;

fn resolve(name: &str, args: &[Arg]) -> Result<Window, FunctionError> {
    let facts = SessionFacts {
        timezone: chrono_tz::UTC,
        now: chrono::DateTime::UNIX_EPOCH,
        user: "hive".into(),
        database: "default".into(),
        settings: Default::default(),
        scripts: Default::default(),
    };
    let function = FUNCTIONS.iter().find(|function| function.name == name).unwrap();
    (function.resolve)(name, args, &facts)
}

fn column(ty: HiveType) -> Arg {
    Arg { ty, constant: None }
}

fn constant(ty: HiveType, value: impl Into<ScalarValue>) -> Arg {
    Arg { ty, constant: Some(value.into()) }
}

/// What `name` answers over `price` in the order of it, as the planner calls it.
async fn answers(name: &str, args: &[Arg], exprs: Vec<Expr>, frame: Option<WindowFrame>) -> Vec<String> {
    let price = Float64Array::from(vec![
        Some(1173.15),
        Some(1173.15),
        Some(1414.42),
        Some(1602.59),
        None,
        Some(1753.76),
    ]);
    let number = Int32Array::from(vec![1, 2, 3, 4, 5, 6]);
    let batch = RecordBatch::try_from_iter([
        ("price", Arc::new(price) as ArrayRef),
        ("number", Arc::new(number) as ArrayRef),
    ])
    .unwrap();
    let window = resolve(name, args).unwrap();
    let function = WindowFunction::new(WindowFunctionDefinition::WindowUDF(Arc::clone(&window.udf)), exprs);
    let mut call = Expr::from(function).order_by(vec![col("price").sort(true, false)]);
    if let Some(frame) = frame {
        call = call.window_frame(frame);
    }
    let context = SessionContext::new();
    let frame = context.read_batch(batch).unwrap();
    let frame = frame.window(vec![call.build().unwrap().alias("answer")]).unwrap();
    let frame = frame.sort(vec![col("price").sort(true, false), col("number").sort(true, false)]).unwrap();
    let found = frame.select(vec![col("answer")]).unwrap().collect().await.unwrap();
    for batch in &found {
        assert_eq!(batch.column(0).data_type(), &window.returns.arrow(), "{name}");
    }
    let table = pretty_format_batches(&found).unwrap().to_string();
    let lines: Vec<&str> = table.lines().collect();
    lines[3..lines.len() - 1].iter().map(|line| line.trim_matches(['|', ' ']).to_owned()).collect()
}

/// As ptf_decimal expects of these prices but for the NULL.
#[tokio::test]
async fn ranks_are_those_of_hive() {
    let cases: [(&str, [&str; 6]); 5] = [
        ("row_number", ["1", "2", "3", "4", "5", "6"]),
        ("rank", ["1", "1", "3", "4", "5", "6"]),
        ("dense_rank", ["1", "1", "2", "3", "4", "5"]),
        ("percent_rank", ["0.0", "0.0", "0.4", "0.6", "0.8", "1.0"]),
        (
            "cume_dist",
            [
                "0.3333333333333333",
                "0.3333333333333333",
                "0.5",
                "0.6666666666666666",
                "0.8333333333333334",
                "1.0",
            ],
        ),
    ];
    for (name, expected) in cases {
        assert_eq!(answers(name, &[], vec![], None).await, expected, "{name}");
    }
}

#[tokio::test]
async fn the_first_buckets_are_the_larger_ones() {
    let five = [constant(HiveType::Int, 5)];
    assert_eq!(answers("ntile", &five, vec![lit(5)], None).await, ["1", "1", "2", "3", "4", "5"]);
    let four = [constant(HiveType::Int, 4)];
    assert_eq!(answers("ntile", &four, vec![lit(4)], None).await, ["1", "1", "2", "2", "3", "4"]);
    let ten = [constant(HiveType::Int, 10)];
    assert_eq!(answers("ntile", &ten, vec![lit(10)], None).await, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn lead_and_lag_look_at_other_rows() {
    let price = || column(HiveType::Double);
    let lag = answers("lag", &[price()], vec![col("price")], None).await;
    assert_eq!(lag, ["", "1173.15", "1173.15", "1414.42", "1602.59", "1753.76"]);
    let args = [price(), constant(HiveType::Int, 2), constant(HiveType::Double, 0.5)];
    let lead = answers("lead", &args, vec![col("price"), lit(2i64), lit(0.5)], None).await;
    assert_eq!(lead, ["1414.42", "1602.59", "1753.76", "", "0.5", "0.5"]);
}

#[tokio::test]
async fn the_default_may_differ_from_row_to_row() {
    let args = [column(HiveType::Int), constant(HiveType::Int, 2), column(HiveType::Int)];
    let exprs = || vec![col("number"), lit(2i64), col("number") * lit(10)];
    let lag = answers("lag", &args, exprs(), None).await;
    assert_eq!(lag, ["10", "20", "1", "2", "3", "4"]);
    let lead = answers("lead", &args, exprs(), None).await;
    assert_eq!(lead, ["3", "4", "6", "5", "60", "50"]);
}

#[tokio::test]
async fn edges_of_a_frame_may_skip_nulls() {
    let price = || column(HiveType::Double);
    let last = answers("last_value", &[price()], vec![col("price")], Some(whole())).await;
    assert_eq!(last, [""; 6]);
    let args = [price(), constant(HiveType::Boolean, true)];
    let last = answers("last_value", &args, vec![col("price"), lit(true)], Some(whole())).await;
    assert_eq!(last, ["1753.76"; 6]);
    let first = answers("first_value", &[price()], vec![col("price")], None).await;
    assert_eq!(first, ["1173.15"; 6]);
}

fn whole() -> WindowFrame {
    WindowFrame::new(None)
}

#[test]
fn what_a_window_function_does_not_take_is_refused() {
    assert!(resolve("ntile", &[constant(HiveType::Int, 0)]).is_err());
    assert!(resolve("ntile", &[column(HiveType::Int)]).is_err());
    assert!(resolve("lag", &[column(HiveType::Int), constant(HiveType::Int, -1)]).is_err());
    assert!(resolve("rank", &[column(HiveType::Int)]).is_err());
    assert!(resolve("first_value", &[column(HiveType::Int), column(HiveType::Boolean)]).is_err());
}
