//! INSERT: a query's columns become a table's, in its types, and its keys' values become names of folders.

use super::{Planner, Problem, Relation, Result, TableName, Typed, expr::Place, relation::Scope};
use crate::{
    functions::{Arg, registry},
    shared::SharedTable,
    syntax::{
        ast::{Cte, InsertBranch, Name, TableExpr},
        parse_expr,
    },
    types::HiveType,
};
use datafusion::{
    common::TableReference,
    logical_expr::{
        DmlStatement, Expr, LogicalPlan, LogicalPlanBuilder, TableSource, WriteOp, dml::InsertOp,
    },
};
use std::sync::Arc;

/// What rows are inserted into.
pub struct InsertInto<'a> {
    pub table: TableName,
    /// Under their names in the table, in the types that its files have.
    pub columns: &'a [(String, HiveType)],
    /// Keys whose values the rows say; they come after the columns.
    pub keys: &'a [(String, HiveType)],
    /// The columns that the statement lists; empty: all.
    pub listed: &'a [Name],
    /// Texts of the values of columns that are not listed.
    pub defaults: &'a [(String, String)],
    pub not_null: &'a [String],
    /// Texts of conditions that no row may break.
    pub checks: &'a [String],
    /// What DataFusion's plan writes to.
    pub source: Arc<dyn TableSource>,
}

impl InsertInto<'_> {
    fn wanted(&self) -> impl Iterator<Item = &(String, HiveType)> {
        self.columns.iter().chain(self.keys)
    }

    /// Of rows that have its columns, and its keys as text.
    pub(super) fn plan(&self, written: Relation) -> LogicalPlan {
        let target = TableReference::bare(self.table.name.clone());
        let op = WriteOp::Insert(InsertOp::Append);
        LogicalPlan::Dml(DmlStatement::new(target, self.source.clone(), op, Arc::new(written.plan)))
    }
}

