//! Statements that change the catalog.

use super::{Expr, Name, ObjectName, PartitionSpec, Query, Span};
use crate::types::HiveType;

pub type Properties = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub struct CreateDatabase {
    pub name: Name,
    pub if_not_exists: bool,
    pub comment: Option<String>,
    pub location: Option<String>,
    pub managed_location: Option<String>,
    pub properties: Properties,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterDatabase {
    Properties(Properties),
    Owner { kind: String, name: String },
    Location(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    pub name: ObjectName,
    pub temporary: bool,
    pub external: bool,
    /// `CREATE TRANSACTIONAL TABLE`
    pub transactional: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDefinition>,
    pub constraints: Vec<TableConstraint>,
    pub comment: Option<String>,
    pub partitioned_by: Vec<ColumnDefinition>,
    pub clustered_by: Option<Clustering>,
    pub skewed_by: Option<Skew>,
    pub row_format: Option<RowFormat>,
    pub format: Option<StorageFormat>,
    pub location: Option<String>,
    pub properties: Properties,
    pub source: CreateSource,
}

/// Where a table's columns or rows come from, besides its definition.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateSource {
    None,
    Like(ObjectName),
    /// `LIKE FILE PARQUET 'path'`
    LikeFile {
        format: String,
        path: String,
    },
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    pub name: Name,
    /// `None` only in `PARTITIONED BY (a, b)` of a CTAS and in a view's columns.
    pub ty: Option<HiveType>,
    pub comment: Option<String>,
    pub constraints: Vec<ColumnConstraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnConstraint {
    pub name: Option<Name>,
    pub kind: ColumnConstraintKind,
    pub traits: ConstraintTraits,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ColumnConstraintKind {
    NotNull,
    /// With the text that it was written in.
    Default(Expr, String),
    Check(Expr, String),
    PrimaryKey,
    Unique,
    References {
        table: ObjectName,
        column: Name,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConstraintTraits {
    pub enable: bool,
    pub validate: bool,
    pub rely: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TableConstraint {
    pub name: Option<Name>,
    pub kind: TableConstraintKind,
    pub traits: ConstraintTraits,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TableConstraintKind {
    PrimaryKey(Vec<Name>),
    Unique(Vec<Name>),
    ForeignKey { columns: Vec<Name>, table: ObjectName, referenced: Vec<Name> },
    Check(Expr, String),
}

/// `CLUSTERED BY (a, b) [SORTED BY (c DESC)] INTO n BUCKETS`
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    pub columns: Vec<Name>,
    /// With `true` for descending.
    pub sorted_by: Vec<(Name, bool)>,
    pub buckets: u32,
}

/// `SKEWED BY (a, b) ON ((1, 2), (3, 4)) [STORED AS DIRECTORIES]`
#[derive(Debug, Clone, PartialEq)]
pub struct Skew {
    pub columns: Vec<Name>,
    pub values: Vec<Vec<Expr>>,
    pub directories: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum RowFormat {
    Delimited(Delimited),
    Serde { class: String, properties: Properties },
}

/// As written, escapes already taken out of the strings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delimited {
    pub fields: Option<String>,
    pub escaped_by: Option<String>,
    pub collection_items: Option<String>,
    pub map_keys: Option<String>,
    pub lines: Option<String>,
    pub null: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StorageFormat {
    /// `STORED AS ORC`: the word, in capitals.
    Named(String),
    Classes {
        input: String,
        output: String,
        serde: Option<String>,
    },
    /// `STORED BY 'class' [WITH SERDEPROPERTIES (...)]`
    Handler {
        class: String,
        properties: Properties,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateView {
    pub name: ObjectName,
    pub or_replace: bool,
    pub materialized: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDefinition>,
    pub comment: Option<String>,
    pub partitioned_on: Vec<Name>,
    pub properties: Properties,
    pub query: Query,
    /// The query's text, from which it is planned again at each use.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateFunction {
    pub name: ObjectName,
    pub temporary: bool,
    pub class: String,
    /// `USING JAR 'x', FILE 'y'`
    pub resources: Vec<(String, String)>,
}

/// `CREATE TEMPORARY MACRO name(a int, b string) expr`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateMacro {
    pub name: ObjectName,
    pub parameters: Vec<(Name, HiveType)>,
    pub body: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterTable {
    pub table: ObjectName,
    /// `ALTER TABLE t PARTITION (...) ...`
    pub partition: Option<PartitionSpec>,
    /// ALTER VIEW.
    pub view: bool,
    pub action: AlterAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterAction {
    Rename(ObjectName),
    RenamePartition(PartitionSpec),
    AddColumns {
        columns: Vec<ColumnDefinition>,
        cascade: bool,
    },
    ReplaceColumns {
        columns: Vec<ColumnDefinition>,
        cascade: bool,
    },
    /// `CHANGE [COLUMN] old new type [COMMENT 'c'] [FIRST | AFTER x]`
    ChangeColumn {
        old: Name,
        column: ColumnDefinition,
        position: Option<ColumnPosition>,
        cascade: bool,
    },
    /// `PARTITION COLUMN (name type)`
    PartitionColumn(ColumnDefinition),
    SetProperties(Properties),
    UnsetProperties {
        keys: Vec<String>,
        if_exists: bool,
    },
    SetSerde {
        class: String,
        properties: Properties,
    },
    SetSerdeProperties(Properties),
    UnsetSerdeProperties(Vec<String>),
    SetFormat(StorageFormat),
    SetLocation(String),
    AddPartitions {
        partitions: Vec<(PartitionSpec, Option<String>)>,
        if_not_exists: bool,
    },
    DropPartitions {
        partitions: Vec<Vec<PartitionPredicate>>,
        if_exists: bool,
        purge: bool,
    },
    ExchangePartition {
        partition: PartitionSpec,
        with: ObjectName,
    },
    RecoverPartitions,
    Touch(Vec<PartitionSpec>),
    Archive(PartitionSpec),
    Unarchive(PartitionSpec),
    /// NO_DROP, OFFLINE: accepted words without effect.
    Protect(String),
    Concatenate,
    Compact(String),
    ClusteredBy(Clustering),
    NotClustered,
    NotSorted,
    SkewedBy(Skew),
    NotSkewed,
    NotStoredAsDirectories,
    SetSkewedLocation(Vec<(Vec<Expr>, String)>),
    IntoBuckets(u32),
    AddConstraint(TableConstraint),
    DropConstraint(Name),
    UpdateStatistics {
        column: Option<Name>,
        properties: Properties,
    },
    UpdateColumns,
    SetOwner {
        kind: String,
        name: String,
    },
    /// ALTER VIEW v AS query.
    AsQuery {
        query: Box<Query>,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ColumnPosition {
    First,
    After(Name),
}

/// `ds < '2024'`, in ALTER TABLE ... DROP PARTITION.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionPredicate {
    pub column: Name,
    pub op: super::BinaryOp,
    pub value: Expr,
    pub span: Span,
}
