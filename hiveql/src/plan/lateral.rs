//! LATERAL VIEW, and table functions in a select list: any number of rows for each row.

use super::{
    Field, Planner, Problem, Relation, Result,
    call::{arguments, function_name},
    expr::Place,
    relation::Scope,
};
use crate::{
    functions::registry,
    syntax::ast::{FunctionCall, LateralView, Name},
};
use datafusion::{
    common::{Column, NullHandling, UnnestOptions},
    functions::core::expr_fn::get_field,
    logical_expr::{Expr, LogicalPlanBuilder, expr::ScalarFunction},
};

impl Planner<'_> {
    pub(super) fn is_table_function(&self, call: &FunctionCall) -> bool {
        call.over.is_none() && registry::table(&function_name(call)).is_some()
    }

    pub(super) fn lateral_view(
        &self,
        mut relation: Relation,
        view: &LateralView,
        outer: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let made = self
            .lateral(&mut relation, &view.call, view.outer, &view.columns, outer)
            .map_err(|error| error.or_at(view.span))?;
        let alias = view.alias.folded();
        let made: Vec<Field> =
            made.into_iter().map(|field| Field { relation: Some(alias.clone()), ..field }).collect();
        for field in &made {
            let same = |known: &&Field| known.relation == field.relation && known.name == field.name;
            if relation.fields.iter().any(|known| same(&known)) {
                self.ambiguous.borrow_mut().insert(field.column.clone());
            }
        }
        relation.fields.extend(made);
        Ok(relation)
    }

    /// Joins each row with the rows that the function makes of it. The new columns are in the plan, not yet in its fields.
    pub(super) fn lateral(
        &self,
        relation: &mut Relation,
        call: &FunctionCall,
        keep_empty: bool,
        names: &[Name],
        outer: Option<&Scope<'_>>,
    ) -> Result<Vec<Field>> {
        let name = function_name(call);
        let Some(definition) = registry::table(&name) else {
            let nearest = registry::nearest(&name).map(str::to_owned);
            return Err(Problem::FunctionNotFound { name, nearest }.at(call.name.span));
        };
        let fields = relation.fields.clone();
        let place = Place::plain("the arguments of a table function", Scope::new(&fields, outer));
        let args = self.args(call, &place)?;
        let function = (definition.resolve)(&name, &arguments(&args), self.facts)
            .map_err(|error| Problem::from(error).at(call.name.span))?;
        if !names.is_empty() && names.len() != function.columns.len() {
            let error = Problem::AliasCount { expected: function.columns.len(), found: names.len() };
            return Err(error.at(call.name.span));
        }
        let args = self.cast_all(args, &function.args)?;
        let rows = Column::new_unqualified(self.fresh("rows"));
        let made = Expr::ScalarFunction(ScalarFunction::new_udf(function.udf, args));
        self.extend(relation, vec![(rows.name.clone(), made)])?;
        let nulls = if keep_empty { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
        let options = UnnestOptions::new().with_null_handling(nulls);
        let plan = std::mem::take(&mut relation.plan);
        relation.plan =
            LogicalPlanBuilder::from(plan).unnest_column_with_options(rows.clone(), options)?.build()?;
        let mut added = Vec::with_capacity(function.columns.len());
        let mut new_fields = Vec::with_capacity(function.columns.len());
        for (index, (implied, ty)) in function.columns.into_iter().enumerate() {
            let name = names.get(index).map_or_else(|| implied.clone(), Name::folded);
            let column = Column::new_unqualified(self.fresh(&name));
            added.push((column.name.clone(), get_field(Expr::Column(rows.clone()), implied.as_str())));
            new_fields.push(Field { relation: None, name, ty, column, hidden: false });
        }
        self.extend(relation, added)?;
        Ok(new_fields)
    }
}
