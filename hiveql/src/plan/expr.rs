//! Expressions: names, and which rule each kind of expression follows.

use super::{Field, Planner, Problem, Result, Typed, relation::Scope};
use crate::{
    cast::promotion::common_type,
    catalog::DEFAULT_PARTITION,
    syntax::ast::{self, DateField, Expr as Ast, ExprKind, FunctionCall, Name, ObjectName, Span, WindowSpec},
    types::HiveType,
};
use datafusion::{
    arrow::datatypes::Field as ArrowField,
    common::ScalarValue,
    logical_expr::{Case, Expr, lit},
};
use std::sync::Arc;

/// Where an expression stands, which decides what it may use.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The clause's name, for errors.
    pub clause: &'static str,
    pub scope: Scope<'a>,
    pub aggregates: bool,
    /// The named windows; `None` where window functions are not allowed.
    pub windows: Option<&'a [(Name, WindowSpec)]>,
    /// The window of the function whose argument this is: LEAD and LAG in it look through that one.
    pub window: Option<&'a WindowSpec>,
    /// What the select list calls its expressions, where that counts.
    pub aliases: &'a [(String, Typed)],
    /// The aliases come before the columns (ORDER BY), not after them (HAVING).
    pub aliases_first: bool,
    /// The keys of GROUP BY, for GROUPING__ID.
    pub keys: Option<Keys<'a>>,
}

/// The keys of GROUP BY, and whether there are grouping sets.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub exprs: &'a [Typed],
    pub has_sets: bool,
}

impl<'a> Place<'a> {
    /// Where only columns of the scope count.
    pub fn plain(clause: &'static str, scope: Scope<'a>) -> Place<'a> {
        Place {
            clause,
            scope,
            aggregates: false,
            windows: None,
            window: None,
            aliases: &[],
            aliases_first: false,
            keys: None,
        }
    }

    fn alias(&self, name: &str) -> Option<Typed> {
        self.aliases.iter().find(|(alias, _)| alias == name).map(|(_, value)| value.clone())
    }
}

