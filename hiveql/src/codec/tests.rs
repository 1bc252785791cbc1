//! Calls of Hive's functions come back as the same functions; what cannot travel is refused.

use super::*;
use crate::{
    functions::{Arg, registry},
    types::HiveType,
};
use chrono::{TimeZone, Utc};
use datafusion::{
    arrow::{
        array::{ArrayRef, Int64Array, RecordBatch, StringArray},
        util::pretty::pretty_format_batches,
    },
    common::ScalarValue,
    logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, expr::WindowFunction},
    physical_plan::collect,
    prelude::{SessionContext, col, lit},
};
use object_store::memory::InMemory;

#[derive(Debug)]
struct Memory;

impl ObjectStores for Memory {
    fn store(&self, _: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(InMemory::new()))
    }
}

fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::Asia::Tokyo,
        now: Utc.with_ymd_and_hms(2024, 2, 29, 12, 0, 0).unwrap(),
        user: "ada".to_owned(),
        database: "sales".to_owned(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

fn codec() -> FragmentCodec {
    FragmentCodec::new(facts(), Arc::new(Memory))
}

fn column(ty: HiveType) -> Arg {
    Arg { ty, constant: None }
}

fn text(value: &str) -> Arg {
    Arg { ty: HiveType::String, constant: Some(ScalarValue::from(value)) }
}

fn session() -> SessionContext {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(5), None, Some(3)]));
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("b"), Some("a"), Some("2024-03-01 10:00:00"), None]));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap();
    let session = SessionContext::new();
    session.register_batch("t", batch).unwrap();
    session
}

/// The rows of the plan as it is, and of the plan that came back.
async fn both(frame: datafusion::dataframe::DataFrame) -> (String, String) {
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await.unwrap();
    let bytes = codec().encode(plan.clone()).unwrap();
    let back = codec().decode(&bytes, &context).unwrap();
    assert_eq!(back.schema(), plan.schema());
    let mut shown = Vec::new();
    for plan in [plan, back] {
        let batches = collect(plan, context.clone()).await.unwrap();
        shown.push(pretty_format_batches(&batches).unwrap().to_string());
    }
    (shown.remove(0), shown.remove(0))
}

#[tokio::test]
async fn scalar_functions_keep_their_constants_and_their_session() {
    let call = |name: &str, args: &[Arg], given: Vec<Expr>| {
        let resolved = (registry::scalar(name).unwrap().resolve)(name, args, &facts()).unwrap();
        let casted = given.into_iter().zip(&resolved.args);
        let casted = casted.map(|(given, ty)| datafusion::logical_expr::try_cast(given, ty.arrow()));
        resolved.udf.call(casted.collect()).alias(name)
    };
    let calls = vec![
        call("nvl", &[column(HiveType::String), text("none")], vec![col("s"), lit("none")]),
        call("current_database", &[], vec![]),
        call("current_timestamp", &[], vec![]),
        call("date_format", &[column(HiveType::String), text("yyyy/MM")], vec![col("s"), lit("yyyy/MM")]),
    ];
    let table = session().table("t").await.unwrap();
    let (before, after) = both(table.select(calls).unwrap()).await;
    assert_eq!(after, before);
    assert!(after.contains("sales"), "{after}");
}

#[tokio::test]
async fn aggregates_come_back_in_both_their_steps() {
    let mut calls = Vec::new();
    for name in ["sum", "avg", "min", "max", "stddev", "collect_list", "collect_set", "count"] {
        let args = [column(HiveType::BigInt)];
        let resolved = (registry::aggregate(name).unwrap().resolve)(name, &args, &facts()).unwrap();
        let input = datafusion::logical_expr::cast(col("n"), resolved.args[0].arrow());
        calls.push(resolved.udf.call(vec![input]).alias(name));
    }
    let table = session().table("t").await.unwrap();
    let (before, after) = both(table.clone().aggregate(vec![], calls.clone()).unwrap()).await;
    assert_eq!(after, before);
    let grouped = table.aggregate(vec![col("s")], calls).unwrap().sort(vec![col("s").sort(true, true)]);
    let (before, after) = both(grouped.unwrap()).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn window_functions_come_back() {
    let mut calls = vec![col("n")];
    for (name, args, given) in [
        ("row_number", vec![], vec![]),
        ("rank", vec![], vec![]),
        ("lag", vec![column(HiveType::BigInt)], vec![col("n")]),
        ("first_value", vec![column(HiveType::String)], vec![col("s")]),
    ] {
        let resolved = (registry::window(name).unwrap().resolve)(name, &args, &facts()).unwrap();
        let call = WindowFunction::new(WindowFunctionDefinition::WindowUDF(resolved.udf), given);
        let ordered = Expr::from(call).order_by(vec![col("n").sort(true, true)]).build().unwrap();
        calls.push(ordered.alias(name));
    }
    let args = [column(HiveType::BigInt)];
    let total = (registry::aggregate("sum").unwrap().resolve)("sum", &args, &facts()).unwrap();
    let total = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(total.udf), vec![col("n")]);
    calls.push(Expr::from(total).order_by(vec![col("n").sort(true, true)]).build().unwrap().alias("total"));
    let table = session().table("t").await.unwrap();
    let (before, after) = both(table.select(calls).unwrap()).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn table_functions_come_back() {
    let args = [column(HiveType::array(HiveType::BigInt))];
    let resolved = (registry::table("explode").unwrap().resolve)("explode", &args, &facts()).unwrap();
    let array = datafusion::functions_nested::expr_fn::make_array(vec![col("n"), col("n")]);
    let table = session().table("t").await.unwrap();
    let (before, after) = both(table.select(vec![resolved.udf.call(vec![array]).alias("e")]).unwrap()).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn an_unknown_function_and_garbage_are_refused() {
    let context = session().task_ctx();
    assert!(codec().decode(b"\x0a\xff", &context).is_err());
    assert!(codec().try_decode_udf("no_such_function", b"[]").is_err());
    assert!(codec().try_decode_udaf("sum", b"").is_err());
}
