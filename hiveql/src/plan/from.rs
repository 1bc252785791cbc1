//! FROM: tables, views, CTEs, queries in parentheses, joins, samples.

use super::{
    Bound, BoundTable, BoundView, Field, Planner, Problem, Relation, Result, TableName, expr::Place,
    relation::Scope,
};
use crate::{
    nearest::nearest,
    syntax::ast::{Join, JoinCondition, JoinKind, Name, Span, TableExpr, TableRef},
    types::HiveType,
};
use datafusion::{
    common::{Column, TableReference},
    logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit},
};

impl Planner<'_> {
    pub(super) fn from(&self, from: &[TableExpr], outer: Option<&Scope<'_>>) -> Result<Relation> {
        let mut tables = from.iter();
        let Some(first) = tables.next() else { return self.one_row() };
        let mut relation = self.table_expr(first, outer)?;
        for table in tables {
            let right = self.table_expr(table, outer)?;
            relation = self.cross(relation, right)?;
        }
        Ok(relation)
    }

    #[recursive::recursive]
    pub(super) fn table_expr(&self, table: &TableExpr, outer: Option<&Scope<'_>>) -> Result<Relation> {
        match table {
            TableExpr::Table(table) => self.table(table, outer).map_err(|error| error.or_at(table.span)),
            TableExpr::Derived { query, alias, columns, span, .. } => {
                let relation = self.query(query, outer)?;
                // Its alias is the only name that leads to it from outside.
                let alias = alias.as_ref().map(Name::folded);
                let relation = match alias {
                    Some(alias) => relation.aliased(&alias),
                    None => relation,
                };
                relation.named(columns, *span)
            }
            TableExpr::Function { call, alias, columns, span } => {
                let mut relation = self.one_row()?;
                let made = self
                    .lateral(&mut relation, call, false, columns, outer)
                    .map_err(|error| error.or_at(*span))?;
                relation.fields = made;
                Ok(match alias {
                    Some(alias) => relation.aliased(&alias.folded()),
                    None => relation,
                })
            }
            TableExpr::Join(join) => self.join(join, outer).map_err(|error| error.or_at(join.span)),
            TableExpr::LateralView { input, view } => {
                let input = self.table_expr(input, outer)?;
                self.lateral_view(input, view, outer)
            }
            TableExpr::UniqueJoin { inputs, span } => self.unique_join(inputs, *span, outer),
        }
    }

    fn table(&self, table: &TableRef, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let cte = match table.name.parts.as_slice() {
            [name] => self.cte(&name.folded())?,
            _ => None,
        };
        let alias = match (&table.alias, table.name.parts.last()) {
            (Some(alias), _) => alias.folded(),
            (None, Some(name)) => name.folded(),
            (None, None) => String::new(),
        };
        let relation = match cte {
            Some(relation) => relation,
            None => {
                let name = TableName::of(&table.name, &self.database.borrow());
                match self.tables.bound.get(&name) {
                    Some(Bound::Table(bound)) => {
                        return self.sampled_table(&name, bound, table, &alias, outer);
                    }
                    Some(Bound::View(view)) => self.view(&name, view)?,
                    None => return Err(self.no_table(&name).at(table.name.span)),
                }
            }
        };
        let relation = relation.aliased(&alias);
        match &table.sample {
            None => Ok(relation),
            Some(sample) => self.sampled(relation, sample, outer),
        }
    }

    fn no_table(&self, name: &TableName) -> Problem {
        let bound = self.tables.bound.keys().map(|table| table.name.as_str());
        let known = bound.chain(self.tables.others.iter().map(String::as_str));
        let near = nearest(&name.name, known);
        Problem::TableNotFound { name: name.name.clone(), nearest: near.map(str::to_owned) }
    }

    /// A CTE's rows; each use has columns of its own.
    fn cte(&self, name: &str) -> Result<Option<Relation>> {
        let relation = self
            .ctes
            .borrow()
            .iter()
            .rev()
            .find(|(cte, _)| cte == name)
            .map(|(_, relation)| relation.clone());
        relation.map(|relation| self.renamed(&relation)).transpose()
    }

    pub(super) fn scan(&self, name: &TableName, table: &BoundTable) -> Result<Relation> {
        let reference = TableReference::partial(name.database.as_str(), name.name.as_str());
        let plan = LogicalPlanBuilder::scan(reference.clone(), table.source.clone(), None)?;
        let mut fields = Vec::with_capacity(table.columns.len() + table.hidden.len());
        let mut exprs = Vec::with_capacity(fields.capacity());
        let keys_from = table.columns.len() - table.partition_columns.min(table.columns.len());
        let visible = table.columns.iter().map(|column| (column, false));
        let hidden = table.hidden.iter().map(|column| (column, true));
        for ((name, ty), hidden) in visible.chain(hidden) {
            let column = Column::new_unqualified(self.fresh(name));
            exprs.push(Expr::Column(Column::new(Some(reference.clone()), name)).alias(column.name.clone()));
            if fields.len() >= keys_from && !hidden && ty.is_text() {
                self.named_nulls.borrow_mut().insert(column.clone());
            }
            fields.push(Field { relation: None, name: name.to_lowercase(), ty: ty.clone(), column, hidden });
        }
        Ok(Relation { plan: plan.project(exprs)?.build()?, fields })
    }

    /// A view is planned anew where it is used, with the names of the place where it was made.
    fn view(&self, name: &TableName, view: &BoundView) -> Result<Relation> {
        if let Some(first) = self.views.borrow().iter().position(|known| known == name) {
            let cycle: Vec<String> =
                self.views.borrow()[first..].iter().chain([name]).map(TableName::to_string).collect();
            return Err(Problem::RecursiveView { name: name.to_string(), cycle: cycle.join(" -> ") }.into());
        }
        let ctes = self.ctes.take();
        let database = self.database.replace(view.database.clone());
        self.views.borrow_mut().push(name.clone());
        let relation = self.query(&view.query, None);
        self.views.borrow_mut().pop();
        self.database.replace(database);
        self.ctes.replace(ctes);
        // What is wrong lies in the view's text, not in this one.
        let relation = relation.map_err(|error| match error.problem {
            cycle @ Problem::RecursiveView { .. } => cycle,
            problem => Problem::Invalid(format!("in the view {name}: {problem}")),
        })?;
        let relation = as_it_was(relation, view);
        let types: Vec<_> = view.columns.iter().map(|(_, ty)| ty.clone()).collect();
        if types.len() != relation.fields.len() {
            let text = format!(
                "the view {name} was made with {} columns, its query yields {}",
                types.len(),
                relation.fields.len()
            );
            return Err(Problem::Invalid(text).into());
        }
        let mut relation = self.coerced(relation, &types)?;
        for (field, (name, _)) in relation.fields.iter_mut().zip(&view.columns) {
            field.name.clone_from(name);
        }
        Ok(relation)
    }

    fn cross(&self, left: Relation, right: Relation) -> Result<Relation> {
        let plan = LogicalPlanBuilder::from(left.plan).cross_join(right.plan)?.build()?;
        let fields = left.fields.into_iter().chain(right.fields).collect();
        Ok(Relation { plan, fields })
    }

    fn join(&self, join: &Join, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let left = self.table_expr(&join.left, outer)?;
        let right = self.table_expr(&join.right, outer)?;
        let kind = match join.kind {
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Right => JoinType::Right,
            JoinKind::Full => JoinType::Full,
            JoinKind::LeftSemi => JoinType::LeftSemi,
            JoinKind::LeftAnti => JoinType::LeftAnti,
            JoinKind::Cross => JoinType::Inner,
        };
        match &join.condition {
            JoinCondition::None if kind == JoinType::Inner => self.cross(left, right),
            JoinCondition::None => self.join_on(left, right, kind, lit(true)),
            JoinCondition::On(condition) => {
                let fields: Vec<_> = left.fields.iter().chain(&right.fields).cloned().collect();
                let place = Place::plain("ON", Scope::new(&fields, outer));
                let condition = self.condition(condition, &place, "the condition of ON")?;
                self.join_on(left, right, kind, condition)
            }
            JoinCondition::Using(names) => self.join_using(left, right, kind, names, join.span),
            JoinCondition::Natural => {
                let common = |field: &&Field| {
                    !field.hidden
                        && right.fields.iter().any(|other| !other.hidden && other.name == field.name)
                };
                let names: Vec<_> = left
                    .fields
                    .iter()
                    .filter(common)
                    .map(|field| Name { text: field.name.clone(), quoted: true, span: join.span })
                    .collect();
                self.join_using(left, right, kind, &names, join.span)
            }
        }
    }

    pub(super) fn join_on(
        &self,
        left: Relation,
        right: Relation,
        kind: JoinType,
        condition: Expr,
    ) -> Result<Relation> {
        let plan = LogicalPlanBuilder::from(left.plan).join_on(right.plan, kind, [condition])?.build()?;
        let mut fields = left.fields;
        if !matches!(kind, JoinType::LeftSemi | JoinType::LeftAnti) {
            fields.extend(right.fields);
        }
        Ok(Relation { plan, fields })
    }

    /// The common columns come first, and once.
    fn join_using(
        &self,
        mut left: Relation,
        mut right: Relation,
        kind: JoinType,
        names: &[Name],
        span: Span,
    ) -> Result<Relation> {
        let mut condition: Option<Expr> = None;
        let mut common = Vec::with_capacity(names.len());
        for name in names {
            let find = |fields: &[Field]| -> Result<Field> {
                let scope = Scope::new(fields, None);
                let found = scope.find(None, &name.folded(), name.span)?;
                if let Some(found) = &found {
                    self.check_name(found.field, name.span)?;
                }
                found.map(|found| found.field.clone()).ok_or_else(|| scope.not_found(&name.text, name.span))
            };
            let (left_field, right_field) = (find(&left.fields)?, find(&right.fields)?);
            let same =
                self.same(left_field.typed(), right_field.typed()).map_err(|error| error.or_at(span))?;
            condition = Some(match condition {
                None => same,
                Some(condition) => condition.and(same),
            });
            common.push((left_field, right_field));
        }
        for field in left.fields.iter_mut().chain(&mut right.fields) {
            field.hidden |= common
                .iter()
                .any(|(left, right)| left.column == field.column || right.column == field.column);
        }
        let mut relation = self.join_on(left, right, kind, condition.unwrap_or_else(|| lit(true)))?;
        let mut shown = Vec::with_capacity(common.len());
        let mut added = Vec::new();
        for (left, right) in common {
            let field = match kind {
                JoinType::Right => right,
                JoinType::Full => {
                    let (values, ty) = self.unified(vec![left.typed(), right.typed()])?;
                    let value = self.scalar_call("coalesce", values, span)?;
                    let column = Column::new_unqualified(self.fresh(&left.name));
                    added.push((column.name.clone(), value.expr));
                    Field { ty, column, ..left }
                }
                _ => left,
            };
            shown.push(Field { relation: None, hidden: false, ..field });
        }
        self.extend(&mut relation, added)?;
        relation.fields.splice(0..0, shown);
        Ok(relation)
    }
}

/// A star of a view's query means the columns that there were when the view was made: those that came later are left out.
fn as_it_was(mut relation: Relation, view: &BoundView) -> Relation {
    if relation.fields.len() <= view.columns.len() {
        return relation;
    }
    let found =
        |(name, _): &(String, HiveType)| relation.fields.iter().find(|field| field.name == *name).cloned();
    if let Some(fields) = view.columns.iter().map(found).collect::<Option<Vec<Field>>>() {
        relation.fields = fields;
    }
    relation
}
