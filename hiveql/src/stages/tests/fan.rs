//! Plans over one source, in one piece and in stages.

use super::*;
use crate::shared::{FanOutExec, Scope, SharedSource, SharedTable, uses, with_source};
use datafusion::physical_plan::ExecutionPlanProperties;

type Branch = fn(DataFrame, &SessionContext) -> DataFrame;

/// As the engine of a session does it.
fn fanned(bed: &Bed, session: &SessionContext, source: DataFrame, branches: &[Branch]) -> FanOutExec {
    let shared = SharedTable::plan(source.logical_plan()).unwrap();
    let state = session.state();
    let optimized: Vec<_> = branches
        .iter()
        .map(|branch| branch(DataFrame::new(state.clone(), shared.clone()), session))
        .map(|frame| frame.into_optimized_plan().unwrap())
        .collect();
    let columns: Vec<usize> = uses(&optimized).unwrap().columns.into_iter().collect();
    let names: Vec<_> =
        columns.iter().map(|index| source.schema().field(*index).name().as_str()).map(col).collect();
    let source = bed.runtime.block_on(bed.plan(source.select(names).unwrap()));
    let partitions = source.output_partitioning().partition_count();
    let known = SharedSource { columns, partitions, bytes: None };
    let branches = optimized.into_iter().map(|plan| {
        let plan = with_source(plan, &known).unwrap();
        bed.runtime.block_on(bed.plan(DataFrame::new(state.clone(), plan)))
    });
    FanOutExec::try_new(source, branches.collect(), Scope::Whole).unwrap()
}

fn same(branches: &[Branch]) -> StageGraph {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let source = || {
        table(&session, "t").filter(col("t_a").gt(lit(7i64))).unwrap().select(vec![
            col("t_k"),
            col("t_a"),
            col("t_s"),
        ])
    };
    let mut expected = Vec::new();
    for branch in branches {
        let plan = bed.runtime.block_on(bed.plan(branch(source().unwrap(), &session)));
        expected.extend(lines(&bed.runtime.block_on(collect(plan, session.task_ctx())).unwrap()));
    }
    let fan: Arc<dyn ExecutionPlan> = Arc::new(fanned(&bed, &session, source().unwrap(), branches));
    let mut whole = lines(&bed.runtime.block_on(collect(Arc::clone(&fan), session.task_ctx())).unwrap());
    let graph = cut(fan, 1).unwrap();
    let mut staged = lines(&bed.staged(&graph, &session));
    expected.sort_unstable();
    whole.sort_unstable();
    staged.sort_unstable();
    assert!(expected.len() > 10);
    assert_eq!(whole, expected, "{graph}");
    assert_eq!(staged, expected, "{graph}");
    graph
}

fn scans(graph: &StageGraph) -> usize {
    fn count(plan: &Arc<dyn ExecutionPlan>) -> usize {
        let below: usize = plan.children().into_iter().map(count).sum();
        below + usize::from(plan.is::<HiveScanExec>())
    }
    graph.stages.iter().map(|stage| count(&stage.plan)).sum()
}

const ROWS: Branch = |frame, _| frame.select(vec![col("t_k").alias("k"), col("t_a").alias("a")]).unwrap();
const FEW: Branch = |frame, session| ROWS(frame.filter(col("t_k").gt(lit(40))).unwrap(), session);
const GROUPS: Branch = |frame, _| {
    let groups = frame.aggregate(vec![col("t_k")], vec![sum(col("t_a")).alias("a")]).unwrap();
    groups.select(vec![col("t_k").alias("k"), col("a")]).unwrap()
};
const JOINED: Branch = |frame, session| {
    let right = table(session, "u");
    ROWS(frame.join(right, JoinType::Inner, &["t_k"], &["u_k"], None).unwrap(), session)
};
/// A merge of all partitions: it waits for the slowest.
const SORTED: Branch = |frame, session| {
    ROWS(frame.sort(vec![col("t_a").sort(true, true)]).unwrap().limit(0, Some(1500)).unwrap(), session)
};
const TWICE: Branch = |frame, session| ROWS(frame.clone().union(frame).unwrap(), session);

#[test]
fn plans_that_exchange_nothing_share_the_tasks_of_their_source() {
    let graph = same(&[ROWS, FEW, JOINED]);
    let last = graph.stages.last().unwrap();
    assert_eq!((last.tasks(), last.plan.name(), scans(&graph)), (4, "FanOutExec", 6 - 4), "{graph}");
}

#[test]
fn a_source_of_plans_that_exchange_rows_is_a_stage_that_they_all_read() {
    let graph = same(&[ROWS, GROUPS, SORTED, JOINED, TWICE, GROUPS]);
    let sources = graph.stages.iter().filter(|stage| stage.plan.name() == "FilterExec").count();
    assert_eq!((sources, scans(&graph)), (1, 2), "{graph}");
}

#[test]
fn a_source_leaves_out_what_no_plan_reads() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let source = table(&session, "t");
    let shared = SharedTable::plan(source.logical_plan()).unwrap();
    let plan = |branch: Branch| {
        let frame = DataFrame::new(session.state(), shared.clone());
        branch(frame, &session).into_optimized_plan().unwrap()
    };
    let of_some = uses(&[plan(FEW), plan(FEW)]).unwrap();
    assert_eq!(of_some.columns.into_iter().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(of_some.filter.unwrap().to_string(), "t_k > Int32(40) OR t_k > Int32(40)");
    assert!(uses(&[plan(FEW), plan(ROWS)]).unwrap().filter.is_none());
}
