//! The stages of a query, and how the rows of one become the input of the next.

use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, displayable};
use skep_jobs::model::Determinism;
use std::{fmt, sync::Arc};

/// Producers before consumers; the last one's rows are the result.
#[derive(Debug, Clone)]
pub struct StageGraph {
    pub stages: Vec<Stage>,
}

#[derive(Debug, Clone)]
pub struct Stage {
    /// Task `i` runs partition `i`. Its leaves read files, literals, or other stages.
    pub plan: Arc<dyn ExecutionPlan>,
    pub handover: Handover,
    pub determinism: Determinism,
}

impl Stage {
    pub fn tasks(&self) -> usize {
        self.plan.properties().output_partitioning().partition_count()
    }
}

/// What becomes of a stage's rows.
#[derive(Debug, Clone)]
pub enum Handover {
    /// The client gets them.
    Result,
    /// All go into one partition, which one task reads, or each. Sorted ones are merged there with those of other tasks.
    Together { sorted: bool },
    /// Those of task `i` to task `first + i` of each stage that reads them, of `count`.
    Own { first: usize, count: usize },
    /// By a hash of these expressions to one of `count` partitions, which are tasks of the consumer from `first` on.
    Hashed { keys: Vec<Arc<dyn PhysicalExpr>>, first: usize, count: usize },
}

impl fmt::Display for StageGraph {
    /// As EXPLAIN shows it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            write!(out, "stage {index}: {} tasks, ", stage.tasks())?;
            match &stage.handover {
                Handover::Result => writeln!(out, "to the client")?,
                Handover::Together { .. } => writeln!(out, "into one partition")?,
                Handover::Own { count, .. } => writeln!(out, "into {count} partitions of their own")?,
                Handover::Hashed { keys, count, .. } => {
                    let keys: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
                    writeln!(out, "into {count} partitions by hash of {}", keys.join(", "))?;
                }
            }
            for line in displayable(stage.plan.as_ref()).indent(false).to_string().lines() {
                writeln!(out, "  {line}")?;
            }
        }
        Ok(())
    }
}
