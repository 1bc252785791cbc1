//! A tree of inner joins taken apart: its inputs, what must be equal, and what else must hold.

use datafusion::{
    common::{Column, NullEquality, Result},
    logical_expr::{Expr, Join, JoinType, LogicalPlan, Projection, utils::split_conjunction_owned},
};
use std::collections::HashSet;

/// Inputs are numbered; a set of them is the bits of a number.
pub(super) type Inputs = u64;

/// Expressions of several inputs that must all be equal.
#[derive(Debug, Clone, Default)]
pub(super) struct Class {
    pub members: Vec<(Inputs, Expr)>,
}

pub(super) struct JoinGraph {
    inputs: Vec<LogicalPlan>,
    pub classes: Vec<Class>,
    /// Conditions that are no equalities, with the inputs that they look at.
    pub filters: Vec<(Inputs, Expr)>,
}

impl JoinGraph {
    /// `None` if something in the tree stands in the way.
    pub fn of(plan: &LogicalPlan) -> Option<JoinGraph> {
        let mut parts = Parts::default();
        parts.collect(plan);
        if parts.inputs.len() > Inputs::BITS as usize {
            return None;
        }
        let columns: Vec<HashSet<Column>> =
            parts.inputs.iter().map(|input| input.schema().columns().into_iter().collect()).collect();
        let inputs_of = |expr: &Expr| -> Option<Inputs> {
            let mut inputs = 0;
            for column in expr.column_refs() {
                let mut owners = (0..columns.len()).filter(|index| columns[*index].contains(column));
                inputs |= 1 << owners.next()?;
                // A name that two inputs have leads nowhere.
                if owners.next().is_some() {
                    return None;
                }
            }
            Some(inputs)
        };
        let mut graph = JoinGraph { inputs: Vec::new(), classes: Vec::new(), filters: Vec::new() };
        for (left, right) in parts.equal {
            let (left_inputs, right_inputs) = (inputs_of(&left)?, inputs_of(&right)?);
            let of_one = |inputs: Inputs| inputs.count_ones() == 1;
            if of_one(left_inputs) && of_one(right_inputs) && left_inputs != right_inputs {
                graph.equate((left_inputs, left), (right_inputs, right));
            } else {
                graph.filters.push((left_inputs | right_inputs, left.eq(right)));
            }
        }
        for filter in parts.filters.into_iter().flat_map(split_conjunction_owned) {
            graph.filters.push((inputs_of(&filter)?, filter));
        }
        Some(JoinGraph { inputs: parts.inputs, ..graph })
    }

    pub fn inputs(&self) -> &[LogicalPlan] {
        &self.inputs
    }

    pub fn map_inputs(self, change: impl Fn(LogicalPlan) -> Result<LogicalPlan>) -> Result<JoinGraph> {
        let inputs = self.inputs.into_iter().map(change).collect::<Result<_>>()?;
        Ok(JoinGraph { inputs, ..self })
    }

    fn equate(&mut self, left: (Inputs, Expr), right: (Inputs, Expr)) {
        let place = |classes: &[Class], member: &(Inputs, Expr)| {
            classes.iter().position(|class| class.members.contains(member))
        };
        match (place(&self.classes, &left), place(&self.classes, &right)) {
            (None, None) => self.classes.push(Class { members: vec![left, right] }),
            (Some(class), None) => self.classes[class].members.push(right),
            (None, Some(class)) => self.classes[class].members.push(left),
            (Some(left), Some(right)) if left != right => {
                let merged = std::mem::take(&mut self.classes[right].members);
                self.classes[left].members.extend(merged);
                self.classes.remove(right);
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Parts {
    inputs: Vec<LogicalPlan>,
    equal: Vec<(Expr, Expr)>,
    filters: Vec<Expr>,
}

impl Parts {
    /// Goes down through inner joins, and through what only leaves out columns between them.
    #[recursive::recursive]
    fn collect(&mut self, plan: &LogicalPlan) {
        match plan {
            LogicalPlan::Join(join) if is_free(join) => {
                self.collect(&join.left);
                self.collect(&join.right);
                self.equal.extend(join.on.iter().cloned());
                self.filters.extend(join.filter.clone());
            }
            LogicalPlan::Projection(Projection { expr, input, .. })
                if expr.iter().all(|expr| matches!(expr, Expr::Column(_))) && has_free_join(input) =>
            {
                self.collect(input);
            }
            other => self.inputs.push(other.clone()),
        }
    }
}

#[recursive::recursive]
fn has_free_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => is_free(join),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            expr.iter().all(|expr| matches!(expr, Expr::Column(_))) && has_free_join(input)
        }
        _ => false,
    }
}

/// Whether a join may be done earlier or later. Conditions that are evaluated another number of times must not notice.
fn is_free(join: &Join) -> bool {
    let steady = |expr: &Expr| !expr.is_volatile();
    join.join_type == JoinType::Inner
        && join.null_equality == NullEquality::NullEqualsNothing
        && join.on.iter().all(|(left, right)| steady(left) && steady(right))
        && join.filter.iter().all(steady)
}
