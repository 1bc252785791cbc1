//! The expressions in a table's definition: defaults of columns, and conditions that all rows have to meet.

use super::{Field, Planner, Problem, Result, expr::Place, relation::Scope};
use crate::{
    syntax::ast::{
        ColumnConstraintKind, ColumnDefinition, Expr as Ast, TableConstraint, TableConstraintKind, walk,
    },
    types::HiveType,
};
use datafusion::common::Column;

/// The metastore's columns are no longer.
const TEXT_LENGTH_MAX: usize = 255;

impl Planner<'_> {
    /// Whether the constraints fit the table's columns.
    pub fn check_definition(
        &self,
        columns: &[(String, HiveType)],
        definitions: &[&ColumnDefinition],
        of_table: &[&TableConstraint],
    ) -> Result<()> {
        for definition in definitions {
            for constraint in &definition.constraints {
                match &constraint.kind {
                    ColumnConstraintKind::Default(value, text) => {
                        self.check_default(definition, value, text)
                            .map_err(|error| error.or_at(value.span))?;
                    }
                    ColumnConstraintKind::Check(condition, text) => {
                        self.check_condition(columns, condition, text)
                            .map_err(|error| error.or_at(condition.span))?;
                    }
                    _ => {}
                }
            }
        }
        for constraint in of_table {
            if let TableConstraintKind::Check(condition, text) = &constraint.kind {
                self.check_condition(columns, condition, text)
                    .map_err(|error| error.or_at(condition.span))?;
            }
        }
        Ok(())
    }

    /// Whether a macro's body means something of its parameters.
    pub fn check_macro(&self, parameters: &[(String, HiveType)], body: &Ast) -> Result<()> {
        let fields = self.fields(parameters);
        self.expr(body, &Place::plain("a macro", Scope::new(&fields, None))).map(drop)
    }

    /// Columns that come from nowhere.
    fn fields(&self, columns: &[(String, HiveType)]) -> Vec<Field> {
        let field = |(name, ty): &(String, HiveType)| Field {
            relation: None,
            name: name.clone(),
            ty: ty.clone(),
            column: Column::new_unqualified(self.fresh(name)),
            hidden: false,
        };
        columns.iter().map(field).collect()
    }

    /// A default names no column, and has the very type of its column.
    fn check_default(&self, definition: &ColumnDefinition, value: &Ast, text: &str) -> Result<()> {
        if text.chars().count() > TEXT_LENGTH_MAX {
            return Err(Problem::Constraint(format!(
                "Invalid Default value:  {text} .Maximum character length allowed is {TEXT_LENGTH_MAX} ."
            ))
            .into());
        }
        let found = self.expr(value, &Place::plain("DEFAULT", Scope::new(&[], None)))?.ty;
        match &definition.ty {
            Some(ty) if *ty != found || !ty.is_primitive() => Err(Problem::Constraint(format!(
                "Invalid type: {found} for default value: {text}. Please make sure that the type is compatible with column type: {ty}"
            ))
            .into()),
            _ => Ok(()),
        }
    }

    fn check_condition(&self, columns: &[(String, HiveType)], condition: &Ast, text: &str) -> Result<()> {
        let invalid = |reason: &str| {
            Problem::Constraint(format!("Invalid CHECK constraint expression: {text}. {reason}"))
        };
        if text.chars().count() > TEXT_LENGTH_MAX {
            let reason = format!("It exceeds the maximum allowed length: {TEXT_LENGTH_MAX}");
            return Err(invalid(&reason).into());
        }
        if walk::any(condition, &mut |expr| walk::query_of(expr).is_some()) {
            return Err(invalid("Subqueries are not allowed in Check Constraints").into());
        }
        let fields = self.fields(columns);
        let found = self.expr(condition, &Place::plain("CHECK", Scope::new(&fields, None)))?.ty;
        match found {
            HiveType::Boolean => Ok(()),
            found => {
                let reason = format!("Only boolean type is supported for CHECK constraint. Found: {found}");
                Err(invalid(&reason).into())
            }
        }
    }
}
