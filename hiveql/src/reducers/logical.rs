//! DISTRIBUTE BY, SORT BY and CLUSTER BY in a logical plan.

use datafusion::{
    common::{
        DFSchemaRef, Result, plan_err,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, Extension, LogicalPlan, SortExpr, UserDefinedLogicalNodeCore},
};
use std::{cmp, collections::HashSet, fmt};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReducersNode {
    input: LogicalPlan,
    /// Rows that are equal in these go to one reducer. None: rows stay where they are.
    distribute: Vec<Expr>,
    sort: Vec<SortExpr>,
    /// How many there shall be; `None`: as many as the query has partitions.
    count: Option<usize>,
}

impl ReducersNode {
    pub fn new(
        input: LogicalPlan,
        distribute: Vec<Expr>,
        sort: Vec<SortExpr>,
        count: Option<usize>,
    ) -> ReducersNode {
        ReducersNode { input, distribute, sort, count }
    }

    pub fn distribute(&self) -> &[Expr] {
        &self.distribute
    }

    pub fn sort(&self) -> &[SortExpr] {
        &self.sort
    }

    pub fn count(&self) -> Option<usize> {
        self.count
    }
}

/// There is no order among them; equal ones are equal.
impl PartialOrd for ReducersNode {
    fn partial_cmp(&self, other: &ReducersNode) -> Option<cmp::Ordering> {
        (self == other).then_some(cmp::Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for ReducersNode {
    fn name(&self) -> &str {
        "Reducers"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.distribute.iter().chain(self.sort.iter().map(|key| &key.expr)).cloned().collect()
    }

    /// A row that is left out above can be left out below.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::new()
    }

    fn fmt_for_explain(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |exprs: Vec<String>| exprs.join(", ");
        write!(
            out,
            "Reducers: distribute=[{}], sort=[{}]",
            list(self.distribute.iter().map(ToString::to_string).collect()),
            list(self.sort.iter().map(ToString::to_string).collect()),
        )?;
        self.count.map_or(Ok(()), |count| write!(out, ", count={count}"))
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<ReducersNode> {
        let Ok([input]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return plan_err!("reducers have one input");
        };
        if exprs.len() != self.distribute.len() + self.sort.len() {
            return plan_err!("reducers have other keys than before");
        }
        let sort = exprs.split_off(self.distribute.len());
        let sort = self.sort.iter().zip(sort).map(|(key, expr)| SortExpr { expr, ..key.clone() }).collect();
        Ok(ReducersNode { input, distribute: exprs, sort, count: self.count })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }
}

/// The number of reducers that a plan asks for, if it does.
pub fn wanted(plan: &LogicalPlan) -> Result<Option<usize>> {
    let mut most = None;
    plan.apply(|node| {
        if let LogicalPlan::Extension(Extension { node }) = node
            && let Some(reducers) = node.as_any().downcast_ref::<ReducersNode>()
        {
            most = most.max(reducers.count);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(most)
}
