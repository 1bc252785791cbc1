//! Queries inside of expressions.

use super::{Planner, Problem, Result, Typed, expr::Place, operators::binary, relation::Relation};
use crate::{
    cast::promotion::common_type_for_comparison,
    syntax::ast::{BinaryOp, Expr as Ast, ExprKind, Quantifier, Query},
    types::HiveType,
};
use datafusion::{
    arrow::datatypes::Field as ArrowField,
    common::{
        Spans,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        Expr, LogicalPlanBuilder, Operator, Subquery,
        expr::{Exists, InSubquery, SetComparison, SetQuantifier},
    },
};
use std::sync::Arc;

impl Planner<'_> {
    fn inner(&self, query: &Query, place: &Place<'_>) -> Result<Relation> {
        self.query(query, Some(&place.scope))
    }

    pub(super) fn exists(&self, query: &Query, place: &Place<'_>) -> Result<Typed> {
        let relation = self.inner(query, place)?;
        Ok(Typed::new(Expr::Exists(Exists::new(subquery(relation), false)), HiveType::Boolean))
    }

    pub(super) fn scalar_query(&self, query: &Query, place: &Place<'_>) -> Result<Typed> {
        let relation = self.inner(query, place)?;
        let ty = one_column(&relation)?;
        Ok(Typed::new(Expr::ScalarSubquery(subquery(relation)), ty))
    }

    pub(super) fn in_query(
        &self,
        expr: &Ast,
        query: &Query,
        negated: bool,
        place: &Place<'_>,
    ) -> Result<Typed> {
        if let ExprKind::Tuple(values) = &expr.kind {
            return self.tuple_in_query(values, query, negated, place);
        }
        let value = self.expr(expr, place)?;
        let relation = self.inner(query, place)?;
        let (value, relation) = self.comparable(value, relation, "in")?;
        let found = InSubquery::new(Box::new(value), subquery(relation), negated);
        Ok(Typed::new(Expr::InSubquery(found), HiveType::Boolean))
    }

    pub(super) fn quantified(
        &self,
        expr: &Ast,
        op: BinaryOp,
        quantifier: Quantifier,
        query: &Query,
        place: &Place<'_>,
    ) -> Result<Typed> {
        let op = match op {
            BinaryOp::Equal => Operator::Eq,
            BinaryOp::NotEqual => Operator::NotEq,
            BinaryOp::Less => Operator::Lt,
            BinaryOp::LessEqual => Operator::LtEq,
            BinaryOp::Greater => Operator::Gt,
            BinaryOp::GreaterEqual => Operator::GtEq,
            _ => return Err(Problem::Unsupported("this operator before ANY or ALL").into()),
        };
        let value = self.expr(expr, place)?;
        let relation = self.inner(query, place)?;
        let (value, relation) = self.comparable(value, relation, "any")?;
        let quantifier = match quantifier {
            Quantifier::Any => SetQuantifier::Any,
            Quantifier::All => SetQuantifier::All,
        };
        let comparison = SetComparison::new(Box::new(value), subquery(relation), op, quantifier);
        Ok(Typed::new(Expr::SetComparison(comparison), HiveType::Boolean))
    }

    /// Both sides in the type that they compare in.
    fn comparable(&self, value: Typed, relation: Relation, op: &str) -> Result<(Expr, Relation)> {
        let ty = one_column(&relation)?;
        let common = common_type_for_comparison(&value.ty, &ty).ok_or_else(|| Problem::Operands {
            op: op.to_owned(),
            left: value.ty.clone(),
            right: ty.clone(),
        })?;
        let relation = self.coerced(relation, std::slice::from_ref(&common))?;
        Ok((self.cast(value, &common)?.expr, relation))
    }

    /// `(a, b) IN (query)`: there is a row of the query that equals it.
    fn tuple_in_query(
        &self,
        values: &[Ast],
        query: &Query,
        negated: bool,
        place: &Place<'_>,
    ) -> Result<Typed> {
        let relation = self.inner(query, place)?;
        if relation.fields.len() != values.len() {
            return Err(Problem::SubqueryColumns(relation.fields.len()).into());
        }
        let mut filter: Option<Expr> = None;
        for (value, field) in values.iter().zip(&relation.fields) {
            let value = self.expr(value, place)?;
            let outer = Typed::new(outward(value.expr, place), value.ty);
            let same = self.compare(BinaryOp::Equal, outer, field.typed())?.expr;
            filter = Some(match filter {
                None => same,
                Some(filter) => binary(filter, Operator::And, same),
            });
        }
        let filter = filter.ok_or(Problem::SubqueryColumns(0))?;
        let plan = LogicalPlanBuilder::from(relation.plan).filter(filter)?.build()?;
        let found = Exists::new(subquery(Relation { plan, fields: relation.fields }), negated);
        Ok(Typed::new(Expr::Exists(found), HiveType::Boolean))
    }
}

/// The expression as a query inside of it sees its columns.
fn outward(expr: Expr, place: &Place<'_>) -> Expr {
    let rewritten = expr.clone().transform_up(|node| match node {
        Expr::Column(column) => match place.scope.fields.iter().find(|field| field.column == column) {
            Some(field) => {
                let arrow = ArrowField::new(&column.name, field.ty.arrow(), true);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::new(arrow), column)))
            }
            None => Ok(Transformed::no(Expr::Column(column))),
        },
        node => Ok(Transformed::no(node)),
    });
    rewritten.map_or(expr, |rewritten| rewritten.data)
}

fn one_column(relation: &Relation) -> Result<HiveType> {
    match relation.fields.as_slice() {
        [field] => Ok(field.ty.clone()),
        fields => Err(Problem::SubqueryColumns(fields.len()).into()),
    }
}

fn subquery(relation: Relation) -> Subquery {
    let outer_ref_columns = relation.plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(relation.plan), outer_ref_columns, spans: Spans::new() }
}
