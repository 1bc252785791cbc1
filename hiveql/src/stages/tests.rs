//! A plan that is cut, encoded, and run stage by stage gives the rows that DataFusion gives for it in one piece.

mod fan;
mod scripts;

use super::{StageGraph, cut, local, settings};
use crate::{
    formats::{Compression, FileFormat, Sink, StorageWords, arrow_schema, stored_as},
    functions::SessionFacts,
    scan::{FileSplit, HiveScanExec, HiveTable, Part, ScanParts, ScanShape},
    types::HiveType,
};
use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray},
        datatypes::SchemaRef,
        util::display::{ArrayFormatter, FormatOptions},
    },
    catalog::{Session, TableProvider},
    common::{JoinType, Result},
    dataframe::DataFrame,
    execution::TaskContext,
    functions_aggregate::{
        expr_fn::{avg, count, count_distinct, max, min, sum},
        sum::sum_udaf,
    },
    functions_window::expr_fn::{lag, rank, row_number},
    logical_expr::{
        Expr, ExprFunctionExt, TableProviderFilterPushDown, TableType, expr::WindowFunction, in_subquery,
        not_in_subquery,
    },
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::col as physical_column},
    physical_plan::{
        ExecutionPlan, Partitioning, collect,
        repartition::RepartitionExec,
        sorts::{sort::SortExec, sort_preserving_merge::SortPreservingMergeExec},
    },
    prelude::{SessionConfig, SessionContext, col, lit},
};
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};
use skep_hdfs::stores::Stores;
use skep_jobs::{
    local::LocalOptions,
    model::{Determinism, JobConf},
};
use std::{collections::BTreeMap, sync::Arc};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A group for each file: more tasks than so few bytes would get.
#[derive(Debug)]
struct Spread(HiveTable);

#[async_trait]
impl TableProvider for Spread {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.0.scan(state, projection, filters, limit).await?;
        let scan = plan.downcast_ref::<HiveScanExec>().unwrap();
        let mut description = scan.description().clone();
        let splits: Vec<FileSplit> = description.groups.into_iter().flatten().collect();
        description.groups = splits.into_iter().map(|split| vec![split]).collect();
        let spread = HiveScanExec::try_new(description, Arc::new(LocalFileSystem::new()))?;
        Ok(Arc::new(spread.with_predicate(scan.predicate().cloned())))
    }
}

struct Bed {
    runtime: Runtime,
    folder: TempDir,
}

