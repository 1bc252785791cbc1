//! Constraints of tables: stored for the planner, which enforces NOT NULL, DEFAULT and CHECK.

use super::{DdlContext, DdlError, table_checks};
use crate::{
    catalog::{Constraint, ConstraintKind, Table},
    syntax::ast::{
        ColumnConstraintKind, ColumnDefinition, ConstraintTraits, Name, TableConstraint, TableConstraintKind,
    },
};

pub fn all(
    context: &DdlContext<'_>,
    table: &Table,
    columns: &[ColumnDefinition],
    of_table: &[TableConstraint],
) -> Result<Vec<Constraint>, DdlError> {
    let mut constraints = of_columns(context, table, columns)?;
    for constraint in of_table {
        let made = of_clause(context, table, constraint, constraints.len())?;
        constraints.push(made);
    }
    Ok(constraints)
}

pub fn of_columns(
    context: &DdlContext<'_>,
    table: &Table,
    columns: &[ColumnDefinition],
) -> Result<Vec<Constraint>, DdlError> {
    let mut constraints = Vec::new();
    for definition in columns {
        let column = definition.name.folded();
        for constraint in &definition.constraints {
            let kind = match &constraint.kind {
                ColumnConstraintKind::NotNull => ConstraintKind::NotNull { column: column.clone() },
                ColumnConstraintKind::Default(_, text) => {
                    ConstraintKind::Default { column: column.clone(), text: text.clone() }
                }
                ColumnConstraintKind::Check(_, text) => {
                    ConstraintKind::Check { column: Some(column.clone()), text: text.clone() }
                }
                ColumnConstraintKind::PrimaryKey => {
                    ConstraintKind::PrimaryKey { columns: vec![column.clone()] }
                }
                ColumnConstraintKind::Unique => ConstraintKind::Unique { columns: vec![column.clone()] },
                ColumnConstraintKind::References { table, column: referenced } => {
                    let (database, table) = context.resolve(table)?;
                    let (columns, referenced) = (vec![column.clone()], vec![referenced.folded()]);
                    ConstraintKind::ForeignKey { columns, database, table, referenced }
                }
            };
            let index = table.constraints.len() + constraints.len();
            constraints.push(named(context, constraint.name.as_ref(), kind, constraint.traits, index));
        }
    }
    Ok(constraints)
}

pub fn of_clause(
    context: &DdlContext<'_>,
    table: &Table,
    constraint: &TableConstraint,
    index: usize,
) -> Result<Constraint, DdlError> {
    let folded = |names: &[Name]| -> Result<Vec<String>, DdlError> {
        table_checks::known(&table.columns, names)?;
        Ok(names.iter().map(Name::folded).collect())
    };
    let kind = match &constraint.kind {
        TableConstraintKind::PrimaryKey(columns) => ConstraintKind::PrimaryKey { columns: folded(columns)? },
        TableConstraintKind::Unique(columns) => ConstraintKind::Unique { columns: folded(columns)? },
        TableConstraintKind::Check(_, text) => ConstraintKind::Check { column: None, text: text.clone() },
        TableConstraintKind::ForeignKey { columns, table, referenced } => {
            let (database, table) = context.resolve(table)?;
            let referenced = referenced.iter().map(Name::folded).collect();
            ConstraintKind::ForeignKey { columns: folded(columns)?, database, table, referenced }
        }
    };
    Ok(named(context, constraint.name.as_ref(), kind, constraint.traits, index))
}

/// Whether it is of one column and goes along with it into a table made LIKE this one.
pub fn is_of_column(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::NotNull { .. } | ConstraintKind::Default { .. })
}

fn named(
    context: &DdlContext<'_>,
    name: Option<&Name>,
    kind: ConstraintKind,
    traits: ConstraintTraits,
    index: usize,
) -> Constraint {
    let prefix = match kind {
        ConstraintKind::NotNull { .. } => "nn",
        ConstraintKind::Default { .. } => "dc",
        ConstraintKind::Check { .. } => "cc",
        ConstraintKind::PrimaryKey { .. } => "pk",
        ConstraintKind::Unique { .. } => "uk",
        ConstraintKind::ForeignKey { .. } => "fk",
    };
    let made = || format!("{prefix}_{}_{index}", context.facts.now.timestamp_millis());
    let ConstraintTraits { enable, validate, rely } = traits;
    Constraint { name: name.map_or_else(made, Name::folded), kind, enable, validate, rely }
}
