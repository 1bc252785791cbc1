//! UNIQUEJOIN: all tables by one key at once.
//!
//! For each value of the key, the rows that the tables have for it are combined; a table without one has NULLs there. A
//! combination stays if every table has a row in it, or one that is named with PRESERVE. A key with a NULL meets no other.

use super::{Planner, Problem, Relation, Result, Typed, expr::Place, relation::Scope};
use crate::{
    cast::promotion::common_type_for_comparison,
    syntax::ast::{Span, UniqueJoinInput},
    types::HiveType,
};
use datafusion::{
    common::Column,
    logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit},
};

/// One table, with its key as columns of the same types as the others'.
struct Side {
    relation: Relation,
    keys: Vec<Typed>,
    /// A column that is NULL only where the table has no row.
    here: Expr,
}

impl Planner<'_> {
    pub(super) fn unique_join(
        &self,
        inputs: &[UniqueJoinInput],
        span: Span,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let mut planned = Vec::with_capacity(inputs.len());
        for input in inputs {
            let relation = self.table_expr(&input.table, outer)?;
            let place = Place::plain("UNIQUEJOIN", Scope::new(&relation.fields, outer));
            let keys = input.keys.iter().map(|key| self.expr(key, &place)).collect::<Result<Vec<_>>>()?;
            planned.push((relation, keys));
        }
        let types = key_types(&planned).map_err(|problem| problem.at(span))?;
        let sides = planned.into_iter().map(|(relation, keys)| self.side(relation, keys, &types));
        let sides = sides.collect::<Result<Vec<_>>>()?;
        let kept = kept(inputs, &sides);
        let mut sides = sides.into_iter();
        let first = sides.next().ok_or_else(|| Problem::Unsupported("UNIQUEJOIN of no table").at(span))?;
        let (mut relation, mut keys) = (first.relation, first.keys);
        for side in sides {
            (relation, keys) = self.meet(relation, keys, side, span)?;
        }
        let Some(kept) = kept else { return Ok(relation) };
        let plan = LogicalPlanBuilder::from(relation.plan).filter(kept)?.build()?;
        Ok(Relation { plan, fields: relation.fields })
    }

    fn side(&self, mut relation: Relation, keys: Vec<Typed>, types: &[HiveType]) -> Result<Side> {
        let mut added = Vec::with_capacity(keys.len() + 1);
        let mut columns = Vec::with_capacity(keys.len());
        for (key, ty) in keys.into_iter().zip(types) {
            let column = Column::new_unqualified(self.fresh("key"));
            added.push((column.name.clone(), self.cast(key, ty)?.expr));
            columns.push(Typed::new(Expr::Column(column), ty.clone()));
        }
        let here = Column::new_unqualified(self.fresh("here"));
        added.push((here.name.clone(), lit(true)));
        self.extend(&mut relation, added)?;
        Ok(Side { relation, keys: columns, here: Expr::Column(here) })
    }

    /// One more table; the key of a row is that of whichever table has one.
    fn meet(
        &self,
        relation: Relation,
        keys: Vec<Typed>,
        side: Side,
        span: Span,
    ) -> Result<(Relation, Vec<Typed>)> {
        let same = keys.iter().zip(&side.keys).map(|(left, right)| left.expr.clone().eq(right.expr.clone()));
        let same = same.reduce(Expr::and).unwrap_or_else(|| lit(true));
        let mut relation = self.join_on(relation, side.relation, JoinType::Full, same)?;
        let mut added = Vec::with_capacity(keys.len());
        let mut common = Vec::with_capacity(keys.len());
        for (left, right) in keys.into_iter().zip(side.keys) {
            let key = self.scalar_call("coalesce", vec![left, right], span)?;
            let column = Column::new_unqualified(self.fresh("key"));
            added.push((column.name.clone(), key.expr));
            common.push(Typed::new(Expr::Column(column), key.ty));
        }
        self.extend(&mut relation, added)?;
        Ok((relation, common))
    }
}

/// The types in which the keys of all tables are compared.
fn key_types(planned: &[(Relation, Vec<Typed>)]) -> Result<Vec<HiveType>, Problem> {
    let mut types: Vec<HiveType> = Vec::new();
    for (index, (_, keys)) in planned.iter().enumerate() {
        if index == 0 {
            types.extend(keys.iter().map(|key| key.ty.clone()));
        }
        if keys.len() != types.len() {
            let (left, right) = (types.len(), keys.len());
            return Err(Problem::ColumnCount { op: "UNIQUEJOIN", left, right });
        }
        for (ty, key) in types.iter_mut().zip(keys) {
            let common = common_type_for_comparison(ty, &key.ty);
            *ty = common.ok_or_else(|| Problem::NoCommonType { left: ty.clone(), right: key.ty.clone() })?;
        }
    }
    Ok(types)
}

/// Which combinations stay; `None`: all.
fn kept(inputs: &[UniqueJoinInput], sides: &[Side]) -> Option<Expr> {
    if inputs.iter().all(|input| input.preserve) {
        return None;
    }
    let here = |side: &Side| side.here.clone().is_not_null();
    let preserved = inputs.iter().zip(sides).filter(|(input, _)| input.preserve);
    let all = sides.iter().map(here).reduce(Expr::and);
    preserved.map(|(_, side)| here(side)).chain(all).reduce(Expr::or)
}
