//! Statements that change rows.

use super::{
    Expr, Limit, Name, ObjectName, OrderBy, Query, RowFormat, Select, Span, StorageFormat, TableExpr,
};

/// `PARTITION (ds = '2024', hr)`: a value, or `None` where each row says its own.
pub type PartitionSpec = Vec<(Name, Option<Expr>)>;

/// One INSERT, or several that read their FROM once.
#[derive(Debug, Clone, PartialEq)]
pub enum Insert {
    /// `INSERT INTO t SELECT ...`, `FROM x INSERT ... SELECT ...` with one target, `INSERT INTO t VALUES ...`
    One { target: InsertTarget, query: Box<Query> },
    /// `FROM x INSERT ... SELECT ... INSERT ... SELECT ...`
    Multi { with: Vec<super::Cte>, from: Vec<TableExpr>, branches: Vec<InsertBranch>, span: Span },
}

/// One INSERT of a multi-insert. Its `select` has no FROM of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertBranch {
    pub target: InsertTarget,
    pub select: Select,
    pub order_by: Vec<OrderBy>,
    pub sort_by: Vec<OrderBy>,
    pub distribute_by: Vec<Expr>,
    pub cluster_by: Vec<Expr>,
    pub limit: Option<Limit>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InsertTarget {
    Table(InsertTable),
    Directory(InsertDirectory),
}

#[derive(Debug, Clone, PartialEq)]
pub struct InsertTable {
    pub table: ObjectName,
    pub overwrite: bool,
    pub partition: PartitionSpec,
    /// INSERT OVERWRITE ... IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Empty: all columns of the table, in order.
    pub columns: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InsertDirectory {
    pub local: bool,
    pub path: String,
    pub row_format: Option<RowFormat>,
    pub format: Option<StorageFormat>,
}

/// `LOAD DATA [LOCAL] INPATH 'p' [OVERWRITE] INTO TABLE t [PARTITION (...)]`
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub local: bool,
    pub path: String,
    pub overwrite: bool,
    pub table: ObjectName,
    pub partition: PartitionSpec,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    pub table: ObjectName,
    pub assignments: Vec<(Name, Expr)>,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    pub table: ObjectName,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    pub target: ObjectName,
    pub alias: Option<Name>,
    pub source: TableExpr,
    pub on: Expr,
    pub branches: Vec<MergeBranch>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MergeBranch {
    /// WHEN MATCHED, or WHEN NOT MATCHED.
    pub matched: bool,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MergeAction {
    Update(Vec<(Name, Expr)>),
    Delete,
    Insert { columns: Vec<Name>, values: Vec<Expr> },
}