impl Planner<'_> {
    /// The whole plan: it answers what was written.
    pub fn insert(&self, rows: Relation, into: &InsertInto<'_>) -> Result<LogicalPlan> {
        let rows = self.visible(rows)?;
        let mut values = self.arranged(&rows, into)?;
        let keys = values.split_off(into.columns.len());
        let mut columns = Vec::with_capacity(values.len() + keys.len());
        for (value, (name, ty)) in values.into_iter().zip(into.columns) {
            columns.push((name.clone(), self.inserted(value, name, ty)?));
        }
        for (value, (name, ty)) in keys.into_iter().zip(into.keys) {
            let value = self.inserted(value, name, ty)?;
            columns.push((name.clone(), self.cast(value, &HiveType::String)?));
        }
        let mut written = self.project(rows, columns)?;
        self.enforce(&mut written, into, None)?;
        Ok(into.plan(written))
    }

    /// The FROM of a multi-insert, and what the branches make of it.
    pub fn branches(
        &self,
        with: &[Cte],
        from: &[TableExpr],
        branches: &[InsertBranch],
    ) -> Result<(LogicalPlan, Vec<Relation>)> {
        self.with(with, None)?;
        let Relation { plan: source, fields } = self.from(from, None)?;
        let from = Relation { plan: SharedTable::plan(&source)?, fields };
        let rows = branches.iter().map(|branch| self.insert_branch(branch, from.clone()));
        Ok((source, rows.collect::<Result<_>>()?))
    }

    /// The visible columns under these names in these types.
    pub fn coerced_to(&self, rows: Relation, columns: &[(String, HiveType)]) -> Result<Relation> {
        let types: Vec<HiveType> = columns.iter().map(|(_, ty)| ty.clone()).collect();
        let rows = self.visible(rows)?;
        let values = rows.fields.iter().map(|field| (field.name.clone(), field.typed())).collect();
        self.coerced(self.project(rows, values)?, &types)
    }

    /// Without what `*` leaves out.
    fn visible(&self, mut rows: Relation) -> Result<Relation> {
        rows.fields.retain(|field| !field.hidden);
        Ok(rows)
    }

    /// A value for each column and key, in the table's order.
    fn arranged(&self, rows: &Relation, into: &InsertInto<'_>) -> Result<Vec<Typed>> {
        let expected = match into.listed.len() {
            0 => into.columns.len() + into.keys.len(),
            listed => {
                listed
                    + into.keys.iter().filter(|(key, _)| !into.listed.iter().any(|name| name.is(key))).count()
            }
        };
        if rows.fields.len() != expected {
            return Err(Problem::InsertColumns {
                table: into.table.to_string(),
                expected,
                found: rows.fields.len(),
            }
            .into());
        }
        if into.listed.is_empty() {
            return Ok(rows.fields.iter().map(|field| field.typed()).collect());
        }
        for (index, name) in into.listed.iter().enumerate() {
            let folded = name.folded();
            if !into.wanted().any(|(wanted, _)| *wanted == folded) {
                let text = format!(
                    "'{folded}' in insert schema specification is not found among regular columns of {} nor dynamic partition columns.",
                    into.table
                );
                return Err(Problem::Invalid(text).at(name.span));
            }
            if into.listed[..index].iter().any(|other| other.folded() == folded) {
                return Err(Problem::DuplicateColumn(folded).at(name.span));
            }
        }
        let mut rest = rows.fields.iter().skip(into.listed.len());
        into.wanted()
            .map(|(wanted, ty)| match into.listed.iter().position(|name| name.is(wanted)) {
                Some(index) => Ok(rows.fields[index].typed()),
                None if into.keys.iter().any(|(key, _)| key == wanted) => {
                    rest.next().map(|field| Ok(field.typed())).unwrap_or_else(|| self.null(ty))
                }
                None => self.default_value(wanted, ty, into),
            })
            .collect()
    }

    pub(super) fn default_value(&self, column: &str, ty: &HiveType, into: &InsertInto<'_>) -> Result<Typed> {
        match into.defaults.iter().find(|(name, _)| name == column) {
            None => self.null(ty),
            Some((_, text)) => self.expression_over(text, &[]),
        }
    }

    /// A constraint's text, planned over these columns.
    fn expression_over(&self, text: &str, fields: &[super::Field]) -> Result<Typed> {
        let parsed = parse_expr(text)
            .map_err(|error| Problem::Invalid(format!("the constraint '{text}' does not parse: {error}")))?;
        self.expr(&parsed, &Place::plain("constraints", Scope::new(fields, None)))
    }

    pub(super) fn inserted(&self, value: Typed, column: &str, ty: &HiveType) -> Result<Typed> {
        let from = value.ty.clone();
        self.cast(value, ty).map_err(|_| {
            Problem::Invalid(format!(
                "Cannot insert into target table because column number/types are different: Cannot convert column {column} from {from} to {ty}."
            ))
            .into()
        })
    }

    /// A filter that lets all rows through, or ends the statement; those that are `exempt` are not looked at.
    pub(super) fn enforce(
        &self,
        rows: &mut Relation,
        into: &InsertInto<'_>,
        exempt: Option<Expr>,
    ) -> Result<()> {
        let mut conditions: Vec<Expr> = Vec::new();
        for column in into.not_null {
            let fields = rows.fields.iter().filter(|field| field.name == *column);
            conditions.extend(fields.map(|field| field.expr().is_not_null()));
        }
        for text in into.checks {
            let condition = self.expression_over(text, &rows.fields)?;
            conditions.push(self.cast(condition, &HiveType::Boolean)?.expr.is_not_false());
        }
        let Some(all) = conditions.into_iter().reduce(Expr::and) else { return Ok(()) };
        let all = exempt.into_iter().fold(all, |all, exempt| exempt.or(all));
        let name = "enforce_constraint";
        let function = registry::scalar(name).ok_or(Problem::Unsupported("a constraint"))?;
        let call = (function.resolve)(name, &[Arg { ty: HiveType::Boolean, constant: None }], self.facts)?;
        let plan = std::mem::take(&mut rows.plan);
        rows.plan = LogicalPlanBuilder::from(plan).filter(call.udf.call(vec![all]))?.build()?;
        Ok(())
    }
}
