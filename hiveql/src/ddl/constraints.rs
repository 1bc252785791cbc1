//! Constraints of tables: stored for the planner, which enforces NOT NULL, DEFAULT and CHECK.

use super::{DdlContext, DdlError, Problem, table_checks};
use crate::{
    catalog::{Constraint, ConstraintKind, Table, TableId, TableKind},
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
            check_traits(&kind, constraint.traits)?;
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
            let referenced: Vec<String> = referenced.iter().map(Name::folded).collect();
            if referenced.len() != columns.len() {
                let text = "The number of foreign key columns should be same as number of parent key columns";
                return Err(Problem::BadForeignKey(text.to_owned()).into());
            }
            ConstraintKind::ForeignKey { columns: folded(columns)?, database, table, referenced }
        }
    };
    check_traits(&kind, constraint.traits)?;
    Ok(named(context, constraint.name.as_ref(), kind, constraint.traits, index))
}

/// Keys are told, never looked after; and nothing looks at rows that are there already.
fn check_traits(kind: &ConstraintKind, traits: ConstraintTraits) -> Result<(), DdlError> {
    match kind {
        ConstraintKind::ForeignKey { .. } if traits.enable => Err(Problem::BadForeignKey(
            "ENABLE feature not supported yet. Please use DISABLE instead.".to_owned(),
        )
        .into()),
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } if traits.enable => {
            Err(Problem::BadConstraint(
                "ENABLE/ENFORCED feature not supported yet. Please use DISABLE/NOT ENFORCED instead."
                    .to_owned(),
            )
            .into())
        }
        _ if traits.validate => Err(Problem::BadConstraint(
            "VALIDATE feature not supported yet. Please use NOVALIDATE instead.".to_owned(),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Whether the constraints from the `added`th on fit the table, those before, and the tables that they refer to.
pub async fn check(context: &DdlContext<'_>, table: &Table, added: usize) -> Result<(), DdlError> {
    let is_key = |constraint: &&Constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. });
    if table.constraints.iter().filter(is_key).count() > 1
        && table.constraints.iter().skip(added).any(|one| is_key(&one))
    {
        return Err(DdlError::Refused(format!(
            "MetaException(message: Primary key already exists for: hive.{})",
            table.full_name()
        )));
    }
    for (index, constraint) in table.constraints.iter().enumerate().skip(added) {
        if table.constraints[..index].iter().any(|earlier| earlier.name == constraint.name) {
            return Err(DdlError::Refused(format!(
                "InvalidObjectException(message:Constraint name already exists: {})",
                constraint.name
            )));
        }
        if table.kind == TableKind::External && is_looked_after(constraint) {
            let text = "Constraints are disallowed with External tables. Only RELY is allowed.";
            return Err(Problem::BadConstraint(text.to_owned()).into());
        }
        if let ConstraintKind::ForeignKey { columns, database, table: parent, referenced } = &constraint.kind
        {
            check_reference(context, table, columns, (database, parent), referenced).await?;
        }
    }
    Ok(())
}

/// Whether rows are checked by it, or made by it.
pub fn is_looked_after(constraint: &Constraint) -> bool {
    match constraint.kind {
        ConstraintKind::NotNull { .. } => constraint.enable || constraint.validate,
        ConstraintKind::Default { .. } | ConstraintKind::Check { .. } => true,
        _ => false,
    }
}

/// What a foreign key refers to must be a key of a table that is there, with the same types.
async fn check_reference(
    context: &DdlContext<'_>,
    table: &Table,
    columns: &[String],
    (database, parent): (&str, &str),
    referenced: &[String],
) -> Result<(), DdlError> {
    let invalid = |text: String| DdlError::Refused(format!("InvalidObjectException(message:{text})"));
    let is_itself = database == table.database && parent == table.name;
    let found = match is_itself {
        // A table that is being made is not there to be referred to.
        true if table.id == TableId(0) => return Err(invalid(format!("Parent table not found: {parent}"))),
        true => None,
        false => {
            let found = context.catalog.find_table(database, parent).await?;
            Some(found.ok_or_else(|| invalid(format!("Parent table not found: {parent}")))?.record)
        }
    };
    let parent = found.as_ref().unwrap_or(table);
    let ty = |of: &Table, name: &str| {
        of.all_columns().find(|column| column.name == name).map(|column| column.ty.clone())
    };
    for (column, key) in columns.iter().zip(referenced) {
        let there = ty(parent, key).ok_or_else(|| invalid(format!("Parent column not found: {key}")))?;
        let here = ty(table, column).ok_or_else(|| invalid(format!("Child column not found: {column}")))?;
        if here != there {
            return Err(invalid(format!(
                "Foreign key references {key}:{there}; but no corresponding primary key or unique key of type {here} exists"
            )));
        }
    }
    let is_key = parent.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => columns == referenced,
        _ => false,
    });
    match is_key {
        true => Ok(()),
        false => Err(invalid(format!(
            "Foreign key references {}; but no corresponding primary key or unique key exists",
            referenced.join(", ")
        ))),
    }
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
