//! Whole queries: CTEs, the body, and what is said once for all of it.

use super::{
    Field, Planner, Problem, Relation, Result, StrictChecks, Typed,
    expr::Place,
    literal::scalar,
    relation::Scope,
    select::{Ordering, SelectContext},
};
use crate::{
    syntax::ast::{self, Cte, InsertBranch, Query, QueryBody},
    types::HiveType,
};
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{Expr, LogicalPlanBuilder},
};

impl Planner<'_> {
    /// `outer`: the names of the query that this one stands in, for what is correlated.
    #[recursive::recursive]
    pub(super) fn query(&self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let known = self.ctes.borrow().len();
        let planned = self.with(&query.with, outer).and_then(|()| self.query_body(query, outer));
        self.ctes.borrow_mut().truncate(known);
        planned.map_err(|error| error.or_at(query.span))
    }

    /// Makes CTEs known; the caller forgets them.
    pub(super) fn with(&self, with: &[Cte], outer: Option<&Scope<'_>>) -> Result<()> {
        for (index, cte) in with.iter().enumerate() {
            if with[..index].iter().any(|earlier| cte.name.folded() == earlier.name.folded()) {
                return Err(Problem::AmbiguousAlias(cte.name.text.clone()).at(cte.name.span));
            }
        }
        for cte in in_order(with) {
            let relation = self.query(&cte.query, outer)?.named(&cte.columns, cte.name.span)?;
            self.ctes.borrow_mut().push((cte.name.folded(), relation));
        }
        Ok(())
    }

    fn query_body(&self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Relation> {
        if let (true, Some(first), None) =
            (self.options.strict.order_without_limit, query.order_by.first(), &query.limit)
        {
            return Err(
                StrictChecks::refused("Order by-s without limit", "orderby.no.limit").at(first.expr.span)
            );
        }
        let ordering = Ordering::of(query);
        let relation = match &query.body {
            QueryBody::Select(select) => self.select(select, &ordering, SelectContext::new(outer))?,
            body => {
                ordering.check()?;
                let relation = self.body(body, outer)?;
                self.order_result(relation, &ordering, outer)?
            }
        };
        self.limited(relation, query.limit.as_ref())
    }

    /// A body that is ordered by nothing.
    #[recursive::recursive]
    pub(super) fn body(&self, body: &QueryBody, outer: Option<&Scope<'_>>) -> Result<Relation> {
        match body {
            QueryBody::Select(select) => self.select(select, &Ordering::default(), SelectContext::new(outer)),
            QueryBody::Query(query) => self.query(query, outer),
            QueryBody::Values(rows) => self.values(rows, outer),
            QueryBody::SetOperation { op, all, left, right, span } => {
                let (left, right) = (self.body(left, outer)?, self.body(right, outer)?);
                self.set_operation(*op, *all, left, right).map_err(|error| error.or_at(*span))
            }
        }
    }

    /// `VALUES (...), (...)`: columns `col1`, `col2`, ...
    pub(super) fn values(&self, rows: &[Vec<ast::Expr>], outer: Option<&Scope<'_>>) -> Result<Relation> {
        let place = Place::plain("VALUES", Scope::new(&[], outer));
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<Typed>> = vec![Vec::with_capacity(rows.len()); width];
        for row in rows {
            if row.len() != width {
                let text = format!("Expected {width} columns but found {} in a row of VALUES", row.len());
                return Err(Problem::Invalid(text).into());
            }
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(self.expr(value, &place)?);
            }
        }
        let mut types = Vec::with_capacity(width);
        let mut unified = Vec::with_capacity(width);
        for column in columns {
            let (values, ty) = self.unified(column)?;
            unified.push(values.into_iter());
            types.push(ty);
        }
        let table: Vec<Vec<Expr>> = (0..rows.len())
            .map(|_| unified.iter_mut().filter_map(|column| column.next().map(|value| value.expr)).collect())
            .collect();
        let plan = LogicalPlanBuilder::values(table)?.build()?;
        let names = plan.schema().columns();
        let columns = names
            .into_iter()
            .zip(types)
            .enumerate()
            .map(|(index, (column, ty))| (format!("col{}", index + 1), Typed::new(Expr::Column(column), ty)))
            .collect();
        self.project(Relation { plan, fields: vec![] }, columns)
    }

    /// One row without columns, for SELECT without FROM.
    pub(super) fn one_row(&self) -> Result<Relation> {
        let plan = LogicalPlanBuilder::empty(true).build()?;
        Ok(Relation { plan, fields: vec![] })
    }

    /// The relation's columns cast to these types, in order, under their names.
    pub(crate) fn coerced(&self, relation: Relation, types: &[HiveType]) -> Result<Relation> {
        if relation.fields.iter().map(|field| &field.ty).eq(types) {
            return Ok(relation);
        }
        let columns = relation
            .fields
            .iter()
            .zip(types)
            .map(|(field, ty)| Ok((field.name.clone(), self.cast(field.typed(), ty)?)))
            .collect::<Result<Vec<_>>>()?;
        self.project(relation, columns)
    }

    /// NULLs of a type, for columns that a row does not have.
    pub(super) fn null(&self, ty: &HiveType) -> Result<Typed> {
        self.cast(scalar(ScalarValue::Null, HiveType::Void), ty)
    }

    /// The same rows under new unique names: what is used twice must not have the same columns twice.
    pub(super) fn renamed(&self, relation: &Relation) -> Result<Relation> {
        let mut fields: Vec<Field> = relation.fields.clone();
        let mut exprs = Vec::with_capacity(fields.len());
        for field in &mut fields {
            let column = Column::new_unqualified(self.fresh(&field.name));
            exprs.push(field.expr().alias(column.name.clone()));
            if self.ambiguous.borrow().contains(&field.column) {
                self.ambiguous.borrow_mut().insert(column.clone());
            }
            field.column = column;
        }
        let plan = LogicalPlanBuilder::from(relation.plan.clone()).project(exprs)?.build()?;
        Ok(Relation { plan, fields })
    }

    /// One branch of a multi-insert: a SELECT over what FROM made.
    pub(super) fn insert_branch(&self, branch: &InsertBranch, from: Relation) -> Result<Relation> {
        let ordering = Ordering {
            order_by: &branch.order_by,
            sort_by: &branch.sort_by,
            distribute_by: &branch.distribute_by,
            cluster_by: &branch.cluster_by,
        };
        let context = SelectContext { from: Some(from), outer: None };
        let relation = self.select(&branch.select, &ordering, context)?;
        self.limited(relation, branch.limit.as_ref())
    }
}

/// CTEs with those that they name in front, also where these are written later.
fn in_order(with: &[Cte]) -> Vec<&Cte> {
    let mut ordered = Vec::with_capacity(with.len());
    let mut begun = vec![false; with.len()];
    for index in 0..with.len() {
        put_after_its_inputs(index, with, &mut begun, &mut ordered);
    }
    ordered
}

fn put_after_its_inputs<'a>(index: usize, with: &'a [Cte], begun: &mut [bool], ordered: &mut Vec<&'a Cte>) {
    if std::mem::replace(&mut begun[index], true) {
        return;
    }
    let mut named = Vec::new();
    ast::walk::tables(&with[index].query, &mut |name| {
        if let [name] = name.parts.as_slice() {
            named.extend(with.iter().position(|cte| cte.name.folded() == name.folded()));
        }
    });
    named.into_iter().for_each(|input| put_after_its_inputs(input, with, begun, ordered));
    ordered.push(&with[index]);
}
