//! `f(...) WITHIN GROUP (ORDER BY ...)`: percentiles of the sort key, and the place that a value would have among the rows.

use super::{
    Planner, Problem, Result, Typed,
    call::{arguments, inside_aggregate},
    expr::Place,
    literal::scalar,
    operators::binary,
};
use crate::{
    functions::{FunctionError, registry},
    syntax::ast::{BinaryOp, FunctionCall, Span},
    types::HiveType,
};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Case, Expr, Operator, expr::AggregateFunction},
};

/// What sorts before the values, and what sorts with them.
struct Compared {
    before: Expr,
    equal: Expr,
    /// The sort keys of the row.
    keys: Vec<Typed>,
}

impl Planner<'_> {
    pub(super) fn within_group_call(
        &self,
        name: &str,
        call: &FunctionCall,
        place: &Place<'_>,
        span: Span,
    ) -> Result<Typed> {
        if !place.aggregates {
            return Err(Problem::AggregateNotAllowed(name.to_owned()).at(span));
        }
        let inside = inside_aggregate(place);
        let filter = match &call.filter {
            None => None,
            Some(filter) => Some(Box::new(self.condition(filter, &inside, "FILTER")?)),
        };
        match name {
            "percentile_cont" | "percentile_disc" => {
                self.percentile_within(name, call, &inside, filter, span)
            }
            "rank" | "dense_rank" | "percent_rank" | "cume_dist" => {
                let compared = self.compared(name, call, &inside, span)?;
                self.place_among(name, compared, filter.as_deref())
            }
            _ => Err(Problem::Invalid(format!("{name} does not take WITHIN GROUP")).at(span)),
        }
    }

    /// As the function is called without: the value, the percentile, and whether it counts from below.
    fn percentile_within(
        &self,
        name: &str,
        call: &FunctionCall,
        inside: &Place<'_>,
        filter: Option<Box<Expr>>,
        span: Span,
    ) -> Result<Typed> {
        let [key] = call.within_group.as_slice() else {
            return Err(Problem::Invalid(format!("{name} takes one sort key")).at(span));
        };
        let [percentile] = call.args.as_slice() else {
            let found = call.args.len();
            let function = name.to_owned();
            let error =
                FunctionError::Count { function, expected: "one argument before WITHIN GROUP".into(), found };
            return Err(Problem::from(error).at(span));
        };
        let ascending = scalar(ScalarValue::Int32(Some(i32::from(!key.descending))), HiveType::Int);
        let args = vec![self.expr(&key.expr, inside)?, self.expr(percentile, inside)?, ascending];
        self.aggregate_of(name, args, call.distinct, filter).map_err(|error| error.or_at(span))
    }

    /// A call of an aggregate on values.
    fn aggregate_of(
        &self,
        name: &str,
        args: Vec<Typed>,
        distinct: bool,
        filter: Option<Box<Expr>>,
    ) -> Result<Typed> {
        let definition = registry::aggregate(name)
            .ok_or_else(|| Problem::FunctionNotFound { name: name.to_owned(), nearest: None })?;
        let function = (definition.resolve)(name, &arguments(&args), self.facts).map_err(Problem::from)?;
        let args = self.cast_all(args, &function.args)?;
        let call = AggregateFunction::new_udf(function.udf, args, distinct, filter, vec![], None);
        Ok(Typed::new(Expr::AggregateFunction(call), function.returns))
    }

    fn compared(&self, name: &str, call: &FunctionCall, inside: &Place<'_>, span: Span) -> Result<Compared> {
        if call.args.len() != call.within_group.len() {
            let error = FunctionError::Count {
                function: name.to_owned(),
                expected: format!("one argument for each of the {} sort keys", call.within_group.len()),
                found: call.args.len(),
            };
            return Err(Problem::from(error).at(span));
        }
        let mut compared = Compared { before: boolean(false), equal: boolean(true), keys: Vec::new() };
        for (sort, value) in call.within_group.iter().zip(&call.args) {
            let (key, value) = (self.expr(&sort.expr, inside)?, self.expr(value, inside)?);
            let op = if sort.descending { BinaryOp::Greater } else { BinaryOp::Less };
            let nulls_first = sort.nulls_first.unwrap_or(sort.descending == self.options.nulls_last);
            let sorts_before = self.compare(op, key.clone(), value.clone())?.expr;
            let same = self.compare(BinaryOp::NullSafeEqual, key.clone(), value.clone())?.expr;
            let (key_is_null, value_is_null) =
                (Expr::IsNull(Box::new(key.expr.clone())), Expr::IsNull(Box::new(value.expr)));
            let value_comes_later =
                binary(boolean(nulls_first), Operator::And, Expr::Not(Box::new(value_is_null.clone())));
            let here = case(
                vec![(key_is_null, value_comes_later), (value_is_null, boolean(!nulls_first))],
                Some(sorts_before),
            );
            let decided_here = binary(compared.equal.clone(), Operator::And, here);
            compared.before = binary(compared.before, Operator::Or, decided_here);
            compared.equal = binary(compared.equal, Operator::And, same);
            compared.keys.push(key);
        }
        Ok(compared)
    }

    /// Rows that sort before the values are counted, and for some functions all rows too.
    fn place_among(&self, name: &str, compared: Compared, filter: Option<&Expr>) -> Result<Typed> {
        let Compared { before, equal, keys } = compared;
        let one = scalar(ScalarValue::Int64(Some(1)), HiveType::BigInt);
        let count = |condition: Expr, what: &Typed, distinct: bool| -> Result<Expr> {
            let counted = Typed::new(case(vec![(condition, what.expr.clone())], None), what.ty.clone());
            Ok(self.aggregate_of("count", vec![counted], distinct, filter.cloned().map(Box::new))?.expr)
        };
        let plus_one = |count: Expr| binary(count, Operator::Plus, one.expr.clone());
        let share = |part: Expr, whole: Expr| -> Result<Typed> {
            let part = self.cast(Typed::new(part, HiveType::BigInt), &HiveType::Double)?.expr;
            let divisor = self.cast(Typed::new(whole.clone(), HiveType::BigInt), &HiveType::Double)?.expr;
            let is_empty =
                binary(whole, Operator::Eq, scalar(ScalarValue::Int64(Some(0)), HiveType::BigInt).expr);
            let zero = scalar(ScalarValue::Float64(Some(0.0)), HiveType::Double).expr;
            let quotient = binary(part, Operator::Divide, divisor);
            Ok(Typed::new(case(vec![(is_empty, zero)], Some(quotient)), HiveType::Double))
        };
        match name {
            "rank" => Ok(Typed::new(plus_one(count(before, &one, false)?), HiveType::BigInt)),
            "dense_rank" => {
                let row = self.scalar_call("struct", keys, Span::default())?;
                Ok(Typed::new(plus_one(count(before, &row, true)?), HiveType::BigInt))
            }
            "percent_rank" => share(count(before, &one, false)?, count(boolean(true), &one, false)?),
            _ => {
                let not_after = binary(before, Operator::Or, equal);
                let rows = count(boolean(true), &one, false)?;
                share(plus_one(count(not_after, &one, false)?), plus_one(rows))
            }
        }
    }
}

fn boolean(value: bool) -> Expr {
    Expr::Literal(ScalarValue::Boolean(Some(value)), None)
}

fn case(when_then: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case(Case {
        expr: None,
        when_then_expr: when_then.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect(),
        else_expr: otherwise.map(Box::new),
    })
}
