//! Scripts and reducers, in one piece and in stages.

use super::*;
use crate::{
    formats::RowWords,
    physical::HiveQueryPlanner,
    reducers::ReducersNode,
    script::{ScriptDescription, ScriptNode},
};
use datafusion::{
    execution::SessionStateBuilder,
    logical_expr::{Extension, LogicalPlan, SortExpr},
};

fn extension(node: impl datafusion::logical_expr::UserDefinedLogicalNode + 'static) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

fn words(columns: &[(&str, HiveType)]) -> RowWords {
    let columns = columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    let properties = BTreeMap::new();
    RowWords { serde: String::new(), properties, columns, last_takes_rest: false, escaped: false }
}

/// What the command makes of keys and numbers, which come to it by key and sorted.
fn reduced(session: &SessionContext, command: &str, partial: bool) -> DataFrame {
    let input = table(session, "t").select_columns(&["t_k", "t_a"]).unwrap().into_unoptimized_plan();
    let sort = vec![SortExpr::new(col("t_k"), true, true), SortExpr::new(col("t_a"), false, true)];
    let reducers = ReducersNode::new(input, vec![col("t_k")], sort, None);
    let description = ScriptDescription {
        command: command.to_owned(),
        input: words(&[("k", HiveType::Int), ("a", HiveType::BigInt)]),
        output: words(&[("k", HiveType::Int), ("a", HiveType::BigInt)]),
        partial,
        environment: vec![],
        files: vec![],
    };
    let names = ["k".to_owned(), "a".to_owned()];
    let script = ScriptNode::try_new(extension(reducers), Arc::new(description), &names).unwrap();
    let state = SessionStateBuilder::new_from_existing(session.state());
    DataFrame::new(state.with_query_planner(Arc::new(HiveQueryPlanner)).build(), extension(script))
}

#[test]
fn each_task_runs_a_script_over_its_sorted_keys() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let first = "awk {if($1!=k||NR==1)print;k=$1}";
    let graph = bed.same("first of each key", reduced(&session, first, false), &session);
    assert_eq!(graph.stages.len(), 2, "{graph}");
    assert_eq!(graph.stages[1].tasks(), 3, "{graph}");
    assert_eq!(graph.stages[1].determinism, Determinism::Varies, "{graph}");
    let (whole, staged, _) = bed.both(reduced(&session, first, false), &session);
    assert_eq!((whole.len(), staged.len()), (54, 54));
    bed.same("nothing", reduced(&session, "true", true), &session);
}

#[test]
fn a_script_that_fails_fails_its_task_with_its_own_words() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let plan = bed.runtime.block_on(bed.plan(reduced(&session, "sh -c \"echo so what >&2; exit 9\"", false)));
    let graph = cut(plan, 1).unwrap();
    let options = LocalOptions {
        threads: 2,
        conf: JobConf::default(),
        stores: Stores::local(),
        runtime: bed.runtime.handle().clone(),
    };
    let failed = local::run(&graph, &facts(), session.state().config_options(), &options);
    let text = failed.err().unwrap().to_string();
    assert!(text.contains("exit status: 9") && text.contains("so what"), "{text}");
}