impl Bed {
    fn new() -> Bed {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Bed { runtime: runtime.unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    fn session(&self, change: impl Fn(&mut SessionConfig)) -> SessionContext {
        let mut config = SessionConfig::new().with_target_partitions(3);
        settings::prepare(config.options_mut());
        change(&mut config);
        let context = SessionContext::new_with_config(config);
        for (name, word, files, rows) in [("t", "PARQUET", 4, 500), ("u", "TEXTFILE", 2, 40)] {
            let table = self.runtime.block_on(self.table(name, word, files, rows));
            context.register_table(name, Arc::new(table)).unwrap();
        }
        context
    }

    async fn table(&self, name: &str, word: &str, files: i64, rows: i64) -> Spread {
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
        let columns =
            [("k", HiveType::Int), ("a", HiveType::BigInt), ("s", HiveType::String), ("d", HiveType::Double)];
        let columns: Vec<(String, HiveType)> =
            columns.into_iter().map(|(column, ty)| (format!("{name}_{column}"), ty)).collect();
        let classes = stored_as(word).unwrap();
        let none = BTreeMap::new();
        let words = StorageWords {
            input_format: classes.input,
            output_format: classes.output,
            serde: classes.serde,
            serde_properties: &none,
            table_properties: &none,
        };
        let format = Arc::new(FileFormat::new(words, &columns).unwrap());
        let mut written = Vec::new();
        for file in 0..files {
            let path = self.folder.path().join(format!("{name}-{file}"));
            let path = Path::from_absolute_path(path).unwrap();
            let sink = Sink::Store { store: store.clone(), path: path.to_string() };
            let mut writer = format.writer(sink, Compression::None).await.unwrap();
            let batch = RecordBatch::try_new(arrow_schema(&columns), rows_of(file, rows)).unwrap();
            writer.write(&batch).await.unwrap();
            writer.close().await.unwrap();
            let size = store.head(&path).await.unwrap().size;
            written.push((path.to_string(), size));
        }
        Spread(HiveTable::fixed(ScanParts {
            shape: ScanShape { columns, partition_columns: Vec::new(), virtual_columns: Vec::new() },
            parts: vec![Part { format, files: written, partition_values: Vec::new(), buckets: 0 }],
            store,
            file_name_prefix: "file:///".to_owned(),
        }))
    }

    async fn plan(&self, frame: DataFrame) -> Arc<dyn ExecutionPlan> {
        frame.create_physical_plan().await.unwrap()
    }

    /// The rows of both ways, and how the plan was cut.
    fn both(&self, frame: DataFrame, session: &SessionContext) -> (Vec<String>, Vec<String>, StageGraph) {
        let whole = self.runtime.block_on(self.plan(frame.clone()));
        let task: Arc<TaskContext> = session.task_ctx();
        let expected = self.runtime.block_on(collect(whole, task)).unwrap();
        let plan = self.runtime.block_on(self.plan(frame));
        let graph = cut(plan, 1).unwrap();
        let found = self.staged(&graph, session);
        (lines(&expected), lines(&found), graph)
    }

    fn staged(&self, graph: &StageGraph, session: &SessionContext) -> Vec<RecordBatch> {
        self.staged_within(graph, session, 0)
    }

    /// `memory_bytes`: of each task; 0: plenty.
    fn staged_within(
        &self,
        graph: &StageGraph,
        session: &SessionContext,
        memory_bytes: u64,
    ) -> Vec<RecordBatch> {
        let options = LocalOptions {
            threads: 2,
            conf: JobConf { task_memory_bytes: memory_bytes, ..JobConf::default() },
            stores: Stores::local(),
            runtime: self.runtime.handle().clone(),
        };
        let state = session.state();
        let rows = local::run(graph, &facts(), state.config_options(), &options);
        let rows = rows.unwrap_or_else(|error| panic!("{error}\n{graph}"));
        self.runtime.block_on(rows.try_collect()).unwrap()
    }

    #[track_caller]
    fn same(&self, name: &str, frame: DataFrame, session: &SessionContext) -> StageGraph {
        let (mut expected, mut found, graph) = self.both(frame, session);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}\n{graph}");
        graph
    }
}

fn facts() -> SessionFacts {
    SessionFacts {
        timezone: chrono_tz::Europe::Berlin,
        now: Utc.with_ymd_and_hms(2024, 5, 6, 7, 8, 9).unwrap(),
        user: "ada".to_owned(),
        database: "default".to_owned(),
        settings: Default::default(),
        scripts: Default::default(),
    }
}

fn rows_of(file: i64, rows: i64) -> Vec<ArrayRef> {
    let numbers = || (0..rows).map(move |row| file * rows + row);
    let key = |n: i64| (n % 11 != 0).then(|| (n * 7 % 53) as i32);
    let text = |n: i64| (n % 5 != 0).then(|| format!("text {}", n % 17));
    vec![
        Arc::new(numbers().map(key).collect::<Int32Array>()),
        Arc::new(numbers().map(Some).collect::<Int64Array>()),
        Arc::new(numbers().map(text).collect::<StringArray>()),
        Arc::new(numbers().map(|n| Some((n % 64) as f64 / 8.0)).collect::<Float64Array>()),
    ]
}

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    lines
}

fn table(session: &SessionContext, name: &str) -> DataFrame {
    futures::executor::block_on(session.table(name)).unwrap()
}

const JOINS: [JoinType; 8] = [
    JoinType::Inner,
    JoinType::Left,
    JoinType::Right,
    JoinType::Full,
    JoinType::LeftSemi,
    JoinType::RightSemi,
    JoinType::LeftAnti,
    JoinType::RightAnti,
];

