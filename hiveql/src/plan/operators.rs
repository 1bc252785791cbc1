//! Operators: comparisons, logic, arithmetic, patterns, and the casts that bring their operands together.

use super::{Planner, Problem, Result, StrictChecks, Typed, constants, expr::Place, subquery::filters};
use crate::{
    cast::promotion::common_type_for_comparison,
    functions::math::{ArithmeticOp, arithmetic, native_operator},
    syntax::ast::{BinaryOp, Expr as Ast, ExprKind, Like, LikeOp, Quantifier, Span, UnaryOp},
    types::HiveType,
};
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Like as LikeExpr, Operator, expr::InList},
};

impl Planner<'_> {
    /// Chains of one operator are as long as a generated query makes them: their left spine is walked, not recursed into.
    pub(super) fn binary_expr(
        &self,
        op: BinaryOp,
        left: &Ast,
        right: &Ast,
        place: &Place<'_>,
    ) -> Result<Typed> {
        let mut rights = vec![(op, right)];
        let mut first = left;
        while let ExprKind::Binary(op, left, right) = &first.kind {
            rights.push((*op, right));
            first = left;
        }
        if let (ExprKind::Tuple(lefts), Some((op, Ast { kind: ExprKind::Tuple(others), .. }))) =
            (&first.kind, rights.last())
            && matches!(op, BinaryOp::Equal | BinaryOp::NotEqual)
        {
            let op = *op;
            let mut value = self.tuples_equal(lefts, others, place)?;
            if op == BinaryOp::NotEqual {
                value = Typed::new(Expr::Not(Box::new(value.expr)), HiveType::Boolean);
            }
            rights.pop();
            return self.chain(value, rights, place);
        }
        let value = self.expr(first, place)?;
        self.chain(value, rights, place)
    }

    fn chain(&self, first: Typed, mut rights: Vec<(BinaryOp, &Ast)>, place: &Place<'_>) -> Result<Typed> {
        let mut value = first;
        while let Some((op, right)) = rights.pop() {
            let right_value = self.expr(right, place)?;
            value = self.binary(op, value, right_value).map_err(|error| error.or_at(right.span))?;
        }
        Ok(value)
    }

    pub(super) fn binary(&self, op: BinaryOp, left: Typed, right: Typed) -> Result<Typed> {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let what = "an operand of AND and OR";
                let (left, right) = (self.boolean(left, what)?, self.boolean(right, what)?);
                let op = if op == BinaryOp::And { Operator::And } else { Operator::Or };
                Ok(Typed::new(binary(left, op, right), HiveType::Boolean))
            }
            BinaryOp::Concat => self.scalar_call("concat", vec![left, right], Span::default()),
            _ => match arithmetic_op(op) {
                Some(op) => self.arithmetic(op, left, right),
                None => self.compare(op, left, right),
            },
        }
    }

    pub(super) fn compare(&self, op: BinaryOp, left: Typed, right: Typed) -> Result<Typed> {
        let (left, right) = constants::comparable(left, right);
        let mismatch = || Problem::Operands {
            op: symbol(op).to_owned(),
            left: left.ty.clone(),
            right: right.ty.clone(),
        };
        let common = common_type_for_comparison(&left.ty, &right.ty).ok_or_else(mismatch)?;
        if self.options.strict.lossy_comparisons && is_lossy(&left.ty, &right.ty) {
            let what = "Unsafe compares between different types";
            return Err(StrictChecks::refused(what, "type.safety").into());
        }
        // A NULL beside a NULL: any type will do.
        let common = if common == HiveType::Void { HiveType::Boolean } else { common };
        let (left, right) = (self.cast(left, &common)?.expr, self.cast(right, &common)?.expr);
        let op = match op {
            BinaryOp::Equal => Operator::Eq,
            BinaryOp::NotEqual => Operator::NotEq,
            BinaryOp::NullSafeEqual => Operator::IsNotDistinctFrom,
            BinaryOp::Less => Operator::Lt,
            BinaryOp::LessEqual => Operator::LtEq,
            BinaryOp::Greater => Operator::Gt,
            BinaryOp::GreaterEqual => Operator::GtEq,
            _ => return Err(Problem::Unsupported("this operator between values").into()),
        };
        Ok(Typed::new(binary(left, op, right), HiveType::Boolean))
    }

    fn arithmetic(&self, op: ArithmeticOp, left: Typed, right: Typed) -> Result<Typed> {
        if let Some((operand, result)) = native_operator(op, &left.ty, &right.ty)
            && let Some(operator) = native(op)
        {
            let (left, right) = (self.cast(left, &operand)?.expr, self.cast(right, &operand)?.expr);
            return Ok(Typed::new(self.fold(binary(left, operator, right)), result));
        }
        let (left_type, right_type) = (left.ty.clone(), right.ty.clone());
        let (left, right) = (constants::exact(left, &right_type), constants::exact(right, &left_type));
        let function = arithmetic(op, &left.ty, &right.ty, self.facts)?;
        self.apply(function, vec![left, right])
    }

    pub(super) fn unary(&self, op: UnaryOp, operand: Typed) -> Result<Typed> {
        match op {
            UnaryOp::Not => {
                let value = self.boolean(operand, "the operand of NOT")?;
                Ok(Typed::new(Expr::Not(Box::new(value)), HiveType::Boolean))
            }
            UnaryOp::Plus => self.scalar_call("positive", vec![operand], Span::default()),
            UnaryOp::Minus => self.scalar_call("negative", vec![operand], Span::default()),
            UnaryOp::BitNot => self.scalar_call("~", vec![operand], Span::default()),
        }
    }

    pub(super) fn between(&self, value: Typed, low: Typed, high: Typed, negated: bool) -> Result<Typed> {
        let at_least = self.compare(BinaryOp::GreaterEqual, value.clone(), low)?;
        let at_most = self.compare(BinaryOp::LessEqual, value, high)?;
        let both = binary(at_least.expr, Operator::And, at_most.expr);
        Ok(Typed::new(if negated { Expr::Not(Box::new(both)) } else { both }, HiveType::Boolean))
    }

    pub(super) fn in_list(
        &self,
        expr: &Ast,
        list: &[Ast],
        negated: bool,
        place: &Place<'_>,
    ) -> Result<Typed> {
        if let ExprKind::Tuple(lefts) = &expr.kind {
            let mut any: Option<Expr> = None;
            for row in list {
                let ExprKind::Tuple(rights) = &row.kind else {
                    return Err(Problem::Invalid("each row of IN must be in parentheses".into()).at(row.span));
                };
                let same = self.tuples_equal(lefts, rights, place)?.expr;
                any = Some(match any {
                    None => same,
                    Some(any) => binary(any, Operator::Or, same),
                });
            }
            let any = any.unwrap_or(Expr::Literal(ScalarValue::Boolean(Some(false)), None));
            return Ok(Typed::new(if negated { Expr::Not(Box::new(any)) } else { any }, HiveType::Boolean));
        }
        let value = self.expr(expr, place)?;
        let list = list.iter().map(|item| self.expr(item, place)).collect::<Result<Vec<_>>>()?;
        self.in_values(value, list, negated, place)
    }

    /// Values of one type are compared in the type that this one has in common with the value's.
    fn in_values(&self, value: Typed, list: Vec<Typed>, negated: bool, place: &Place<'_>) -> Result<Typed> {
        let mut by_type: Vec<(HiveType, Vec<Typed>)> = Vec::new();
        for item in list {
            let item = constants::beside(&value, item);
            let mismatch =
                || Problem::Operands { op: "in".to_owned(), left: value.ty.clone(), right: item.ty.clone() };
            let common = common_type_for_comparison(&value.ty, &item.ty).ok_or_else(mismatch)?;
            // A NULL beside a NULL: any type will do.
            let common = if common == HiveType::Void { HiveType::Boolean } else { common };
            match by_type.iter_mut().find(|(ty, _)| *ty == common) {
                Some((_, items)) => items.push(item),
                None => by_type.push((common, vec![item])),
            }
        }
        // DataFusion may take NULL for FALSE where only TRUE counts; as a value it must stay what it is.
        if let ([(common, _)], false) = (by_type.as_slice(), filters(place)) {
            let common = common.clone();
            let all = std::iter::once(value).chain(by_type.into_iter().flat_map(|(_, items)| items));
            let all = all.map(|item| self.cast(item, &common)).collect::<Result<Vec<_>>>()?;
            let found = self.scalar_call("in", all, Span::default())?;
            return if negated { self.unary(UnaryOp::Not, found) } else { Ok(found) };
        }
        let mut any: Option<Expr> = None;
        for (common, items) in by_type {
            let value = self.cast(value.clone(), &common)?.expr;
            let items = items
                .into_iter()
                .map(|item| Ok(self.cast(item, &common)?.expr))
                .collect::<Result<Vec<_>>>()?;
            let one = Expr::InList(InList::new(Box::new(value), items, false));
            any = Some(match any {
                None => one,
                Some(any) => binary(any, Operator::Or, one),
            });
        }
        let any = any.unwrap_or(Expr::Literal(ScalarValue::Boolean(Some(false)), None));
        let any = match any {
            Expr::InList(list) => Expr::InList(InList { negated, ..list }),
            several if negated => Expr::Not(Box::new(several)),
            several => several,
        };
        Ok(Typed::new(any, HiveType::Boolean))
    }

    pub(super) fn tuples_equal(&self, lefts: &[Ast], rights: &[Ast], place: &Place<'_>) -> Result<Typed> {
        if lefts.len() != rights.len() {
            return Err(Problem::ColumnCount { op: "=", left: lefts.len(), right: rights.len() }.into());
        }
        let mut all: Option<Expr> = None;
        for (left, right) in lefts.iter().zip(rights) {
            let same = self.compare(BinaryOp::Equal, self.expr(left, place)?, self.expr(right, place)?)?.expr;
            all = Some(match all {
                None => same,
                Some(all) => binary(all, Operator::And, same),
            });
        }
        let all = all.unwrap_or(Expr::Literal(ScalarValue::Boolean(Some(true)), None));
        Ok(Typed::new(all, HiveType::Boolean))
    }

    pub(super) fn like(&self, like: &Like, place: &Place<'_>) -> Result<Typed> {
        let value = self.expr(&like.expr, place)?;
        if like.quantifier.is_some() && !value.ty.is_text() && value.ty != HiveType::Void {
            return Err(
                Problem::Operands { op: "likeall".into(), left: value.ty, right: HiveType::String }.into()
            );
        }
        let escape = match like.escape.as_deref().map(|escape| &escape.kind) {
            None => None,
            Some(ExprKind::Literal(crate::syntax::ast::Literal::String(text))) => text.chars().next(),
            Some(_) => return Err(Problem::Invalid("ESCAPE must be a string of one character".into()).into()),
        };
        let mut all: Option<Expr> = None;
        let joined = if like.quantifier == Some(Quantifier::All) { Operator::And } else { Operator::Or };
        for pattern in &like.patterns {
            let pattern = self.expr(pattern, place)?;
            // Of several patterns one that is NULL makes all of it NULL, whatever the others match.
            if like.quantifier.is_some() && constants::is_null(&pattern) {
                return Ok(Typed::new(Expr::Literal(ScalarValue::Boolean(None), None), HiveType::Boolean));
            }
            let one = self.matches(like.op, value.clone(), pattern, escape)?;
            all = Some(match all {
                None => one,
                Some(all) => binary(all, joined, one),
            });
        }
        let all = all.ok_or(Problem::Invalid("LIKE needs a pattern".into()))?;
        Ok(Typed::new(if like.negated { Expr::Not(Box::new(all)) } else { all }, HiveType::Boolean))
    }

    fn matches(&self, op: LikeOp, value: Typed, pattern: Typed, escape: Option<char>) -> Result<Expr> {
        match op {
            LikeOp::Like => {
                let value = self.cast(value, &HiveType::String)?.expr;
                let pattern = match self.cast(pattern, &HiveType::String)?.expr {
                    Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) => {
                        let text = backslashed(&text, escape.unwrap_or('\\'));
                        Expr::Literal(ScalarValue::Utf8(Some(text)), metadata)
                    }
                    pattern => pattern,
                };
                Ok(Expr::Like(LikeExpr::new(false, Box::new(value), Box::new(pattern), None, false)))
            }
            LikeOp::Rlike => Ok(self.scalar_call("rlike", vec![value, pattern], Span::default())?.expr),
        }
    }
}

