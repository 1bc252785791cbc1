//! Joins what makes the fewest rows first, then what makes the fewest rows with that, until all is joined.

use super::{
    estimate::{Estimate, estimated},
    graph::{Class, Inputs, JoinGraph},
};
use datafusion::{
    common::Result,
    error::DataFusionError,
    logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, utils::conjunction},
};

/// Some of the inputs, joined.
struct Piece {
    inputs: Inputs,
    plan: LogicalPlan,
    estimate: Estimate,
}

pub(super) fn joined(graph: JoinGraph) -> Result<LogicalPlan> {
    let inputs = graph.inputs().iter().enumerate();
    let mut pieces: Vec<Piece> = inputs
        .map(|(index, plan)| Piece { inputs: 1 << index, plan: plan.clone(), estimate: estimated(plan) })
        .collect();
    let JoinGraph { classes, mut filters, .. } = graph;
    for piece in &mut pieces {
        let mine = ready(&mut filters, piece.inputs);
        if let Some(filter) = conjunction(mine) {
            piece.estimate = piece.estimate.filtered(&filter);
            piece.plan = LogicalPlanBuilder::from(piece.plan.clone()).filter(filter)?.build()?;
        }
    }
    while pieces.len() > 1 {
        let (left, right) = cheapest(&pieces, &classes);
        let second = pieces.swap_remove(left.max(right));
        let first = pieces.swap_remove(left.min(right));
        pieces.push(join(first, second, &classes, &mut filters)?);
    }
    let last = pieces.pop().ok_or_else(|| DataFusionError::Internal("a join of nothing".to_owned()))?;
    // What looks at no input at all.
    match conjunction(filters.into_iter().map(|(_, filter)| filter)) {
        Some(filter) => LogicalPlanBuilder::from(last.plan).filter(filter)?.build(),
        None => Ok(last.plan),
    }
}

/// Places of the two pieces to be joined next: those that have a key in common before those that have none.
fn cheapest(pieces: &[Piece], classes: &[Class]) -> (usize, usize) {
    let mut best = (0, 1);
    let mut least = (true, f64::INFINITY, f64::INFINITY);
    for right in 1..pieces.len() {
        for left in 0..right {
            let (left_piece, right_piece) = (&pieces[left], &pieces[right]);
            let keys = keys(left_piece.inputs, right_piece.inputs, classes);
            let rows = left_piece.estimate.joined_rows(&right_piece.estimate, &keys);
            // A single row beside another relation costs nothing.
            let apart = keys.is_empty() && left_piece.estimate.rows.min(right_piece.estimate.rows) > 1.0;
            let cost = (apart, rows, left_piece.estimate.rows + right_piece.estimate.rows);
            if cost < least {
                (best, least) = ((left, right), cost);
            }
        }
    }
    best
}

/// An equality for each class that has members on both sides; within a side they are equal already.
fn keys(left: Inputs, right: Inputs, classes: &[Class]) -> Vec<(Expr, Expr)> {
    let member = |class: &Class, side: Inputs| {
        class.members.iter().find(|(input, _)| input & side != 0).map(|(_, expr)| expr.clone())
    };
    classes.iter().filter_map(|class| Some((member(class, left)?, member(class, right)?))).collect()
}

/// Takes out the filters that look at these inputs only.
fn ready(filters: &mut Vec<(Inputs, Expr)>, inputs: Inputs) -> Vec<Expr> {
    let (ready, later) = std::mem::take(filters)
        .into_iter()
        .partition::<Vec<_>, _>(|(looks_at, _)| *looks_at != 0 && looks_at & !inputs == 0);
    *filters = later;
    ready.into_iter().map(|(_, filter)| filter).collect()
}

/// The smaller one on the left, where hash joins build.
fn join(first: Piece, second: Piece, classes: &[Class], filters: &mut Vec<(Inputs, Expr)>) -> Result<Piece> {
    let (left, right) =
        if first.estimate.rows <= second.estimate.rows { (first, second) } else { (second, first) };
    let keys = keys(left.inputs, right.inputs, classes);
    let inputs = left.inputs | right.inputs;
    let filter = conjunction(ready(filters, inputs));
    let mut estimate = left.estimate.joined(&right.estimate, &keys);
    if let Some(filter) = &filter {
        estimate = estimate.filtered(filter);
    }
    let builder = LogicalPlanBuilder::from(left.plan);
    let builder = match (keys.is_empty(), filter) {
        (true, None) => builder.cross_join(right.plan)?,
        (true, Some(filter)) => builder.join_on(right.plan, JoinType::Inner, [filter])?,
        (false, filter) => {
            builder.join_with_expr_keys(right.plan, JoinType::Inner, keys.into_iter().unzip(), filter)?
        }
    };
    Ok(Piece { inputs, plan: builder.build()?, estimate })
}
