//! Expressions by precedence, from OR down to a sign in front of an operand.
//!
//! The order is that of Hive's grammar: `|` binds less than `&`, that less than `||`, that less than `+`; `^` binds more than `*`.

use super::{Parser, Result};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Like, LikeOp, OrderBy, Quantifier, UnaryOp};

/// Operators of one level: what is written, and what it means.
type Level = &'static [(&'static str, BinaryOp)];

const BIT_OR: Level = &[("|", BinaryOp::BitOr)];
const BIT_AND: Level = &[("&", BinaryOp::BitAnd)];
const CONCAT: Level = &[("||", BinaryOp::Concat)];
const SUM: Level = &[("+", BinaryOp::Add), ("-", BinaryOp::Subtract)];
const PRODUCT: Level = &[
    ("*", BinaryOp::Multiply),
    ("/", BinaryOp::Divide),
    ("%", BinaryOp::Modulo),
    ("DIV", BinaryOp::IntegerDivide),
];
const BIT_XOR: Level = &[("^", BinaryOp::BitXor)];
/// From the one that binds least.
const LEVELS: &[Level] = &[BIT_OR, BIT_AND, CONCAT, SUM, PRODUCT, BIT_XOR];

const EQUALITIES: Level = &[
    ("<=>", BinaryOp::NullSafeEqual),
    ("=", BinaryOp::Equal),
    ("==", BinaryOp::Equal),
    ("<>", BinaryOp::NotEqual),
    ("!=", BinaryOp::NotEqual),
];
const ORDERS: Level = &[
    ("<=", BinaryOp::LessEqual),
    (">=", BinaryOp::GreaterEqual),
    ("<", BinaryOp::Less),
    (">", BinaryOp::Greater),
];