/// Whether both become doubles to be compared, which have fewer digits than one of them.
fn is_lossy(left: &HiveType, right: &HiveType) -> bool {
    let loses = |exact: &HiveType, other: &HiveType| match exact {
        HiveType::BigInt => other.is_text() || *other == HiveType::Double,
        HiveType::Decimal { .. } => other.is_text(),
        _ => false,
    };
    loses(left, right) || loses(right, left)
}

/// The pattern with a backslash before what stands for itself. Hive's escape counts only before `%`, `_` and itself where it
/// is named, and before `%` and `_` where it is the backslash of every pattern.
fn backslashed(pattern: &str, escape: char) -> String {
    let mut text = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        let escaped = (next == escape)
            .then(|| rest.next_if(|after| matches!(after, '%' | '_') || (escape != '\\' && *after == escape)))
            .flatten();
        match (escaped, next) {
            (Some(literal), _) => text.extend(['\\', literal]),
            (None, '\\') => text.push_str("\\\\"),
            (None, other) => text.push(other),
        }
    }
    text
}

pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn arithmetic_op(op: BinaryOp) -> Option<ArithmeticOp> {
    Some(match op {
        BinaryOp::Add => ArithmeticOp::Add,
        BinaryOp::Subtract => ArithmeticOp::Subtract,
        BinaryOp::Multiply => ArithmeticOp::Multiply,
        BinaryOp::Divide => ArithmeticOp::Divide,
        BinaryOp::IntegerDivide => ArithmeticOp::IntegerDivide,
        BinaryOp::Modulo => ArithmeticOp::Modulo,
        BinaryOp::BitAnd => ArithmeticOp::BitAnd,
        BinaryOp::BitOr => ArithmeticOp::BitOr,
        BinaryOp::BitXor => ArithmeticOp::BitXor,
        _ => return None,
    })
}

fn native(op: ArithmeticOp) -> Option<Operator> {
    Some(match op {
        ArithmeticOp::Add => Operator::Plus,
        ArithmeticOp::Subtract => Operator::Minus,
        ArithmeticOp::Multiply => Operator::Multiply,
        ArithmeticOp::Divide => Operator::Divide,
        ArithmeticOp::Modulo => Operator::Modulo,
        ArithmeticOp::BitAnd => Operator::BitwiseAnd,
        ArithmeticOp::BitOr => Operator::BitwiseOr,
        ArithmeticOp::BitXor => Operator::BitwiseXor,
        ArithmeticOp::IntegerDivide => return None,
    })
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Equal => "=",
        BinaryOp::NullSafeEqual => "<=>",
        BinaryOp::NotEqual => "<>",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::IntegerDivide => "div",
        BinaryOp::Modulo => "%",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Concat => "||",
    }
}