#[test]
fn groups_distincts_and_totals_are_the_same() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let t = || table(&session, "t");
    let values = vec![sum(col("t_a")), count(col("t_s")), avg(col("t_d")), min(col("t_s")), max(col("t_a"))];
    let graph = bed.same("by key", t().aggregate(vec![col("t_k")], values.clone()).unwrap(), &session);
    assert_eq!(graph.stages.len(), 2, "{graph}");
    assert_eq!(graph.stages[1].tasks(), 3, "{graph}");
    bed.same("of all", t().aggregate(vec![], values).unwrap(), &session);
    bed.same("distinct", t().select_columns(&["t_k", "t_s"]).unwrap().distinct().unwrap(), &session);
    bed.same("count", t().aggregate(vec![], vec![count(lit(1))]).unwrap(), &session);
    let distinct = vec![count_distinct(col("t_s")), count_distinct(col("t_a"))];
    bed.same("count distinct", t().aggregate(vec![col("t_k")], distinct).unwrap(), &session);
    let none = t().filter(col("t_a").lt(lit(0i64))).unwrap();
    bed.same("of nothing", none.clone().aggregate(vec![], vec![sum(col("t_a"))]).unwrap(), &session);
    bed.same("groups of nothing", none.aggregate(vec![col("t_k")], vec![sum(col("t_a"))]).unwrap(), &session);
    let twice = t().aggregate(vec![col("t_k")], vec![count(lit(1)).alias("n")]).unwrap();
    bed.same("twice", twice.aggregate(vec![col("n")], vec![count(lit(1))]).unwrap(), &session);
}

#[test]
fn joins_of_all_kinds_are_the_same_however_they_are_done() {
    let bed = Bed::new();
    type Change = fn(&mut SessionConfig);
    let ways: [(&str, Change); 3] = [
        ("collected", |_| {}),
        ("partitioned", |config| {
            config.options_mut().optimizer.hash_join_single_partition_threshold = 0;
            config.options_mut().optimizer.hash_join_single_partition_threshold_rows = 0;
        }),
        ("sorted", |config| config.options_mut().optimizer.prefer_hash_join = false),
    ];
    for (way, change) in ways {
        let session = bed.session(change);
        for (left, right) in [("t", "u"), ("u", "t")] {
            let (left_key, right_key) = (format!("{left}_k"), format!("{right}_k"));
            for join in JOINS {
                let (left, right) = (table(&session, left), table(&session, right));
                let joined = left.join(right, join, &[&left_key], &[&right_key], None).unwrap();
                bed.same(&format!("{way} {join} join of {left_key}"), joined, &session);
            }
        }
    }
}

#[test]
fn joins_without_equal_keys_are_the_same() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    for join in JOINS {
        let few = |name: &str| {
            let key = col(format!("{name}_a"));
            table(&session, name).filter(key.lt(lit(60i64))).unwrap()
        };
        let joined = few("u").join_on(few("t"), join, [col("u_a").gt(col("t_a") + lit(20i64))]).unwrap();
        bed.same(&format!("{join} join"), joined, &session);
    }
    let few = table(&session, "u").filter(col("u_a").lt(lit(9i64))).unwrap();
    let crossed = few.join_on(table(&session, "t"), JoinType::Inner, Vec::<Expr>::new()).unwrap();
    bed.same("cross join", crossed, &session);
}

#[test]
fn subqueries_are_the_same_also_with_nulls_in_them() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let keys = |with_nulls: bool| {
        let keys = table(&session, "u").filter(col("u_a").lt(lit(30i64))).unwrap();
        let keys = if with_nulls { keys } else { keys.filter(col("u_k").is_not_null()).unwrap() };
        Arc::new(keys.select(vec![col("u_k")]).unwrap().into_unoptimized_plan())
    };
    for with_nulls in [false, true] {
        let inside = || in_subquery(col("t_k"), keys(with_nulls));
        let outside = || not_in_subquery(col("t_k"), keys(with_nulls));
        for filter in [inside(), outside(), inside().or(col("t_a").lt(lit(9i64)))] {
            let name = filter.to_string();
            bed.same(&name, table(&session, "t").filter(filter).unwrap(), &session);
        }
    }
}

