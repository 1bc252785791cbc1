//! Statements.

use super::*;

/// Anything that ends with a semicolon.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Query(Box<Query>),
    Insert(Insert),
    Load(Load),
    Update(Update),
    Delete(Delete),
    Merge(Box<Merge>),
    Export {
        table: ObjectName,
        partition: PartitionSpec,
        path: String,
    },
    Import {
        table: Option<ObjectName>,
        external: bool,
        partition: PartitionSpec,
        path: String,
        location: Option<String>,
    },
    CreateDatabase(CreateDatabase),
    AlterDatabase {
        name: Name,
        change: AlterDatabase,
    },
    DropDatabase {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    UseDatabase(Name),
    CreateTable(Box<CreateTable>),
    AlterTable(Box<AlterTable>),
    DropTable {
        name: ObjectName,
        if_exists: bool,
        purge: bool,
    },
    Truncate {
        table: ObjectName,
        partition: PartitionSpec,
        columns: Vec<Name>,
        force: bool,
    },
    CreateView(Box<CreateView>),
    DropView {
        name: ObjectName,
        if_exists: bool,
        materialized: bool,
    },
    CreateFunction(CreateFunction),
    DropFunction {
        name: ObjectName,
        if_exists: bool,
        temporary: bool,
    },
    CreateMacro(Box<CreateMacro>),
    DropMacro {
        name: ObjectName,
        if_exists: bool,
    },
    ReloadFunctions,
    Msck {
        table: ObjectName,
        repair: bool,
        action: MsckAction,
    },
    Analyze(Analyze),
    Show(Show),
    Describe(Describe),
    Explain(Explain),
    /// LOCK, UNLOCK, GRANT, ...: a statement that parses and is refused with its own words.
    Unsupported {
        words: String,
        span: Span,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MsckAction {
    Add,
    Drop,
    Sync,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Analyze {
    pub table: ObjectName,
    pub partition: PartitionSpec,
    /// `FOR COLUMNS [a, b]`: `Some` of the names, empty for all.
    pub columns: Option<Vec<Name>>,
    pub no_scan: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Show {
    Databases {
        like: Option<String>,
    },
    Tables {
        database: Option<Name>,
        like: Option<String>,
        extended: bool,
    },
    Views {
        database: Option<Name>,
        like: Option<String>,
        materialized: bool,
    },
    Columns {
        table: ObjectName,
        like: Option<String>,
        sorted: bool,
    },
    Partitions {
        table: ObjectName,
        partition: PartitionSpec,
        filter: Option<Expr>,
        order_by: Vec<OrderBy>,
        limit: Option<Limit>,
    },
    Functions {
        like: Option<String>,
    },
    TableProperties {
        table: ObjectName,
        key: Option<String>,
    },
    CreateTable(ObjectName),
    CreateDatabase(Name),
    TableExtended {
        database: Option<Name>,
        like: String,
        partition: PartitionSpec,
    },
    Indexes,
    Locks,
    Transactions,
    Compactions,
    Conf(String),
    CurrentRoles,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Describe {
    Table { name: ObjectName, partition: PartitionSpec, column: Vec<Name>, detail: Detail },
    Database { name: Name, extended: bool },
    Function { name: String, extended: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Plain,
    Extended,
    Formatted,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    pub kind: ExplainKind,
    /// `EXPLAIN FORMATTED`: as JSON.
    pub formatted: bool,
    pub statement: Box<Statement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainKind {
    Plain,
    Extended,
    Analyze,
    Cbo,
    Dependency,
    Authorization,
    Ast,
    Locks,
    Vectorization,
    Reoptimization,
}