impl Parser<'_> {
    #[recursive::recursive]
    pub(super) fn expr(&mut self) -> Result<Expr> {
        let mut left = self.and_expr()?;
        while self.word("OR") {
            let right = self.and_expr()?;
            left = binary(BinaryOp::Or, left, right);
        }
        Ok(left)
    }

    fn and_expr(&mut self) -> Result<Expr> {
        let mut left = self.not_expr()?;
        while self.word("AND") {
            let right = self.not_expr()?;
            left = binary(BinaryOp::And, left, right);
        }
        Ok(left)
    }

    fn not_expr(&mut self) -> Result<Expr> {
        let start = self.here();
        let mut negated = false;
        let mut any = false;
        while self.word("NOT") || self.symbol("!") {
            negated = !negated;
            any = true;
        }
        let inner = self.comparison()?;
        if !any {
            return Ok(inner);
        }
        let span = self.since(start);
        let not = Expr { kind: ExprKind::Unary(UnaryOp::Not, Box::new(inner)), span };
        // An even number of them leaves a truth value as it was.
        Ok(if negated { not } else { Expr { kind: ExprKind::Unary(UnaryOp::Not, Box::new(not)), span } })
    }

    /// Equalities and IS, which chain from the left: `a = b IS NULL`.
    fn comparison(&mut self) -> Result<Expr> {
        let start = self.here();
        let mut left = self.similar()?;
        loop {
            let kind = match self.one_of(EQUALITIES) {
                Some(op) => self.compared(left, op, Self::similar)?,
                None if self.word("IS") => self.is_predicate(left)?,
                None => return Ok(left),
            };
            left = Expr { kind, span: self.since(start) };
        }
    }

    /// What binds more than an equality: orders, IN, BETWEEN, LIKE. `a = b IN (c)` compares `a` with a truth value.
    fn similar(&mut self) -> Result<Expr> {
        let start = self.here();
        let mut left = self.level(0)?;
        loop {
            let kind = match self.one_of(ORDERS) {
                Some(op) => self.compared(left, op, |parser| parser.level(0))?,
                None => match self.predicate(left)? {
                    Ok(kind) => kind,
                    Err(unchanged) => return Ok(unchanged),
                },
            };
            left = Expr { kind, span: self.since(start) };
        }
    }

    /// Steps over the operator that comes next, if it is one of these.
    fn one_of(&mut self, operators: Level) -> Option<BinaryOp> {
        let found = operators.iter().find(|(symbol, _)| self.is_symbol(symbol)).map(|(_, op)| *op);
        if found.is_some() {
            self.advance();
        }
        found
    }

    /// The right side of a comparison, which is an operand or a query.
    fn compared(
        &mut self,
        left: Expr,
        op: BinaryOp,
        operand: fn(&mut Self) -> Result<Expr>,
    ) -> Result<ExprKind> {
        let quantifier = if self.is_one_of(&["ANY", "SOME"]) && self.is_symbol_at(1, "(") {
            Some(Quantifier::Any)
        } else if self.is("ALL") && self.is_symbol_at(1, "(") {
            Some(Quantifier::All)
        } else {
            None
        };
        if let Some(quantifier) = quantifier {
            self.advance();
            self.expect_symbol("(")?;
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(ExprKind::Quantified { expr: Box::new(left), op, quantifier, query });
        }
        let right = operand(self)?;
        Ok(ExprKind::Binary(op, Box::new(left), Box::new(right)))
    }

    /// IN, BETWEEN, LIKE and their like after an operand; the operand back where none follows.
    fn predicate(&mut self, left: Expr) -> Result<std::result::Result<ExprKind, Expr>> {
        let negated = self.is("NOT")
            && ["IN", "BETWEEN", "LIKE", "RLIKE", "REGEXP"].iter().any(|word| self.is_at(1, word));
        if negated {
            self.advance();
        }
        if self.word("IN") {
            return self.in_predicate(left, negated).map(Ok);
        }
        if self.word("BETWEEN") {
            let low = Box::new(self.level(0)?);
            self.expect("AND")?;
            let high = Box::new(self.level(0)?);
            return Ok(Ok(ExprKind::Between { expr: Box::new(left), low, high, negated }));
        }
        let op = match () {
            () if self.word("LIKE") => LikeOp::Like,
            () if self.word("RLIKE") || self.word("REGEXP") => LikeOp::Rlike,
            () => return Ok(Err(left)),
        };
        self.like(left, op, negated).map(Ok)
    }

    fn is_predicate(&mut self, left: Expr) -> Result<ExprKind> {
        let negated = self.word("NOT");
        let expr = Box::new(left);
        if self.word("NULL") {
            return Ok(ExprKind::IsNull { expr, negated });
        }
        if self.words(&["DISTINCT", "FROM"]) {
            let right = Box::new(self.level(0)?);
            return Ok(ExprKind::IsDistinct { left: expr, right, negated });
        }
        let truth = match () {
            () if self.word("TRUE") => Some(true),
            () if self.word("FALSE") => Some(false),
            () if self.word("UNKNOWN") => None,
            () => return Err(self.unexpected(&["NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT FROM"])),
        };
        Ok(ExprKind::IsTruth { expr, truth, negated })
    }

    fn in_predicate(&mut self, left: Expr, negated: bool) -> Result<ExprKind> {
        let expr = Box::new(left);
        self.expect_symbol("(")?;
        if self.begins_query() {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(ExprKind::InQuery { expr, query, negated });
        }
        let list = self.list(Self::expr)?;
        self.expect_symbol(")")?;
        Ok(ExprKind::In { expr, list, negated })
    }

    fn like(&mut self, left: Expr, op: LikeOp, negated: bool) -> Result<ExprKind> {
        let quantifier = match () {
            () if self.is_one_of(&["ANY", "SOME"]) && self.is_symbol_at(1, "(") => Some(Quantifier::Any),
            () if self.is("ALL") && self.is_symbol_at(1, "(") => Some(Quantifier::All),
            () => None,
        };
        let patterns = match quantifier {
            Some(_) => {
                self.advance();
                self.in_parentheses(Self::expr)?
            }
            None => vec![self.level(0)?],
        };
        let escape = if self.word("ESCAPE") { Some(Box::new(self.level(0)?)) } else { None };
        Ok(ExprKind::Like(Like { expr: Box::new(left), op, quantifier, patterns, escape, negated }))
    }

    /// Operators of this level and of those that bind more, from the left.
    fn level(&mut self, level: usize) -> Result<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut left = self.level(level + 1)?;
        loop {
            let is_next = |written: &str| match written {
                "DIV" => self.is(written),
                symbol => self.is_symbol(symbol),
            };
            let Some((_, op)) = operators.iter().find(|(written, _)| is_next(written)) else {
                return Ok(left);
            };
            self.advance();
            let right = self.level(level + 1)?;
            left = binary(*op, left, right);
        }
    }

    fn signed(&mut self) -> Result<Expr> {
        let start = self.here();
        let op = match () {
            () if self.symbol("-") => UnaryOp::Minus,
            () if self.symbol("+") => UnaryOp::Plus,
            () if self.symbol("~") => UnaryOp::BitNot,
            () => return self.postfix(),
        };
        let operand = self.nested_sign()?;
        Ok(Expr { kind: ExprKind::Unary(op, Box::new(operand)), span: self.since(start) })
    }

    #[recursive::recursive]
    fn nested_sign(&mut self) -> Result<Expr> {
        self.signed()
    }

    /// An operand with its fields and indexes.
    fn postfix(&mut self) -> Result<Expr> {
        let start = self.here();
        let mut expr = self.operand()?;
        loop {
            let kind = if self.is_symbol(".") && !self.is_symbol_at(1, "*") {
                self.advance();
                ExprKind::Field(Box::new(expr), self.any_name()?)
            } else if self.symbol("[") {
                let index = self.expr()?;
                self.expect_symbol("]")?;
                ExprKind::Index(Box::new(expr), Box::new(index))
            } else {
                return Ok(expr);
            };
            expr = Expr { kind, span: self.since(start) };
        }
    }

    /// `expr [ASC | DESC] [NULLS FIRST | LAST]`
    pub(super) fn order_by(&mut self) -> Result<OrderBy> {
        let expr = self.expr()?;
        let descending = !self.word("ASC") && self.word("DESC");
        let nulls_first = match () {
            () if self.words(&["NULLS", "FIRST"]) => Some(true),
            () if self.words(&["NULLS", "LAST"]) => Some(false),
            () => None,
        };
        Ok(OrderBy { expr, descending, nulls_first })
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span }
}
