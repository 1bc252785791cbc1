//! Plans over one source, in one piece and in stages.

use super::*;
use crate::shared::{FanOutExec, Scope, SharedSource, SharedTable, uses, with_source};
use crate::write::{Outcome, WriteDescription, WriteTable};
use datafusion::{
    common::TableReference,
    datasource::provider_as_source,
    logical_expr::{DmlStatement, LogicalPlan, WriteOp, dml::InsertOp},
    physical_plan::ExecutionPlanProperties,
};
use skep_jobs::model::{StageInput, StageOutput};

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
    can_be_scheduled(&bed, &graph);
    let mut staged = lines(&bed.staged(&graph, &session));
    expected.sort_unstable();
    whole.sort_unstable();
    staged.sort_unstable();
    assert!(expected.len() > 10);
    assert_eq!(whole, expected, "{graph}");
    assert_eq!(staged, expected, "{graph}");
    graph
}

/// As the master checks it: task `i` reads partition `i`, and of what each task reads there is one.
fn can_be_scheduled(bed: &Bed, graph: &StageGraph) {
    let specs = bed.runtime.block_on(crate::stages::spec::stages(graph, None)).unwrap();
    for stage in &specs {
        for input in &stage.inputs {
            let (from, expected) = match input {
                StageInput::Shuffle(from) => (from, stage.tasks.len()),
                StageInput::Replicated(from) | StageInput::Broadcast(from) => (from, 1),
            };
            let StageOutput::Shuffle { partitions } = specs[from.0 as usize].output else {
                panic!("{graph}")
            };
            assert_eq!(partitions as usize, expected, "{} reads {from:?}: {graph}", stage.name);
        }
    }
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
const NOTHING: Branch = |frame, session| ROWS(frame.filter(lit(false)).unwrap(), session);
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
fn a_plan_that_reads_nothing_is_no_hindrance() {
    let graph = same(&[ROWS, NOTHING]);
    assert_eq!(scans(&graph), 1, "{graph}");
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

/// Writes the rows of a branch to a folder of this number.
fn written(bed: &Bed, frame: DataFrame, number: u64) -> LogicalPlan {
    let columns = vec![("k".to_owned(), HiveType::Int), ("a".to_owned(), HiveType::BigInt)];
    let classes = stored_as("TEXTFILE").unwrap();
    let none = BTreeMap::new();
    let words = StorageWords {
        input_format: classes.input,
        output_format: classes.output,
        serde: classes.serde,
        serde_properties: &none,
        table_properties: &none,
    };
    let format = FileFormat::new(words, &columns).unwrap();
    let root = Path::from_absolute_path(bed.folder.path().join(number.to_string())).unwrap();
    let description = WriteDescription {
        write: number,
        prefix: "file:///".to_owned(),
        root: root.to_string(),
        storage: format.definition().0.clone(),
        columns,
        keys: Vec::new(),
        elsewhere: BTreeMap::new(),
        buckets: None,
        sorted_by: Vec::new(),
        compression: Compression::None,
        is_plain: false,
        counts_columns: true,
    };
    let table = WriteTable::new(description, format, Arc::new(LocalFileSystem::new()));
    let target = TableReference::bare("written");
    let (source, op) = (provider_as_source(Arc::new(table)), WriteOp::Insert(InsertOp::Append));
    LogicalPlan::Dml(DmlStatement::new(target, source, op, Arc::new(frame.into_unoptimized_plan())))
}

#[test]
fn writers_of_one_source_answer_each_for_itself() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    for (first, branches) in [(10, [ROWS, FEW]), (20, [ROWS, GROUPS])] {
        let source = table(&session, "t");
        let shared = SharedTable::plan(source.logical_plan()).unwrap();
        let plans = (first..).zip(branches).map(|(number, branch)| {
            let rows = branch(DataFrame::new(session.state(), shared.clone()), &session);
            let plan = written(&bed, rows, number);
            DataFrame::new(session.state(), plan).into_optimized_plan().unwrap()
        });
        let source = bed.runtime.block_on(bed.plan(source));
        let partitions = source.output_partitioning().partition_count();
        let known = SharedSource { columns: vec![0, 1, 2, 3], partitions, bytes: None };
        let plans = plans.map(|plan| {
            let frame = DataFrame::new(session.state(), with_source(plan, &known).unwrap());
            bed.runtime.block_on(bed.plan(frame))
        });
        let fan = FanOutExec::try_new(source, plans.collect(), Scope::Whole).unwrap();
        let graph = cut(Arc::new(fan), 1).unwrap();
        let batches = bed.staged(&graph, &session);
        let schema = batches[0].schema();
        let rows = futures::stream::iter(batches.into_iter().map(Ok));
        let rows = Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, rows));
        let outcomes = bed.runtime.block_on(Outcome::collect_each(rows)).unwrap();
        assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), [first, first + 1]);
        for (number, branch) in (first..).zip(branches) {
            let plan = bed.runtime.block_on(bed.plan(branch(table(&session, "t"), &session)));
            let expected = lines(&bed.runtime.block_on(collect(plan, session.task_ctx())).unwrap()).len();
            let files = std::fs::read_dir(bed.folder.path().join(number.to_string())).unwrap();
            let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
            let found: usize = texts.map(|text| text.lines().count()).sum();
            assert_eq!((found, outcomes[&number].rows()), (expected, expected as u64), "{number}: {graph}");
        }
    }
}
