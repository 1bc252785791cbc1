//! What can be wrong with a statement that changes or shows the catalog, with Hive's numbers and words.

use crate::{catalog::CatalogError, syntax::ast::Span};

#[derive(Debug, thiserror::Error)]
pub enum DdlError {
    #[error("{}", numbered(.0))]
    Catalog(#[from] CatalogError),
    #[error("SemanticException [Error {}]: {}", .problem.code(), .problem)]
    Semantic { problem: Problem, span: Option<Span> },
    #[error("SemanticException {0}")]
    Refused(String),
    #[error("the files at {location} cannot be reached")]
    Files { location: String, source: object_store::Error },
    #[error("the location {location} is of no store that this session knows: {reason}")]
    Location { location: String, reason: String },
    #[error("{0} is not a statement that changes or shows the catalog")]
    NotMine(&'static str),
}

impl DdlError {
    /// Whether somebody else's transaction came between.
    pub fn is_conflict(&self) -> bool {
        matches!(self, DdlError::Catalog(error) if error.is_conflict())
    }

    /// What Hive prints before the message, from the text that the span lies in.
    pub fn with_line(&self, text: &str) -> String {
        let DdlError::Semantic { problem, span: Some(span) } = self else { return self.to_string() };
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        format!("SemanticException [Error {}]: Line {line}:{column} {problem}", problem.code())
    }
}

impl From<Problem> for DdlError {
    fn from(problem: Problem) -> Self {
        DdlError::Semantic { problem, span: None }
    }
}

fn numbered(error: &CatalogError) -> String {
    match error.code() {
        Some(code) => format!("SemanticException [Error {code}]: {error}"),
        None => error.to_string(),
    }
}

/// Hive's numbered errors of semantics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("Table not found '{0}'")]
    NoTable(String),
    #[error("Invalid column reference '{0}'")]
    NoColumn(String),
    #[error("Partition not found {0}")]
    NoPartition(String),
    #[error("Partition columns: {0} are specified in CTAS, which has no such column")]
    NoPartitionColumn(String),
    #[error("Column repeated in partitioning columns")]
    ColumnRepeatedInPartitioning,
    #[error("Duplicate column name: {0}")]
    DuplicateColumn(String),
    #[error("Bucketed columns cannot be less than one")]
    BadBuckets,
    #[error("Invalid table name {0}")]
    BadName(String),
    #[error("Partition spec {{{given}}} contains non-partition columns")]
    NotPartitionColumns { given: String },
    #[error("Table {0} is not a partitioned table")]
    NotPartitioned(String),
    #[error("Cannot alter a view with ALTER TABLE; use ALTER VIEW instead: {0}")]
    IsView(String),
    #[error("Cannot drop a view with DROP TABLE: {0}")]
    DropsView(String),
    #[error("Cannot drop a base table with DROP VIEW: {0}")]
    DropsTable(String),
    #[error("Cannot alter a base table with ALTER VIEW: {0}")]
    IsTable(String),
    #[error("Need to specify partition columns because the destination table is partitioned: {0}")]
    NeedsPartition(String),
    #[error("Cannot truncate non-managed table {0}")]
    TruncatesExternal(String),
    #[error("Unrecognized file format in STORED AS clause: '{0}'")]
    BadFormat(String),
    #[error("The number of columns of the view does not match its query: {0}")]
    ViewColumns(String),
    #[error(
        "CREATE-TABLE-AS-SELECT creates a VOID type, please use CAST to specify the type, near field: {0}"
    )]
    VoidColumn(String),
    #[error("Value {value} of partition column {column} is not of type {ty}")]
    BadPartitionValue { column: String, value: String, ty: String },
    #[error(
        "Please use the following syntax if not sure whether the property existed or not: ALTER TABLE tableName UNSET TBLPROPERTIES IF EXISTS: the property {0} does not exist"
    )]
    NoProperty(String),
    #[error("Invalid function {0}")]
    NoFunction(String),
    #[error("Dynamic partition cannot be the parent of a static partition")]
    DynamicBeforeStatic,
    #[error(
        "Dynamic partition is disabled. Either enable it by setting hive.exec.dynamic.partition=true or specify partition column values"
    )]
    DynamicDisabled,
    #[error(
        "Dynamic partition strict mode requires at least one static partition column. To turn this off set hive.exec.dynamic.partition.mode=nonstrict"
    )]
    DynamicStrict,
}

impl Problem {
    pub fn code(&self) -> u16 {
        match self {
            Problem::NoTable(_) => 10001,
            Problem::NoColumn(_) => 10002,
            Problem::NoPartition(_) => 10006,
            Problem::NoFunction(_) => 10011,
            Problem::DynamicBeforeStatic => 10094,
            Problem::DynamicDisabled => 10095,
            Problem::DynamicStrict => 10096,
            Problem::ColumnRepeatedInPartitioning => 10035,
            Problem::DuplicateColumn(_) => 10036,
            Problem::BadBuckets => 10031,
            Problem::BadFormat(_) => 10089,
            Problem::BadName(_) => 10084,
            Problem::NoPartitionColumn(_) => 10093,
            Problem::NotPartitionColumns { .. } => 10098,
            Problem::NeedsPartition(_) => 10062,
            Problem::NotPartitioned(_) => 10241,
            Problem::IsView(_) => 10130,
            Problem::DropsView(_) => 10127,
            Problem::DropsTable(_) => 10128,
            Problem::IsTable(_) => 10131,
            Problem::TruncatesExternal(_) => 10146,
            Problem::ViewColumns(_) => 10090,
            Problem::VoidColumn(_) => 10305,
            Problem::BadPartitionValue { .. } => 10248,
            Problem::NoProperty(_) => 10215,
        }
    }
}
