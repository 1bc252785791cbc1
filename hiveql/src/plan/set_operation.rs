//! UNION, INTERSECT, EXCEPT.

use super::{Field, Planner, Problem, Relation, Result, Typed};
use crate::{
    cast::promotion::common_type_for_union, functions::registry, syntax::ast::SetOp, types::HiveType,
};
use datafusion::logical_expr::{
    Expr, JoinType, LogicalPlanBuilder, WindowFrame,
    expr::{WindowFunction, WindowFunctionDefinition},
};

impl Planner<'_> {
    pub(super) fn set_operation(
        &self,
        op: SetOp,
        all: bool,
        left: Relation,
        right: Relation,
    ) -> Result<Relation> {
        let is_ambiguous = |field: &Field| self.ambiguous.borrow().contains(&field.column);
        let twice: Vec<bool> = left.fields.iter().map(is_ambiguous).collect();
        let (left, right) = self.matched(name(op), left, right)?;
        let relation = self.operated(op, all, left, right)?;
        for (field, _) in relation.fields.iter().zip(twice).filter(|(_, twice)| *twice) {
            self.ambiguous.borrow_mut().insert(field.column.clone());
        }
        Ok(relation)
    }

    fn operated(&self, op: SetOp, all: bool, left: Relation, right: Relation) -> Result<Relation> {
        match (op, all) {
            (SetOp::Union, true) => self.union(left, right),
            (SetOp::Union, false) => self.distinct(self.union(left, right)?),
            (SetOp::Intersect, false) => self.semi(self.distinct(left)?, right, JoinType::LeftSemi),
            (SetOp::Except, false) => self.semi(self.distinct(left)?, right, JoinType::LeftAnti),
            (SetOp::Intersect, true) => {
                self.semi(self.numbered(left)?, self.numbered(right)?, JoinType::LeftSemi)
            }
            (SetOp::Except, true) => {
                self.semi(self.numbered(left)?, self.numbered(right)?, JoinType::LeftAnti)
            }
        }
    }

    /// Both sides with the types that they have in common.
    fn matched(&self, op: &'static str, left: Relation, right: Relation) -> Result<(Relation, Relation)> {
        if left.fields.len() != right.fields.len() {
            return Err(
                Problem::ColumnCount { op, left: left.fields.len(), right: right.fields.len() }.into()
            );
        }
        let types = left.fields.iter().zip(&right.fields).map(|(left, right)| {
            common_type_for_union(&left.ty, &right.ty).ok_or_else(|| Problem::ColumnType {
                op,
                name: left.name.clone(),
                left: left.ty.clone(),
                right: right.ty.clone(),
            })
        });
        let types = types.collect::<Result<Vec<HiveType>, _>>()?;
        Ok((self.coerced(left, &types)?, self.coerced(right, &types)?))
    }

    fn union(&self, left: Relation, right: Relation) -> Result<Relation> {
        let columns: Vec<_> = left.fields.iter().map(|field| (field.name.clone(), field.typed())).collect();
        // By position: the right side takes the names of the left.
        let exprs = right
            .fields
            .iter()
            .zip(&left.fields)
            .map(|(right, left)| right.expr().alias(left.column.name.clone()));
        let right = LogicalPlanBuilder::from(right.plan).project(exprs.collect::<Vec<_>>())?.build()?;
        let exprs = left.fields.iter().map(|field| field.expr()).collect::<Vec<_>>();
        let left = LogicalPlanBuilder::from(left.plan).project(exprs)?;
        let plan = left.union(right)?.build()?;
        self.project(Relation { plan, fields: vec![] }, columns)
    }

    pub(super) fn distinct(&self, relation: Relation) -> Result<Relation> {
        let exprs = relation.fields.iter().map(|field| field.expr()).collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::from(relation.plan).project(exprs)?.distinct()?.build()?;
        Ok(Relation { plan, ..relation })
    }

    /// Rows of the left with (or without) an equal one on the right; NULLs are equal here.
    fn semi(&self, left: Relation, right: Relation, join: JoinType) -> Result<Relation> {
        let same = left.fields.iter().zip(&right.fields).map(|(left, right)| {
            super::operators::binary(
                left.expr(),
                datafusion::logical_expr::Operator::IsNotDistinctFrom,
                right.expr(),
            )
        });
        let same = same.collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::from(left.plan).join_on(right.plan, join, same)?.build()?;
        let fields = left.fields.into_iter().filter(|field| !field.hidden).collect();
        Ok(Relation { plan, fields })
    }

    /// With the number of each row among its equals, so that ALL can pair them off.
    fn numbered(&self, mut relation: Relation) -> Result<Relation> {
        let definition = registry::window("row_number").ok_or(Problem::Unsupported("row_number"))?;
        let function = (definition.resolve)("row_number", &[], self.facts)?;
        let mut call = WindowFunction::new(WindowFunctionDefinition::WindowUDF(function.udf), vec![]);
        call.params.partition_by = relation.fields.iter().map(|field| field.expr()).collect();
        call.params.window_frame = WindowFrame::new(None);
        let columns = self.window_columns(&mut relation, vec![Expr::WindowFunction(Box::new(call))])?;
        for column in columns.into_values() {
            relation.fields.push(super::Field {
                relation: None,
                name: String::new(),
                ty: function.returns.clone(),
                column,
                hidden: true,
            });
        }
        Ok(relation)
    }

    /// Whether a value is the same on both sides, for what joins by name.
    pub(super) fn same(&self, left: Typed, right: Typed) -> Result<Expr> {
        Ok(self.compare(crate::syntax::ast::BinaryOp::Equal, left, right)?.expr)
    }
}

fn name(op: SetOp) -> &'static str {
    match op {
        SetOp::Union => "union",
        SetOp::Intersect => "intersect",
        SetOp::Except => "except",
    }
}