#[test]
fn orders_are_kept_through_exchanges_that_keep_them() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let scan = bed.runtime.block_on(bed.plan(table(&session, "t")));
    let column = |name: &str| physical_column(name, &scan.schema()).unwrap();
    let keys = || LexOrdering::new([PhysicalSortExpr::new_default(column("t_a"))]).unwrap();
    let sorted = SortExec::new(keys(), scan.clone()).with_preserve_partitioning(true);
    let hashed = Partitioning::Hash(vec![column("t_k")], 3);
    let exchanged = RepartitionExec::try_new(Arc::new(sorted), hashed).unwrap().with_preserve_order();
    let merged: Arc<dyn ExecutionPlan> = Arc::new(SortPreservingMergeExec::new(keys(), Arc::new(exchanged)));
    let expected = bed.runtime.block_on(collect(merged.clone(), session.task_ctx())).unwrap();
    let graph = cut(merged, 1).unwrap();
    let readers = graph.to_string().matches("merged=[t_a@1 ASC").count();
    assert_eq!((graph.stages.len(), readers), (3, 2), "{graph}");
    assert_eq!(lines(&bed.staged(&graph, &session)), lines(&expected));
}

#[test]
fn windows_are_the_same() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let over = |function: Expr| {
        let ordered = function.order_by(vec![col("t_a").sort(true, false)]);
        ordered.partition_by(vec![col("t_k")]).build().unwrap()
    };
    let total = Expr::from(WindowFunction::new(sum_udaf(), vec![col("t_a")]));
    let functions = [row_number(), rank(), lag(col("t_a"), Some(2), None), total].map(over);
    let selected: Vec<Expr> = [col("t_k"), col("t_a")].into_iter().chain(functions).collect();
    bed.same("by key", table(&session, "t").select(selected).unwrap(), &session);
    let whole = row_number().order_by(vec![col("t_a").sort(false, false)]).build().unwrap();
    bed.same("over all", table(&session, "t").select(vec![col("t_a"), whole]).unwrap(), &session);
}

#[test]
fn sorted_rows_come_in_their_order() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let sorted = || {
        let keys = vec![col("t_s").sort(true, true), col("t_a").sort(false, false)];
        table(&session, "t").sort(keys).unwrap()
    };
    for frame in [sorted(), sorted().limit(0, Some(7)).unwrap(), sorted().limit(490, Some(30)).unwrap()] {
        let (expected, found, graph) = bed.both(frame, &session);
        assert_eq!(found, expected, "{graph}");
        assert_eq!(graph.stages.len(), 2, "{graph}");
    }
    let top = sorted().limit(0, Some(50)).unwrap().aggregate(vec![col("t_k")], vec![count(lit(1))]).unwrap();
    bed.same("groups of the first", top, &session);
}

#[test]
fn a_limit_without_an_order_gives_that_many_rows() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    for (skip, fetch) in [(0, 3), (10, 600), (1_990, 50), (3_000, 1)] {
        let (expected, found, graph) =
            bed.both(table(&session, "t").limit(skip, Some(fetch)).unwrap(), &session);
        assert_eq!(found.len(), expected.len(), "{graph}");
    }
}

#[test]
fn unions_are_the_same_also_of_what_is_shuffled() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let keys = |name: &str| {
        let counted = count(lit(1)).alias("n");
        let grouped = table(&session, name).aggregate(vec![col(format!("{name}_k"))], vec![counted]).unwrap();
        grouped.select(vec![col(format!("{name}_k")).alias("k"), col("n")]).unwrap()
    };
    let plain = |name: &str| {
        table(&session, name)
            .select(vec![col(format!("{name}_k")).alias("k"), col(format!("{name}_a")).alias("n")])
    };
    bed.same("of groups", keys("t").union(keys("u")).unwrap(), &session);
    bed.same("distinct", keys("t").union_distinct(keys("u")).unwrap(), &session);
    let mixed = keys("t").union(plain("u").unwrap()).unwrap().union(keys("u")).unwrap();
    bed.same("of groups and rows", mixed.clone(), &session);
    bed.same("groups of it", mixed.clone().aggregate(vec![col("k")], vec![sum(col("n"))]).unwrap(), &session);
    let sorted = keys("t").sort(vec![col("n").sort(true, true)]).unwrap().limit(0, Some(5)).unwrap();
    bed.same("with one that is sorted", plain("t").unwrap().union(sorted.clone()).unwrap(), &session);
    bed.same("behind one that is sorted", sorted.union(plain("t").unwrap()).unwrap(), &session);
    let renamed = keys("u").select(vec![col("k").alias("uk"), col("n").alias("un")]).unwrap();
    for join in [JoinType::Inner, JoinType::Left, JoinType::Full] {
        let joined = mixed.clone().join(renamed.clone(), join, &["k"], &["uk"], None).unwrap();
        let with_more = joined.select_columns(&["k", "un"]).unwrap().union(keys("t")).unwrap();
        bed.same(&format!("beside a {join} join"), with_more, &session);
    }
}

