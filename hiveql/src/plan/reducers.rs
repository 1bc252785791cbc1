//! DISTRIBUTE BY, SORT BY, CLUSTER BY.

use super::{Planner, Relation, Result};
use crate::reducers::ReducersNode;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, SortExpr};
use std::sync::Arc;

impl Planner<'_> {
    /// Rows that are equal in `distribute` come together, and each reducer's rows are sorted.
    pub(super) fn reduced(
        &self,
        relation: Relation,
        distribute: Vec<Expr>,
        sort: Vec<SortExpr>,
    ) -> Result<Relation> {
        let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(..));
        let sort: Vec<_> = sort.into_iter().filter(|key| !is_literal(&key.expr)).collect();
        // All rows are equal in a constant.
        let together = !distribute.is_empty() && distribute.iter().all(is_literal);
        let distribute: Vec<_> = distribute.into_iter().filter(|expr| !is_literal(expr)).collect();
        if sort.is_empty() && distribute.is_empty() && !together {
            return Ok(relation);
        }
        let count = if together { Some(1) } else { self.options.reducers };
        let node = ReducersNode::new(relation.plan, distribute, sort, count);
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        Ok(Relation { plan, fields: relation.fields })
    }
}
