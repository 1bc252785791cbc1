//! ORDER BY, SORT BY, LIMIT.

use super::{Planner, Problem, Relation, Result, Typed, expr::Place};
use crate::syntax::ast::{ExprKind, Limit, Literal, OrderBy};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr};

impl Planner<'_> {
    /// Sort keys by Hive's order of NULLs.
    pub(super) fn sort_exprs(&self, keys: &[OrderBy], place: &Place<'_>) -> Result<Vec<SortExpr>> {
        keys.iter().map(|key| Ok(self.sort_expr(self.expr(&key.expr, place)?, key))).collect()
    }

    pub(super) fn sort_expr(&self, value: Typed, key: &OrderBy) -> SortExpr {
        let nulls_first = key.nulls_first.unwrap_or(key.descending == self.options.nulls_last);
        SortExpr::new(value.expr, !key.descending, nulls_first)
    }

    /// The select item that a number in ORDER BY stands for.
    pub(super) fn position(&self, key: &OrderBy, items: &[(String, Typed)]) -> Result<Option<Typed>> {
        let ExprKind::Literal(Literal::Number(digits)) = &key.expr.kind else { return Ok(None) };
        if !self.options.order_by_position {
            return Ok(None);
        }
        let Ok(number) = digits.parse::<usize>() else { return Ok(None) };
        match number.checked_sub(1).and_then(|index| items.get(index)) {
            Some((_, value)) => Ok(Some(value.clone())),
            None => {
                let text = format!(
                    "Invalid position alias in Order By: Position alias {number} does not exist; the select list has {} columns",
                    items.len()
                );
                Err(Problem::Invalid(text).at(key.expr.span))
            }
        }
    }

    pub(super) fn limited(&self, relation: Relation, limit: Option<&Limit>) -> Result<Relation> {
        let Some(limit) = limit else { return Ok(relation) };
        let (offset, rows) = (rows(limit.offset), rows(limit.rows));
        let plan = LogicalPlanBuilder::from(relation.plan).limit(offset, Some(rows))?.build()?;
        Ok(Relation { plan, ..relation })
    }

    /// Sorts by keys that are columns of the plan or made of them.
    pub(super) fn sorted(&self, relation: Relation, keys: Vec<SortExpr>) -> Result<Relation> {
        // A constant key orders nothing.
        let keys: Vec<_> = keys.into_iter().filter(|key| !matches!(key.expr, Expr::Literal(..))).collect();
        if keys.is_empty() {
            return Ok(relation);
        }
        let plan = LogicalPlanBuilder::from(relation.plan).sort(keys)?.build()?;
        Ok(Relation { plan, ..relation })
    }
}

fn rows(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
