//! Rows of Parquet that a predicate leaves out before the other columns are decoded.
//!
//! That pays where few rows are left. Whether few are is found out on the way: a predicate that lets most of the first rows
//! of a row group through is not asked for the others, nor in row groups that are read later.

use super::{Adapter, Matching};
use crate::{
    formats::range::{FileRange, ReadOptions, RowPredicate},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{AsArray, BooleanArray, RecordBatch},
        error::ArrowError,
    },
    common::{
        Result,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_expr::{
        PhysicalExpr,
        expressions::{Column, Literal},
        utils::collect_columns,
    },
    physical_expr_common::physical_expr::snapshot_physical_expr,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowPredicate, ArrowPredicateFn, RowFilter},
    },
    schema::types::SchemaDescriptor,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// So many rows are enough to judge a predicate.
const JUDGED_ROWS: u64 = 16 << 10;
/// It is kept where it lets no more than this part of the rows through: to skip values between others costs as much as to
/// decode them (measured with TPC-H: a part of 0.001 saves a quarter of query 17, one of 0.05 costs query 9 a quarter).
const USEFUL_PART: f64 = 0.02;

/// How many rows a predicate has seen, and how many it let through.
#[derive(Debug, Default)]
pub struct Judgement {
    seen: AtomicU64,
    kept: AtomicU64,
}

impl Judgement {
    fn count(&self, seen: usize, kept: usize) {
        self.seen.fetch_add(seen as u64, Relaxed);
        self.kept.fetch_add(kept as u64, Relaxed);
    }

    fn is_useless(&self) -> bool {
        let (seen, kept) = (self.seen.load(Relaxed), self.kept.load(Relaxed));
        seen >= JUDGED_ROWS && kept as f64 > seen as f64 * USEFUL_PART
    }
}

/// What row filters of a file are made from.
pub(super) struct Rows<'a> {
    pub file: &'a FileRange,
    pub columns: &'a [(String, HiveType)],
    /// Of the file.
    pub names: &'a [String],
    pub matching: Matching,
    pub schema: &'a SchemaDescriptor,
}

/// What is known of a predicate now.
pub(super) fn now(predicate: &RowPredicate) -> Option<Arc<dyn PhysicalExpr>> {
    let expr = snapshot_physical_expr(Arc::clone(&predicate.expr)).ok()?;
    // A filter that nobody has filled yet is true.
    (!expr.is::<Literal>()).then_some(expr)
}

impl Rows<'_> {
    /// Of predicates as they are [`now`].
    pub fn filter(&self, predicates: &[(RowPredicate, Arc<dyn PhysicalExpr>)]) -> Option<RowFilter> {
        let useful = predicates.iter().filter(|(predicate, _)| !predicate.judgement.is_useless());
        let filters: Vec<Box<dyn ArrowPredicate>> =
            useful.filter_map(|(predicate, expr)| self.predicate(expr, &predicate.judgement).ok()).collect();
        (!filters.is_empty()).then(|| RowFilter::new(filters))
    }

    fn predicate(
        &self,
        expr: &Arc<dyn PhysicalExpr>,
        judgement: &Arc<Judgement>,
    ) -> Result<Box<dyn ArrowPredicate>> {
        let mut indices: Vec<usize> = collect_columns(expr).iter().map(Column::index).collect();
        indices.sort_unstable();
        let place = |column: &Column| indices.binary_search(&column.index()).unwrap_or_default();
        let expr = Arc::clone(expr).transform(|node| {
            Ok(match node.downcast_ref::<Column>() {
                Some(column) => {
                    let moved = Column::new(column.name(), place(column));
                    Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>)
                }
                None => Transformed::no(node),
            })
        });
        let (expr, judgement) = (expr.data()?, Arc::clone(judgement));
        let options = ReadOptions::columns(indices, 0);
        let (adapter, read) = Adapter::new(self.file, &options, self.columns, self.names, self.matching);
        let mask = ProjectionMask::roots(self.schema, read);
        Ok(Box::new(ArrowPredicateFn::new(mask, move |batch| {
            if judgement.is_useless() {
                return Ok(BooleanArray::from(vec![true; batch.num_rows()]));
            }
            let kept = kept(&expr, &adapter.adapt(&batch, 0)?)?;
            judgement.count(kept.len(), kept.true_count());
            Ok(kept)
        })))
    }
}

fn kept(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    let failed = |error| ArrowError::ExternalError(Box::new(error));
    let kept = expr.evaluate(batch).and_then(|value| value.into_array(batch.num_rows())).map_err(failed)?;
    let kept = kept.as_boolean_opt();
    kept.cloned().ok_or_else(|| ArrowError::ComputeError("a predicate answered with no truth".to_owned()))
}
