//! Expressions.

use super::{Name, ObjectName, OrderBy, Query, Span};
use crate::types::HiveType;

#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Literal(Literal),
    /// A column, or the alias of a table in front of a [`ExprKind::Field`].
    Name(Name),
    /// `expr.field`: a column of a table, a field of a struct, or that field of every element of an array.
    Field(Box<Expr>, Name),
    /// `expr[index]`, of an array or a map.
    Index(Box<Expr>, Box<Expr>),
    /// `*`, `t.*`, `db.t.*`, in a select list or as the only argument of a function.
    Star(Option<ObjectName>),
    Unary(UnaryOp, Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE | FALSE | UNKNOWN`; `None` is UNKNOWN.
    IsTruth {
        expr: Box<Expr>,
        truth: Option<bool>,
        negated: bool,
    },
    /// `IS [NOT] DISTINCT FROM`.
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        expr: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    Exists(Box<Query>),
    /// A query in parentheses where a value is expected.
    Query(Box<Query>),
    /// `expr op ANY|SOME|ALL (query)`.
    Quantified {
        expr: Box<Expr>,
        op: BinaryOp,
        quantifier: Quantifier,
        query: Box<Query>,
    },
    /// LIKE, RLIKE, REGEXP with a pattern, or with `ANY|ALL (patterns)`.
    Like(Like),
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        expr: Box<Expr>,
        ty: HiveType,
        format: Option<String>,
    },
    Function(Box<FunctionCall>),
    /// `EXTRACT(field FROM expr)`.
    Extract {
        field: DateField,
        expr: Box<Expr>,
    },
    /// `FLOOR(expr TO field)`.
    FloorTo {
        expr: Box<Expr>,
        field: DateField,
    },
    /// `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL 3 DAY`, `3 days`.
    Interval {
        value: Box<Expr>,
        unit: IntervalUnit,
    },
    /// `(a, b)`, on either side of IN or a comparison.
    Tuple(Vec<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Boolean(bool),
    /// Digits, perhaps with a point or an exponent, without a suffix: an int, a bigint, a decimal or a double by its form.
    Number(String),
    /// `1Y`, `1S`, `1L`, `1BD`, `1D`, `1F`: the digits, and the type of the suffix.
    Typed(String, NumberSuffix),
    String(String),
    Date(String),
    Timestamp(String),
    TimestampLocalTz(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberSuffix {
    TinyInt,
    SmallInt,
    BigInt,
    Decimal,
    Double,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    Plus,
    Minus,
    /// `~`
    BitNot,
    /// `NOT` and `!`
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    /// `<=>`
    NullSafeEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    /// `DIV`
    IntegerDivide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
    /// `||`
    Concat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Like {
    pub expr: Box<Expr>,
    pub op: LikeOp,
    /// `None`: one pattern.
    pub quantifier: Option<Quantifier>,
    pub patterns: Vec<Expr>,
    pub escape: Option<Box<Expr>>,
    pub negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikeOp {
    Like,
    /// `RLIKE` and `REGEXP`
    Rlike,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCall {
    pub name: ObjectName,
    pub distinct: bool,
    /// `f(*)` is a single [`ExprKind::Star`].
    pub args: Vec<Expr>,
    /// `WITHIN GROUP (ORDER BY ...)`.
    pub within_group: Vec<OrderBy>,
    pub filter: Option<Box<Expr>>,
    /// `Some(true)`: IGNORE NULLS; `Some(false)`: RESPECT NULLS.
    pub ignore_nulls: Option<bool>,
    pub over: Option<Window>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// `OVER name`
    Named(Name),
    Spec(WindowSpec),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WindowSpec {
    /// `(name ...)`: what this one begins with.
    pub base: Option<Name>,
    /// PARTITION BY, or DISTRIBUTE BY.
    pub partition_by: Vec<Expr>,
    /// ORDER BY, or SORT BY.
    pub order_by: Vec<OrderBy>,
    pub frame: Option<WindowFrame>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WindowFrame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    /// Left out, it is the current row.
    pub end: Option<FrameBound>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameUnit {
    Rows,
    Range,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateField {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    Hour,
    Minute,
    Second,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalUnit {
    YearToMonth,
    DayToSecond,
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}