#[test]
fn little_memory_changes_nothing_but_the_time() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let many = bed.runtime.block_on(bed.table("m", "PARQUET", 3, 30_000));
    session.register_table("m", Arc::new(many)).unwrap();
    let m = || table(&session, "m");
    let sorted = m().sort(vec![col("m_s").sort(true, true), col("m_a").sort(true, true)]).unwrap();
    let grouped = m().aggregate(vec![col("m_a")], vec![count(lit(1)), max(col("m_s"))]).unwrap();
    for frame in [sorted, grouped] {
        let whole = bed.runtime.block_on(bed.plan(frame.clone()));
        let expected = bed.runtime.block_on(collect(whole, session.task_ctx())).unwrap();
        let graph = cut(bed.runtime.block_on(bed.plan(frame)), 1).unwrap();
        let found = bed.staged_within(&graph, &session, 3 << 20);
        let (mut expected, mut found) = (lines(&expected), lines(&found));
        expected.sort_unstable();
        found.sort_unstable();
        assert!(found == expected, "{graph}");
    }
}

#[test]
fn what_hangs_on_the_order_of_its_input_is_not_mixed_with_an_earlier_run() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let kinds = |frame: DataFrame| {
        let graph = cut(bed.runtime.block_on(bed.plan(frame)), 1).unwrap();
        graph.stages.iter().map(|stage| stage.determinism).collect::<Vec<_>>()
    };
    let t = || table(&session, "t");
    let grouped = || t().aggregate(vec![col("t_k")], vec![count(lit(1)).alias("n")]).unwrap();
    assert_eq!(kinds(grouped()), [Determinism::Unordered; 2]);
    // Which of those with equal numbers are the first ones?
    let first = grouped().sort(vec![col("n").sort(true, true)]).unwrap().limit(0, Some(3)).unwrap();
    assert_eq!(kinds(first)[1], Determinism::Varies);
    let chosen = t().filter(datafusion::functions::expr_fn::random().lt(lit(0.5))).unwrap();
    assert_eq!(kinds(chosen), [Determinism::Varies]);
    let united = t().union(t()).unwrap().filter(col("t_a").gt(lit(3i64))).unwrap();
    assert_eq!(kinds(united), [Determinism::Exact]);
}

#[test]
fn literal_rows_travel_with_the_plan() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(3), Some(10), None, Some(3)]));
    let batch = RecordBatch::try_from_iter([("v", numbers)]).unwrap();
    let values = session.read_batch(batch).unwrap();
    bed.same("alone", values.clone(), &session);
    let joined = table(&session, "t").join(values, JoinType::Inner, &["t_k"], &["v"], None).unwrap();
    bed.same("joined", joined, &session);
}

#[test]
fn a_query_over_few_bytes_is_one_stage_of_one_task() {
    let bed = Bed::new();
    let session = bed.session(|_| {});
    let table = bed.runtime.block_on(bed.table("v", "PARQUET", 3, 10)).0;
    session.register_table("v", Arc::new(table)).unwrap();
    let v = futures::executor::block_on(session.table("v")).unwrap();
    let grouped = v.aggregate(vec![col("v_k")], vec![count(lit(1)).alias("n")]).unwrap();
    let sorted = grouped.sort(vec![col("n").sort(true, true)]).unwrap();
    let plan = bed.runtime.block_on(bed.plan(sorted));
    let graph = cut(plan, settings::PARTITION_BYTES).unwrap();
    assert_eq!((graph.stages.len(), graph.stages[0].tasks()), (1, 1), "{graph}");
    assert!(!bed.staged(&graph, &session).is_empty());
}
