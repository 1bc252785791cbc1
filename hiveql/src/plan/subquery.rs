//! Queries inside of expressions.

use super::{
    Field, Planner, Problem, Result, Typed, expr::Place, literal::scalar, operators::binary,
    relation::Relation,
};
use crate::{
    cast::promotion::common_type_for_comparison,
    functions::registry,
    syntax::ast::{BinaryOp, Expr as Ast, ExprKind, Quantifier, Query, QueryBody, SelectItems, walk},
    types::HiveType,
};
use datafusion::{
    arrow::datatypes::Field as ArrowField,
    common::{
        ScalarValue, Spans,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        Case, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
        expr::{AggregateFunction, Exists, InSubquery, SetComparison, SetQuantifier},
        lit,
    },
};
use std::sync::Arc;

impl Planner<'_> {
    fn inner(&self, query: &Query, place: &Place<'_>) -> Result<Relation> {
        self.query(query, Some(&place.scope))
    }

    /// As [`Self::inner`], for IN: what it is correlated by cannot be taken out of a window.
    fn inner_of_in(&self, query: &Query, place: &Place<'_>) -> Result<Relation> {
        let relation = self.inner(query, place)?;
        if has_window(&query.body) && !relation.plan.all_out_ref_exprs().is_empty() {
            let text =
                "Unsupported SubQuery Expression: Correlated Sub Queries cannot contain Windowing clauses.";
            return Err(Problem::Invalid(text.to_owned()).into());
        }
        Ok(relation)
    }

    pub(super) fn exists(&self, query: &Query, place: &Place<'_>) -> Result<Typed> {
        let relation = self.inner(query, place)?;
        if is_one_row(&relation.plan) {
            return Ok(Typed::new(lit(true), HiveType::Boolean));
        }
        if !filters(place) {
            let rows = self.counted(relation, None)?;
            return Ok(Typed::new(rows.gt(lit(0_i64)), HiveType::Boolean));
        }
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
        if !filters(place) {
            let found = self.quantified_value(expr, Operator::Eq, Quantifier::Any, query, place)?;
            let found = if negated { Expr::Not(Box::new(found)) } else { found };
            return Ok(Typed::new(found, HiveType::Boolean));
        }
        let value = self.expr(expr, place)?;
        let relation = self.inner_of_in(query, place)?;
        let (value, relation) = self.comparable(value, relation, "in")?;
        if negated && !relation.plan.all_out_ref_exprs().is_empty() {
            return Ok(Typed::new(not_in(value, relation, place)?, HiveType::Boolean));
        }
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
        if (op, quantifier) == (BinaryOp::Equal, Quantifier::All) {
            let text = "Invalid SubQuery expression: Subquery comparison '=' is not supported for ALL";
            return Err(Problem::Invalid(text.to_owned()).into());
        }
        let op = match op {
            BinaryOp::Equal => Operator::Eq,
            BinaryOp::NotEqual => Operator::NotEq,
            BinaryOp::Less => Operator::Lt,
            BinaryOp::LessEqual => Operator::LtEq,
            BinaryOp::Greater => Operator::Gt,
            BinaryOp::GreaterEqual => Operator::GtEq,
            _ => return Err(Problem::Unsupported("this operator before ANY or ALL").into()),
        };
        if !filters(place) {
            let value = self.quantified_value(expr, op, quantifier, query, place)?;
            return Ok(Typed::new(value, HiveType::Boolean));
        }
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

    /// `value op ANY (query)` and its like where NULL and FALSE differ. The query is planned for each number that is asked of it,
    /// with columns of its own.
    fn quantified_value(
        &self,
        value: &Ast,
        op: Operator,
        quantifier: Quantifier,
        query: &Query,
        place: &Place<'_>,
    ) -> Result<Expr> {
        let ask = || -> Result<(Expr, Relation)> {
            let value = self.expr(value, place)?;
            self.comparable(value, self.inner(query, place)?, "any")
        };
        let extreme = |name: &str| -> Result<Expr> {
            let (value, relation) = ask()?;
            let argument = relation.fields.first().map(Field::typed);
            let argument = argument.ok_or(Problem::SubqueryColumns(0))?;
            Ok(binary(value, op, self.asked(relation, name, argument)?))
        };
        let is_all = quantifier == Quantifier::All;
        // What decides is one row: the least, the greatest, or one that equals.
        let decided = match (op, is_all) {
            (Operator::Gt | Operator::GtEq, false) | (Operator::Lt | Operator::LtEq, true) => extreme("min")?,
            (Operator::Lt | Operator::LtEq, false) | (Operator::Gt | Operator::GtEq, true) => extreme("max")?,
            (Operator::Eq, false) | (Operator::NotEq, true) => {
                let (value, relation) = ask()?;
                let column = relation.fields.first().map(Field::expr).ok_or(Problem::SubqueryColumns(0))?;
                let same = binary(column, Operator::Eq, outward(value, place));
                let plan = LogicalPlanBuilder::from(relation.plan).filter(same)?.build()?;
                let found = self.counted(Relation { plan, fields: relation.fields }, None)?.gt(lit(0_i64));
                if is_all { Expr::Not(Box::new(found)) } else { found }
            }
            (_, false) => extreme("min")?.or(extreme("max")?),
            (_, true) => extreme("min")?.and(extreme("max")?),
        };
        let rows = self.counted(ask()?.1, None)?;
        let (value, relation) = ask()?;
        let known = relation.fields.first().map(Field::typed);
        let known = self.counted(relation, known)?;
        let is_unknown = value.is_null().or(binary(known, Operator::Lt, rows.clone()));
        let decides = if is_all { Expr::Not(Box::new(decided)) } else { decided };
        let branch = |when: Expr, then: Option<bool>| {
            (Box::new(when), Box::new(Expr::Literal(ScalarValue::Boolean(then), None)))
        };
        let when_then_expr = vec![
            branch(rows.eq(lit(0_i64)), Some(is_all)),
            branch(Expr::IsTrue(Box::new(decides)), Some(!is_all)),
            branch(is_unknown, None),
        ];
        Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(is_all))) }))
    }

    /// How many rows there are, or how many of them have a value.
    fn counted(&self, relation: Relation, of: Option<Typed>) -> Result<Expr> {
        let one = || scalar(ScalarValue::Int64(Some(1)), HiveType::BigInt);
        self.asked(relation, "count", of.unwrap_or_else(one))
    }

    /// One aggregate over the rows, as a value.
    fn asked(&self, relation: Relation, name: &str, argument: Typed) -> Result<Expr> {
        let definition = registry::aggregate(name).ok_or(Problem::Unsupported("this aggregate"))?;
        let arguments = vec![argument];
        let function = (definition.resolve)(name, &super::call::arguments(&arguments), self.facts)?;
        let args = self.cast_all(arguments, &function.args)?;
        let call = AggregateFunction::new_udf(function.udf, args, false, None, vec![], None);
        let call = Expr::AggregateFunction(call).alias(self.fresh("asked"));
        let none: Vec<Expr> = Vec::new();
        let plan = LogicalPlanBuilder::from(relation.plan).aggregate(none, [call])?.build()?;
        Ok(Expr::ScalarSubquery(subquery(Relation { plan, fields: vec![] })))
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

/// Whether its select list has a window function.
fn has_window(body: &QueryBody) -> bool {
    let QueryBody::Select(select) = body else { return false };
    let SelectItems::List(items) = &select.items else { return false };
    let is_windowed = |expr: &Ast| matches!(&expr.kind, ExprKind::Function(call) if call.over.is_some());
    items.iter().any(|item| walk::any(&item.expr, &mut |expr| is_windowed(expr)))
}

/// Aggregates over everything are one row, also over nothing.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

/// Whether only the rows count for which a condition is true: joins answer that, and do not tell NULL from FALSE.
pub(super) fn filters(place: &Place<'_>) -> bool {
    matches!(place.clause, "WHERE" | "HAVING" | "ON")
}

/// `value NOT IN (query)`: no row of the query equals the value, or might.
fn not_in(value: Expr, relation: Relation, place: &Place<'_>) -> Result<Expr> {
    let column = relation.fields.first().map(Field::expr).ok_or(Problem::SubqueryColumns(0))?;
    let value = outward(value, place);
    let might = binary(column.clone(), Operator::Eq, value.clone()).or(column.is_null()).or(value.is_null());
    let plan = LogicalPlanBuilder::from(relation.plan).filter(might)?.build()?;
    Ok(Expr::Exists(Exists::new(subquery(Relation { plan, fields: relation.fields }), true)))
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
