//! Calls of functions: macros, scalars, aggregates, and what is written like a call.

use super::{Field, Planner, Problem, Result, Typed, expr::Place, literal::scalar};
use crate::{
    functions::{
        self, Aggregate, Arg, Scalar,
        program::{INTERNAL_PROGRAM, Program},
        registry,
    },
    syntax::ast::{Expr as Ast, ExprKind, FunctionCall, Span},
    types::HiveType,
};
use datafusion::{
    arrow::datatypes::Field as ArrowField,
    common::{Column, ScalarValue},
    logical_expr::{
        Case, Expr,
        expr::{AggregateFunction, NullTreatment, ScalarFunction},
    },
};
use std::{collections::HashMap, sync::Arc};

/// What `count(*)` counts.
const COUNTED: ScalarValue = ScalarValue::Int64(Some(1));

impl Planner<'_> {
    pub(super) fn call(&self, call: &FunctionCall, place: &Place<'_>, span: Span) -> Result<Typed> {
        let name = function_name(call);
        if call.over.is_some() {
            return self.window_call(&name, call, place, span);
        }
        if let Some(body) = self.tables.macros.get(&name) {
            return self.macro_call(&name, body, call, place, span);
        }
        if let Some(program) = self.program(call, &name) {
            let args = call.args.iter().map(|arg| self.expr(arg, place)).collect::<Result<Vec<_>>>()?;
            return self.program_call(program, args, span);
        }
        if name == "grouping"
            && let Some(keys) = place.keys
        {
            let args = call.args.iter().map(|arg| self.expr(arg, place)).collect::<Result<Vec<_>>>()?;
            if !args.iter().all(|arg| keys.exprs.iter().any(|key| key.expr == arg.expr)) {
                return Err(Problem::NotGrouped.at(span));
            }
            return Ok(super::aggregate::grouping(&args, keys));
        }
        if !call.within_group.is_empty() {
            return self.within_group_call(&name, call, place, span);
        }
        if registry::aggregate(&name).is_some() {
            return self.aggregate_call(&name, call, place, span);
        }
        if registry::window(&name).is_some() && registry::scalar(&name).is_none() {
            if let (Some(spec), "lead" | "lag") = (place.window, name.as_str()) {
                return self.window_over(&name, call, spec, place, span);
            }
            return Err(Problem::Invalid(format!("{name} needs an OVER clause")).at(span));
        }
        if registry::table(&name).is_some() {
            return Err(Problem::TableFunctionNotAllowed(name).at(span));
        }
        let args = self.args(call, place)?;
        self.scalar_call(&name, args, span)
    }

    /// The arguments; a star is all columns.
    pub(super) fn args(&self, call: &FunctionCall, place: &Place<'_>) -> Result<Vec<Typed>> {
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            match &arg.kind {
                ExprKind::Star(of) => {
                    let fields = self.star(of.as_ref(), place.scope.fields)?;
                    args.extend(fields.iter().map(Field::typed));
                }
                _ => args.push(self.expr(arg, place)?),
            }
        }
        Ok(args)
    }

    /// The program of that name: one of the session's comes before what is built in, one of a database after it.
    fn program(&self, call: &FunctionCall, name: &str) -> Option<&Program> {
        let programs = &self.tables.programs;
        match call.name.parts.as_slice() {
            [_, .., database, _] | [database, _] => programs.get(&format!("{}.{name}", database.folded())),
            _ => programs.get(name).or_else(|| {
                let own = programs.get(&format!("{}.{name}", self.database.borrow()));
                own.filter(|_| registry::description(name).is_none())
            }),
        }
    }

    fn program_call(&self, program: &Program, args: Vec<Typed>, span: Span) -> Result<Typed> {
        let failed = |error: functions::FunctionError| Problem::from(error).at(span);
        let description = program.describe().map_err(failed)?;
        let text = description.text().ok_or(Problem::Unsupported("a program with such a name"))?;
        let text = scalar(ScalarValue::Utf8(Some(text)), HiveType::String);
        let described = std::iter::once(text).chain(args).collect();
        self.scalar_call(INTERNAL_PROGRAM, described, span)
    }

    /// A scalar function by its name.
    pub(super) fn scalar_call(&self, name: &str, args: Vec<Typed>, span: Span) -> Result<Typed> {
        let Some(definition) = registry::scalar(name) else {
            let nearest = registry::nearest(name).map(str::to_owned);
            return Err(Problem::FunctionNotFound { name: name.to_owned(), nearest }.at(span));
        };
        let function = (definition.resolve)(name, &arguments(&args), self.facts)
            .map_err(|error| Problem::from(error).at(span))?;
        self.apply(function, args)
    }

    /// Casts the arguments to what the function takes, and calls it; at once, where all is constant.
    pub(super) fn apply(&self, function: Scalar, args: Vec<Typed>) -> Result<Typed> {
        let args = self.cast_all(args, &function.args)?;
        let call = Expr::ScalarFunction(ScalarFunction::new_udf(function.udf, args));
        Ok(Typed::new(self.fold(call), function.returns))
    }

    pub(super) fn cast_all(&self, args: Vec<Typed>, types: &[HiveType]) -> Result<Vec<Expr>> {
        args.into_iter().zip(types).map(|(arg, ty)| Ok(self.cast(arg, ty)?.expr)).collect()
    }

    fn aggregate_call(
        &self,
        name: &str,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Result<Typed> {
        if !place.aggregates {
            let around = self.aggregate_around(name, call, place, span);
            return around.ok_or_else(|| Problem::AggregateNotAllowed(name.to_owned()).at(span));
        }
        let inside = inside_aggregate(place);
        let (function, args) = self.aggregate_args(name, call, &inside, span)?;
        let filter = match &call.filter {
            None => None,
            Some(filter) => Some(Box::new(self.condition(filter, &inside, "FILTER")?)),
        };
        let nulls = call.ignore_nulls.map(null_treatment);
        let call = AggregateFunction::new_udf(function.udf, args, call.distinct, filter, vec![], nulls);
        Ok(Typed::new(Expr::AggregateFunction(call), function.returns))
    }

    /// An aggregate over the rows of the query around this one, in whose HAVING this one stands.
    fn aggregate_around(
        &self,
        name: &str,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Option<Typed> {
        let outer = place.scope.outer?;
        let known = outer.inner_aggregates?;
        let there = Place { aggregates: true, ..Place::plain("HAVING", *outer) };
        let value = self.aggregate_call(name, call, &there, span).ok()?;
        let found =
            known.borrow().iter().find(|(expr, _)| *expr == value.expr).map(|(_, column)| column.clone());
        let column = found.unwrap_or_else(|| {
            let column = Column::new_unqualified(self.fresh("aggregate"));
            known.borrow_mut().push((value.expr.clone(), column.clone()));
            column
        });
        let arrow = ArrowField::new(&column.name, value.ty.arrow(), true);
        Some(Typed::new(Expr::OuterReferenceColumn(Arc::new(arrow), column), value.ty))
    }

    /// The function for these arguments, and the arguments as it takes them. Also for windows.
    pub(super) fn aggregate_args(
        &self,
        name: &str,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Result<(Aggregate, Vec<Expr>)> {
        let definition = registry::aggregate(name)
            .ok_or_else(|| Problem::FunctionNotFound { name: name.to_owned(), nearest: None }.at(span))?;
        let is_star =
            name == "count" && matches!(call.args.as_slice(), [Ast { kind: ExprKind::Star(_), .. }]);
        if name == "count" && call.args.is_empty() {
            return Err(Problem::Invalid("Argument expected".to_owned()).at(span));
        }
        let args = match is_star {
            true => Vec::new(),
            false => self.args(call, place)?,
        };
        let resolve = |args: &[Typed]| {
            (definition.resolve)(name, &arguments(args), self.facts)
                .map_err(|error| Problem::from(error).at(span))
        };
        if name == "count" && args.len() > 1 {
            let row = self.row_without_nulls(args)?;
            let function = resolve(std::slice::from_ref(&row))?;
            let args = self.cast_all(vec![row], &function.args)?;
            return Ok((function, args));
        }
        let function = resolve(&args)?;
        let mut args = self.cast_all(args, &function.args)?;
        if args.is_empty() && name == "count" {
            args.push(Expr::Literal(COUNTED, None));
        }
        Ok((function, args))
    }

    /// A struct of the values, or NULL if one of them is.
    fn row_without_nulls(&self, values: Vec<Typed>) -> Result<Typed> {
        let all_there = values
            .iter()
            .map(|value| Expr::IsNotNull(Box::new(value.expr.clone())))
            .reduce(Expr::and)
            .ok_or(Problem::Invalid("count needs an argument".into()))?;
        let row = self.scalar_call("struct", values, Span::default())?;
        let case = Case {
            expr: None,
            when_then_expr: vec![(Box::new(all_there), Box::new(row.expr))],
            else_expr: None,
        };
        Ok(Typed::new(Expr::Case(case), row.ty))
    }

    /// The macro's body with the arguments in place of the parameters.
    fn macro_call(
        &self,
        name: &str,
        body: &super::Macro,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Result<Typed> {
        if body.parameters.len() != call.args.len() {
            let error = functions::FunctionError::Count {
                function: name.to_owned(),
                expected: body.parameters.len().to_string(),
                found: call.args.len(),
            };
            return Err(Problem::from(error).at(span));
        }
        let mut values = HashMap::new();
        for ((parameter, ty), arg) in body.parameters.iter().zip(&call.args) {
            values.insert(parameter.clone(), self.cast(self.expr(arg, place)?, ty)?);
        }
        self.parameters.borrow_mut().push(values);
        let value = self.expr(&body.body, place);
        self.parameters.borrow_mut().pop();
        value.map_err(|error| super::PlanError { span: Some(span), ..error })
    }

    /// `container[index]`
    pub(super) fn index(&self, base: Typed, index: Typed, span: Span) -> Result<Typed> {
        self.scalar_call("index", vec![base, index], span)
    }

    /// `structure.field`, also of every element of an array of structs.
    pub(super) fn struct_field(&self, base: Typed, name: &str, span: Span) -> Result<Typed> {
        let function =
            functions::collection::field(&base.ty, name).map_err(|error| Problem::from(error).at(span))?;
        self.apply(function, vec![base])
    }
}

/// Inside of an aggregate there is none, and no alias of the select list either.
pub(super) fn inside_aggregate<'b>(place: &Place<'b>) -> Place<'b> {
    Place { aggregates: false, windows: None, aliases: &[], clause: "an aggregate function", ..*place }
}

/// The name, lower case, without its database.
pub(super) fn function_name(call: &FunctionCall) -> String {
    call.name.parts.last().map(|name| name.folded()).unwrap_or_default()
}

pub(super) fn null_treatment(ignore: bool) -> NullTreatment {
    if ignore { NullTreatment::IgnoreNulls } else { NullTreatment::RespectNulls }
}

/// What a function may know of its arguments.
pub(super) fn arguments(args: &[Typed]) -> Vec<Arg> {
    args.iter()
        .map(|arg| {
            let constant = match &arg.expr {
                Expr::Literal(value, _) => Some(value.clone()),
                _ => None,
            };
            Arg { ty: arg.ty.clone(), constant }
        })
        .collect()
}
