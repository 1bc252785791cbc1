//! Queries: SELECT and all that it can be made of.

use super::{Expr, FunctionCall, Name, ObjectName, RowFormat, Span, WindowSpec};
use crate::types::HiveType;

/// A query with its CTEs and what is said once for the whole of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub with: Vec<Cte>,
    pub body: QueryBody,
    /// What follows the last SELECT of the body belongs to the whole body.
    pub order_by: Vec<OrderBy>,
    pub sort_by: Vec<OrderBy>,
    pub distribute_by: Vec<Expr>,
    pub cluster_by: Vec<Expr>,
    pub limit: Option<Limit>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: Name,
    pub columns: Vec<Name>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub enum QueryBody {
    Select(Box<Select>),
    /// `VALUES (1, 'a'), (2, 'b')`
    Values(Vec<Vec<Expr>>),
    /// A query in parentheses.
    Query(Box<Query>),
    SetOperation {
        op: SetOp,
        all: bool,
        left: Box<QueryBody>,
        right: Box<QueryBody>,
        span: Span,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOp {
    Union,
    Intersect,
    /// EXCEPT and MINUS.
    Except,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub hints: Vec<Hint>,
    pub distinct: bool,
    pub items: SelectItems,
    /// Empty without FROM. Several are joined as by a comma.
    pub from: Vec<TableExpr>,
    /// Those that follow the select list, where FROM stands in front of it.
    pub views: Vec<LateralView>,
    pub filter: Option<Expr>,
    pub group_by: Option<GroupBy>,
    pub having: Option<Expr>,
    pub qualify: Option<Expr>,
    /// `WINDOW name AS (...)`
    pub windows: Vec<(Name, WindowSpec)>,
    pub span: Span,
}

/// `/*+ MAPJOIN(a, b) */`
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    pub name: String,
    pub args: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SelectItems {
    List(Vec<SelectItem>),
    Transform(Box<Transform>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SelectItem {
    pub expr: Expr,
    /// One name, or several for a function that makes several columns: `AS (a, b)`.
    pub aliases: Vec<Name>,
}

/// `TRANSFORM (a, b) ROW FORMAT ... USING 'cmd' AS (c, d int) ROW FORMAT ...`; `MAP` and `REDUCE` are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    pub args: Vec<Expr>,
    pub input_format: Option<RowFormat>,
    pub record_writer: Option<String>,
    pub command: String,
    /// Empty: the columns are `key` and `value`.
    pub columns: Vec<(Name, Option<HiveType>)>,
    pub output_format: Option<RowFormat>,
    pub record_reader: Option<String>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TableExpr {
    Table(TableRef),
    /// `(query) [AS] alias [(columns)]`
    Derived {
        query: Box<Query>,
        alias: Option<Name>,
        columns: Vec<Name>,
        lateral: bool,
        span: Span,
    },
    /// `(VALUES ...) alias (columns)` is a [`TableExpr::Derived`]; this is a function in FROM: `TABLE(f(x))`, `LATERAL TABLE(f(x))`.
    Function {
        call: Box<FunctionCall>,
        alias: Option<Name>,
        columns: Vec<Name>,
        span: Span,
    },
    Join(Box<Join>),
    /// `input LATERAL VIEW [OUTER] f(x) alias [AS a, b]`
    LateralView {
        input: Box<TableExpr>,
        view: LateralView,
    },
    /// `UNIQUEJOIN PRESERVE a (a.k), b (b.k)`
    UniqueJoin {
        inputs: Vec<UniqueJoinInput>,
        span: Span,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct TableRef {
    pub name: ObjectName,
    pub alias: Option<Name>,
    pub sample: Option<Sample>,
    /// `t('hbase.scan' = 'x')`: properties for this reading.
    pub properties: Vec<(String, String)>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// `TABLESAMPLE (BUCKET x OUT OF y [ON a, b])`
    Bucket {
        bucket: u32,
        of: u32,
        on: Vec<Expr>,
    },
    Percent(f64),
    Rows(u64),
    /// `TABLESAMPLE (10M)`
    Bytes(u64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub left: TableExpr,
    pub right: TableExpr,
    pub kind: JoinKind,
    pub condition: JoinCondition,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    LeftSemi,
    LeftAnti,
    Cross,
}

#[derive(Debug, Clone, PartialEq)]
pub enum JoinCondition {
    None,
    On(Expr),
    Using(Vec<Name>),
    Natural,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LateralView {
    pub outer: bool,
    pub call: FunctionCall,
    pub alias: Name,
    pub columns: Vec<Name>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct UniqueJoinInput {
    pub preserve: bool,
    pub table: TableExpr,
    pub keys: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    pub exprs: Vec<Expr>,
    pub sets: GroupingSets,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GroupingSets {
    /// Just the expressions.
    None,
    /// `GROUPING SETS ((a, b), a, ())`
    Sets(Vec<Vec<Expr>>),
    /// `GROUP BY a, b WITH CUBE`, `GROUP BY CUBE(a, b)`
    Cube,
    Rollup,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    pub expr: Expr,
    pub descending: bool,
    /// `NULLS FIRST` or `NULLS LAST`.
    pub nulls_first: Option<bool>,
}

/// `LIMIT n`, `LIMIT offset, n`, `LIMIT n OFFSET m`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    pub rows: u64,
    pub offset: u64,
}
