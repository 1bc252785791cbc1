//! A plan with what HiveQL knows of its columns, and how names find them.
//!
//! Every column of every plan has a name that is unique in the whole statement, such as `key#12`. So no join can make a
//! name ambiguous, no alias shadows another below the surface, and qualifiers are needed nowhere.

use super::error::{Problem, Result};
use crate::{
    syntax::ast::{Name, Span},
    types::HiveType,
};
use datafusion::{
    common::Column,
    logical_expr::{Expr, LogicalPlan},
};
use std::cell::RefCell;

/// A column as a query's text can name it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The alias of its table; `None` for what only its own name leads to.
    pub relation: Option<String>,
    /// Lower case.
    pub name: String,
    pub ty: HiveType,
    /// Its unique name in the plan.
    pub column: Column,
    /// Left out of `*`: virtual columns, and the right side's of a USING.
    pub hidden: bool,
}

impl Field {
    pub fn expr(&self) -> Expr {
        Expr::Column(self.column.clone())
    }

    pub fn typed(&self) -> Typed {
        Typed { expr: self.expr(), ty: self.ty.clone() }
    }
}

/// An expression and its HiveQL type. The plan's type is always `ty.arrow()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    pub expr: Expr,
    pub ty: HiveType,
}

impl Typed {
    pub fn new(expr: Expr, ty: HiveType) -> Typed {
        Typed { expr, ty }
    }
}

/// What FROM makes, and what a query is in the end.
#[derive(Debug, Clone)]
pub struct Relation {
    pub plan: LogicalPlan,
    pub fields: Vec<Field>,
}

impl Relation {
    /// The same columns under one alias.
    pub fn aliased(mut self, alias: &str) -> Relation {
        for field in &mut self.fields {
            field.relation = Some(alias.to_owned());
        }
        self
    }

    /// Renames the visible columns, in order.
    pub fn named(mut self, names: &[Name], span: Span) -> Result<Relation> {
        if names.is_empty() {
            return Ok(self);
        }
        if names.len() != self.fields.len() {
            return Err(Problem::AliasCount { expected: self.fields.len(), found: names.len() }.at(span));
        }
        for (field, name) in self.fields.iter_mut().zip(names) {
            field.name = name.folded();
        }
        Ok(self)
    }
}

/// The names that an expression can use: those of its own query, then those of the queries around it.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub fields: &'a [Field],
    pub outer: Option<&'a Scope<'a>>,
    /// Where the rows are grouped: aggregates over them that the queries inside of HAVING name.
    pub inner_aggregates: Option<&'a RefCell<Vec<(Expr, Column)>>>,
}

/// Where a name was found.
pub struct Found<'a> {
    pub field: &'a Field,
    /// In a query around this one.
    pub is_outer: bool,
}

impl<'a> Scope<'a> {
    pub fn new(fields: &'a [Field], outer: Option<&'a Scope<'a>>) -> Scope<'a> {
        Scope { fields, outer, inner_aggregates: None }
    }

    pub fn has_relation(&self, relation: &str) -> bool {
        self.fields.iter().any(|field| field.relation.as_deref() == Some(relation))
            || self.outer.is_some_and(|outer| outer.has_relation(relation))
    }

    /// Whether a column here has that name.
    pub fn names_column(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The column of that name; `None` if there is none.
    pub fn find(&self, relation: Option<&str>, name: &str, span: Span) -> Result<Option<Found<'a>>> {
        let mut scope = Some(self);
        let mut is_outer = false;
        while let Some(here) = scope {
            if let Some(field) = here.find_here(relation, name, span)? {
                return Ok(Some(Found { field, is_outer }));
            }
            scope = here.outer;
            is_outer = true;
        }
        Ok(None)
    }

    fn find_here(&self, relation: Option<&str>, name: &str, span: Span) -> Result<Option<&'a Field>> {
        let matches = |field: &&Field| {
            field.name == name && (relation.is_none() || field.relation.as_deref() == relation)
        };
        let visible: Vec<&Field> = self.fields.iter().filter(|field| !field.hidden).filter(matches).collect();
        let Some(last) = visible.last() else {
            let mut hidden = self.fields.iter().filter(|field| field.hidden).filter(matches);
            let first = hidden.next();
            // Every table has its INPUT__FILE__NAME.
            return match hidden.next() {
                Some(other)
                    if name.contains("__") && first.is_some_and(|first| first.relation != other.relation) =>
                {
                    Err(Problem::AmbiguousColumn(name.to_owned()).at(span))
                }
                _ => Ok(first),
            };
        };
        // A query in FROM may have two columns of one name: the later one hides the other.
        let is_one_table =
            last.relation.is_some() && visible.iter().all(|field| field.relation == last.relation);
        match visible.len() == 1 || is_one_table {
            true => Ok(Some(*last)),
            false => Err(Problem::AmbiguousColumn(name.to_owned()).at(span)),
        }
    }

    pub fn not_found(&self, name: &str, span: Span) -> super::error::PlanError {
        let visible = self.fields.iter().filter(|field| !field.hidden);
        let candidates = visible.map(|field| match &field.relation {
            Some(relation) => format!("{relation}.{}", field.name),
            None => field.name.clone(),
        });
        let candidates = candidates.collect::<Vec<_>>().join(", ");
        Problem::ColumnNotFound { name: name.to_owned(), candidates }.at(span)
    }
}
