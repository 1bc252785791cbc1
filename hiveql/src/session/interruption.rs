//! Statements that end when nobody waits for them any more. Operators that make many rows of few may work for minutes without
//! coming up for air: what feeds them gives the thread back every few milliseconds, and the conditions of their joins fail
//! once the statement is given up.

use datafusion::{
    arrow::{
        datatypes::{FieldRef, Schema},
        record_batch::RecordBatch,
    },
    common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    logical_expr::ColumnarValue,
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder, utils::JoinFilter},
        stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter},
        unnest::UnnestExec,
    },
};
use futures::{Stream, StreamExt};
use std::{
    fmt,
    hash::{Hash, Hasher},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{sync::RwLock, time::timeout};

/// So long an operator may keep its thread.
const TURN: Duration = Duration::from_millis(20);
/// Batches that may wait to be taken.
const AHEAD: usize = 2;
/// How long a task may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a statement is given up.
#[derive(Debug, Clone, Default)]
struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(DataFusionError::Execution("the statement was cancelled".to_owned())),
            false => Ok(()),
        }
    }
}

/// Gives the statement up when it is dropped.
struct GiveUp(GivenUp);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Knows whether tasks of plans are still at work.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<RwLock<()>>);

impl Running {
    /// Waits for those whose streams were dropped.
    pub async fn ended(&self) {
        // One that takes longer is left behind, and what it wrote to the next session.
        let _ = timeout(PATIENCE, self.0.write()).await;
    }
}

/// Runs a plan in a task of its own, which ends soon after the stream is dropped.
pub(super) fn start(
    plan: Arc<dyn ExecutionPlan>,
    running: &Running,
    run: impl FnOnce(Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream>,
) -> Result<SendableRecordBatchStream> {
    let given_up = GivenUp::default();
    let mut rows = run(interruptible(plan, &given_up)?)?;
    // Nobody asks for it while statements begin.
    let turn = running.0.clone().try_read_owned().ok();
    let schema = rows.schema();
    let mut receiver = RecordBatchReceiverStream::builder(schema.clone(), AHEAD);
    let sender = receiver.tx();
    receiver.spawn(async move {
        while let Some(batch) = rows.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        drop((rows, turn));
        Ok(())
    });
    let guard = GiveUp(given_up);
    let batches = receiver.build().inspect(move |_| {
        let _held = &guard;
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

/// The same plan, with places in it where it can be ended.
fn interruptible(plan: Arc<dyn ExecutionPlan>, given_up: &GivenUp) -> Result<Arc<dyn ExecutionPlan>> {
    let guarded = plan.transform_up(|node| {
        // The others make about as many rows as they take, so what they take from is enough.
        if node.children().len() == 1 && !node.is::<UnnestExec>() {
            return Ok(Transformed::no(node));
        }
        let input = match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) => with_checked_filter(join, given_up)?,
            None => node,
        };
        let guard: Arc<dyn ExecutionPlan> = Arc::new(GuardExec { input, given_up: given_up.clone() });
        Ok(Transformed::yes(guard))
    });
    guarded.data()
}

fn with_checked_filter(join: &NestedLoopJoinExec, given_up: &GivenUp) -> Result<Arc<dyn ExecutionPlan>> {
    let filter = join.filter().map(|filter| {
        let checked = Checked { expression: filter.expression().clone(), given_up: given_up.clone() };
        JoinFilter::new(Arc::new(checked), filter.column_indices().to_vec(), filter.schema().clone())
    });
    Ok(Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?))
}

/// Passes its input's batches on, gives the thread back now and then, and fails once the statement is given up.
#[derive(Debug)]
struct GuardExec {
    input: Arc<dyn ExecutionPlan>,
    given_up: GivenUp,
}

impl DisplayAs for GuardExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("GuardExec")
    }
}

impl ExecutionPlan for GuardExec {
    fn name(&self) -> &str {
        "GuardExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(GuardExec { input, given_up: self.given_up.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(Guarded { input, given_up: self.given_up.clone(), since: Instant::now() }))
    }
}

struct Guarded {
    input: SendableRecordBatchStream,
    given_up: GivenUp,
    /// When the thread was given back last.
    since: Instant,
}

impl Stream for Guarded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(error) = self.given_up.check() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.since.elapsed() >= TURN {
            self.since = Instant::now();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.input.poll_next_unpin(context);
        if polled.is_pending() {
            self.since = Instant::now();
        }
        polled
    }
}

impl RecordBatchStream for Guarded {
    fn schema(&self) -> Arc<Schema> {
        self.input.schema()
    }
}

/// A condition that fails once the statement is given up: a join that finds no pair asks nothing else.
#[derive(Debug)]
struct Checked {
    expression: Arc<dyn PhysicalExpr>,
    given_up: GivenUp,
}

impl PhysicalExpr for Checked {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.expression.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.given_up.check()?;
        self.expression.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.expression]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let expression = children.into_iter().next().unwrap_or_else(|| self.expression.clone());
        Ok(Arc::new(Checked { expression, given_up: self.given_up.clone() }))
    }

    fn fmt_sql(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt_sql(out)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(out)
    }
}

impl PartialEq for Checked {
    fn eq(&self, other: &Checked) -> bool {
        self.expression.eq(&other.expression)
    }
}

impl Eq for Checked {}

impl Hash for Checked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expression.hash(state);
    }
}