impl Planner<'_> {
    /// An expression with all of its casts. Deep ones take as much stack as they need.
    #[recursive::recursive]
    pub(super) fn expr(&self, expr: &Ast, place: &Place<'_>) -> Result<Typed> {
        self.expr_here(expr, place).map_err(|error| error.or_at(expr.span))
    }

    fn expr_here(&self, expr: &Ast, place: &Place<'_>) -> Result<Typed> {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal, expr.span),
            ExprKind::Name(name) => self.name(name, place),
            ExprKind::Field(base, name) => self.field(base, name, place),
            ExprKind::Index(base, index) => {
                let (base, index) = (self.expr(base, place)?, self.expr(index, place)?);
                self.index(base, index, expr.span)
            }
            ExprKind::Star(_) => {
                Err(Problem::Invalid("* is allowed only in a select list and in count(*)".into()).into())
            }
            ExprKind::Unary(op, operand) => self.unary(*op, self.expr(operand, place)?),
            ExprKind::Binary(op, left, right) => self.binary_expr(*op, left, right, place),
            ExprKind::IsNull { expr, negated } => {
                let value = self.expr(expr, place)?.expr;
                Ok(Typed::new(self.is_null(value, *negated), HiveType::Boolean))
            }
            ExprKind::IsTruth { expr, truth, negated } => {
                let value = Box::new(self.condition(expr, place, "the operand of IS")?);
                let test = match (truth, negated) {
                    (Some(true), false) => Expr::IsTrue(value),
                    (Some(true), true) => Expr::IsNotTrue(value),
                    (Some(false), false) => Expr::IsFalse(value),
                    (Some(false), true) => Expr::IsNotFalse(value),
                    (None, false) => Expr::IsUnknown(value),
                    (None, true) => Expr::IsNotUnknown(value),
                };
                Ok(Typed::new(test, HiveType::Boolean))
            }
            ExprKind::IsDistinct { left, right, negated } => {
                let same = self.compare(
                    ast::BinaryOp::NullSafeEqual,
                    self.expr(left, place)?,
                    self.expr(right, place)?,
                )?;
                Ok(if *negated {
                    same
                } else {
                    Typed::new(Expr::Not(Box::new(same.expr)), HiveType::Boolean)
                })
            }
            ExprKind::Between { expr, low, high, negated } => {
                let (low, high) = (self.expr(low, place)?, self.expr(high, place)?);
                self.between(self.expr(expr, place)?, low, high, *negated)
            }
            ExprKind::In { expr, list, negated } => self.in_list(expr, list, *negated, place),
            ExprKind::InQuery { expr, query, negated } => self.in_query(expr, query, *negated, place),
            ExprKind::Exists(query) => self.exists(query, place),
            ExprKind::Query(query) => self.scalar_query(query, place),
            ExprKind::Quantified { expr, op, quantifier, query } => {
                self.quantified(expr, *op, *quantifier, query, place)
            }
            ExprKind::Like(like) => self.like(like, place),
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), place)
            }
            ExprKind::Cast { expr: inner, ty, format } => {
                let value = self.expr(inner, place)?;
                self.check_cast(&value.ty, ty)?;
                match format {
                    None => self.cast(value, ty),
                    Some(format) => {
                        let cast =
                            crate::cast::cast_with_format(value.expr, &value.ty, ty, format, self.facts)?;
                        Ok(Typed::new(self.fold(cast), ty.clone()))
                    }
                }
            }
            ExprKind::Function(call) => self.call(call, place, expr.span),
            ExprKind::Extract { field, expr: inner } => {
                self.scalar_call(extract_function(*field), vec![self.expr(inner, place)?], expr.span)
            }
            ExprKind::FloorTo { expr: inner, field } => {
                let name = format!("floor_{}", extract_function(*field));
                self.scalar_call(&name, vec![self.expr(inner, place)?], expr.span)
            }
            ExprKind::Interval { value, unit } => self.interval(value, *unit, place),
            ExprKind::Tuple(_) => Err(Problem::Unsupported("a list of values in parentheses here").into()),
        }
    }

    fn check_cast(&self, from: &HiveType, to: &HiveType) -> Result<()> {
        let is_time =
            |ty: &HiveType| matches!(ty, HiveType::Timestamp | HiveType::TimestampLocalTz | HiveType::Date);
        let crosses = (is_time(from) && to.is_numeric()) || (from.is_numeric() && is_time(to));
        if !self.options.strict.numbers_as_times || !crosses {
            return Ok(());
        }
        let (from, to) = if is_time(from) { ("DATE/TIMESTAMP", "NUMERIC") } else { ("NUMERIC", "TIMESTAMP") };
        let text = format!("Casting {from} types to {to} is prohibited (hive.strict.timestamp.conversion)");
        Err(Problem::Invalid(text).into())
    }

    /// The default partition has a name, and is NULL all the same.
    fn is_null(&self, value: Expr, negated: bool) -> Expr {
        let is_named = matches!(&value, Expr::Column(column) if self.named_nulls.borrow().contains(column));
        let name = || lit(DEFAULT_PARTITION);
        match (is_named, negated) {
            (false, false) => Expr::IsNull(Box::new(value)),
            (false, true) => Expr::IsNotNull(Box::new(value)),
            (true, false) => value.clone().is_null().or(value.eq(name())),
            (true, true) => value.clone().is_not_null().and(value.not_eq(name())),
        }
    }

    fn name(&self, name: &Name, place: &Place<'_>) -> Result<Typed> {
        let folded = name.folded();
        if let Some(value) = self.parameters.borrow().last().and_then(|values| values.get(&folded)) {
            return Ok(value.clone());
        }
        if place.aliases_first
            && let Some(value) = place.alias(&folded)
        {
            return Ok(value);
        }
        let found = match (self.column(None, &folded, name.span, place), place.keys) {
            (Err(ambiguous), Some(keys)) => Some(grouped(&folded, place, keys).ok_or(ambiguous)?),
            (found, _) => found?,
        };
        if let Some(value) = found {
            return Ok(value);
        }
        if let Some(value) = place.alias(&folded) {
            return Ok(value);
        }
        if let (Some(keys), "grouping__id") = (place.keys, folded.as_str()) {
            return Ok(super::aggregate::grouping(keys.exprs, keys));
        }
        // Some functions are called without parentheses.
        if matches!(folded.as_str(), "current_date" | "current_timestamp" | "current_user" | "current_time") {
            let part = ObjectName { parts: vec![name.clone()], span: name.span };
            let call = FunctionCall {
                name: part,
                distinct: false,
                args: vec![],
                within_group: vec![],
                filter: None,
                ignore_nulls: None,
                over: None,
            };
            return self.call(&call, place, name.span);
        }
        Err(place.scope.not_found(&name.text, name.span))
    }

    fn column(
        &self,
        relation: Option<&str>,
        name: &str,
        span: Span,
        place: &Place<'_>,
    ) -> Result<Option<Typed>> {
        let Some(found) = place.scope.find(relation, name, span)? else { return Ok(None) };
        let field = found.field;
        self.check_name(field, span)?;
        if !found.is_outer {
            return Ok(Some(field.typed()));
        }
        let arrow = ArrowField::new(&field.column.name, field.ty.arrow(), true);
        let expr = Expr::OuterReferenceColumn(Arc::new(arrow), field.column.clone());
        Ok(Some(Typed::new(expr, field.ty.clone())))
    }

    /// A column that shares its name with another one of its query cannot be meant.
    pub(super) fn check_name(&self, field: &Field, span: Span) -> Result<()> {
        match self.ambiguous.borrow().contains(&field.column) {
            true => Err(Problem::AmbiguousColumn(field.name.clone()).at(span)),
            false => Ok(()),
        }
    }

    /// `a.b`: a column of a table, or a field of a struct.
    fn field(&self, base: &Ast, name: &Name, place: &Place<'_>) -> Result<Typed> {
        let relation = match &base.kind {
            ExprKind::Name(relation) => Some(relation.folded()),
            // `db.table.column`: the table's name is enough.
            ExprKind::Field(database, relation) => match &database.kind {
                ExprKind::Name(_) if place.scope.has_relation(&relation.folded()) => Some(relation.folded()),
                _ => None,
            },
            _ => None,
        };
        if let Some(relation) = &relation
            && place.scope.has_relation(relation)
        {
            if let Some(value) = self.column(Some(relation), &name.folded(), name.span, place)? {
                return Ok(value);
            }
            if self.column(None, relation, base.span, place).ok().flatten().is_none() {
                // After grouping, an alias may still be qualified by its table.
                if let Some(value) = place.alias(&name.folded()) {
                    return Ok(value);
                }
                return Err(place.scope.not_found(&name.text, name.span));
            }
        } else if let (Some(relation), ExprKind::Name(written)) = (&relation, &base.kind)
            && self.column(None, relation, base.span, place)?.is_none()
            && place.alias(relation).is_none()
            && !self.is_parameter(relation)
        {
            return Err(Problem::AliasNotFound(written.text.clone()).at(written.span));
        }
        let base = self.expr(base, place)?;
        self.struct_field(base, &name.folded(), name.span)
    }

    fn is_parameter(&self, name: &str) -> bool {
        self.parameters.borrow().last().is_some_and(|values| values.contains_key(name))
    }

    /// A condition: a boolean, or the NULL that stands for one.
    pub(super) fn condition(&self, expr: &Ast, place: &Place<'_>, what: &'static str) -> Result<Expr> {
        let value = self.expr(expr, place)?;
        self.boolean(value, what).map_err(|error| error.or_at(expr.span))
    }

    pub(super) fn boolean(&self, value: Typed, what: &'static str) -> Result<Expr> {
        match value.ty {
            HiveType::Boolean => Ok(value.expr),
            HiveType::Void => Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
            // Hive takes what can be one.
            HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
                Ok(self.cast(value, &HiveType::Boolean)?.expr)
            }
            ref ty if ty.is_numeric() => Ok(self.cast(value, &HiveType::Boolean)?.expr),
            found => Err(Problem::NotBoolean { place: what, found }.into()),
        }
    }

    fn case(
        &self,
        operand: Option<&Ast>,
        branches: &[(Ast, Ast)],
        otherwise: Option<&Ast>,
        place: &Place<'_>,
    ) -> Result<Typed> {
        let operand = operand.map(|operand| self.expr(operand, place)).transpose()?;
        let mut conditions = Vec::with_capacity(branches.len());
        let mut results = Vec::with_capacity(branches.len() + 1);
        for (when, then) in branches {
            conditions.push(match &operand {
                None => match self.expr(when, place)? {
                    value if matches!(value.ty, HiveType::Boolean | HiveType::Void) => {
                        self.boolean(value, "a condition of CASE")?
                    }
                    Typed { ty: found, .. } => {
                        return Err(Problem::NotBoolean { place: "a condition of CASE", found }.at(when.span));
                    }
                },
                Some(operand) => {
                    self.compare(ast::BinaryOp::Equal, operand.clone(), self.expr(when, place)?)?.expr
                }
            });
            results.push(self.expr(then, place)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expr(otherwise, place)?);
        }
        let (mut results, ty) = self.unified(results)?;
        let otherwise = otherwise.and_then(|_| results.pop()).map(|value| Box::new(value.expr));
        let when_then = conditions
            .into_iter()
            .zip(results)
            .map(|(when, then)| (Box::new(when), Box::new(then.expr)))
            .collect();
        Ok(Typed::new(Expr::Case(Case { expr: None, when_then_expr: when_then, else_expr: otherwise }), ty))
    }

    /// Values cast to the type that they have in common.
    pub(super) fn unified(&self, values: Vec<Typed>) -> Result<(Vec<Typed>, HiveType)> {
        let mut common = HiveType::Void;
        for value in &values {
            common = common_type(&common, &value.ty)
                .ok_or_else(|| Problem::NoCommonType { left: common.clone(), right: value.ty.clone() })?;
        }
        let values = values.into_iter().map(|value| self.cast(value, &common)).collect::<Result<_>>()?;
        Ok((values, common))
    }
}

/// After GROUP BY a name that two tables have means the one that is a key.
fn grouped(name: &str, place: &Place<'_>, keys: Keys<'_>) -> Option<Typed> {
    let is_key = |value: &Typed| keys.exprs.iter().any(|key| key.expr == value.expr);
    let named = place.scope.fields.iter().filter(|field| field.name == name).map(Field::typed);
    let mut found = named.filter(is_key);
    found.next().filter(|_| found.next().is_none())
}

fn extract_function(field: DateField) -> &'static str {
    match field {
        DateField::Year => "year",
        DateField::Quarter => "quarter",
        DateField::Month => "month",
        DateField::Week => "week",
        DateField::Day => "day",
        DateField::DayOfWeek => "dayofweek",
        DateField::Hour => "hour",
        DateField::Minute => "minute",
        DateField::Second => "second",
    }
}
