//! Why a statement that parses cannot be planned, in the words that Hive's users know.

use crate::{
    cast::CastError, formats::FormatError, functions::FunctionError, syntax::ast::Span, types::HiveType,
};
use datafusion::error::DataFusionError;

pub type Result<T, E = PlanError> = std::result::Result<T, E>;

/// What is wrong, and with which piece of the text.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct PlanError {
    pub span: Option<Span>,
    #[source]
    pub problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("Table not found '{name}'{}", did_you_mean(.nearest))]
    TableNotFound { name: String, nearest: Option<String> },
    #[error("Invalid table alias or column reference '{name}': (possible column names are: {candidates})")]
    ColumnNotFound { name: String, candidates: String },
    #[error("Invalid table alias '{0}'")]
    AliasNotFound(String),
    #[error("Column {0} Found in more than One Tables/Subqueries")]
    AmbiguousColumn(String),
    #[error("Ambiguous table alias '{0}'")]
    AmbiguousAlias(String),
    #[error("Duplicates found in column names: {0}")]
    DuplicateColumn(String),
    #[error("Expression not in GROUP BY key '{0}'")]
    NotInGroupBy(String),
    #[error("Not yet supported place for UDAF '{0}'")]
    AggregateNotAllowed(String),
    #[error("Window functions are allowed only in SELECT, ORDER BY and QUALIFY, not in {0}")]
    WindowNotAllowed(&'static str),
    #[error("Invalid function '{name}'{}", did_you_mean(.nearest))]
    FunctionNotFound { name: String, nearest: Option<String> },
    #[error("UDTF's are not supported outside the SELECT clause, nor nested in expressions: '{0}'")]
    TableFunctionNotAllowed(String),
    #[error("Only a single expression in the SELECT clause is supported with UDTF's")]
    TableFunctionAmongOthers,
    #[error("{0} is not supported with a UDTF in the SELECT clause")]
    TableFunctionWith(&'static str),
    #[error("UDTF's cannot be in a select expression when there is a lateral view")]
    TableFunctionBesideView,
    #[error(
        "Grouping sets aggregations (with rollups or cubes) are not allowed if map-side  aggregation is turned off. Set hive.map.aggr=true if you want to use grouping sets"
    )]
    GroupingSetsByReducers,
    #[error("DISTINCT on different columns not supported with skew in data")]
    DistinctsInSkew,
    #[error(
        "Unsupported SubQuery Expression  Currently SubQuery expressions are only allowed as Where and Having Clause predicates"
    )]
    SubqueryNotAllowed,
    #[error("Invalid numerical constant '{0}'")]
    BadNumber(String),
    #[error("Invalid Constraint syntax {0}")]
    Constraint(String),
    #[error("Recursive view {name} detected (cycle: {cycle}).")]
    RecursiveView { name: String, cycle: String },
    #[error("Expression in GROUPING function not present in GROUP BY")]
    NotGrouped,
    #[error("Window name '{0}' is not defined")]
    WindowNotFound(String),
    #[error(transparent)]
    Function(#[from] FunctionError),
    #[error(transparent)]
    Cast(#[from] CastError),
    #[error("No matching method for '{op}' with ({left}, {right})")]
    Operands { op: String, left: HiveType, right: HiveType },
    #[error("{place} must be a boolean, it is {found}")]
    NotBoolean { place: &'static str, found: HiveType },
    #[error("{value} is not a valid {ty} literal")]
    Literal { value: String, ty: &'static str },
    #[error("Schema of both sides of {op} should match: {left} columns on the left, {right} on the right")]
    ColumnCount { op: &'static str, left: usize, right: usize },
    #[error(
        "Schema of both sides of {op} should match: column {name} is of type {left} on the left and of type {right} on the right"
    )]
    ColumnType { op: &'static str, name: String, left: HiveType, right: HiveType },
    #[error("The values have no common type: {left} and {right}")]
    NoCommonType { left: HiveType, right: HiveType },
    #[error("Unsupported SubQuery Expression: SubQuery can contain only 1 item in Select List, it has {0}")]
    SubqueryColumns(usize),
    #[error(
        "The number of aliases supplied in the AS clause does not match the number of columns output by the UDTF: expected {expected} aliases but got {found}"
    )]
    AliasCount { expected: usize, found: usize },
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(
        "Cannot insert into target table because column number/types are different '{table}': Table insclause-0 has {expected} columns, but query has {found} columns."
    )]
    InsertColumns { table: String, expected: usize, found: usize },
    #[error("Updating values of partition columns is not supported")]
    UpdatesKey,
    #[error("Updating values of bucketing columns is not supported.  Column {0}.")]
    UpdatesBucket(String),
    #[error("Target column \"{column}\" of set clause is not found in table \"{table}\".")]
    NoTargetColumn { column: String, table: String },
    #[error("{0}")]
    Invalid(String),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    #[error("the plan was refused: {0}")]
    DataFusion(#[from] DataFusionError),
}

fn did_you_mean(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean '{name}'?")).unwrap_or_default()
}

impl Problem {
    /// Points at the text.
    pub fn at(self, span: Span) -> PlanError {
        PlanError { span: Some(span), problem: self }
    }

    /// Hive's number of this error, where scripts may look for it.
    pub fn code(&self) -> Option<u32> {
        Some(match self {
            Problem::TableNotFound { .. } => 10001,
            Problem::ColumnNotFound { .. } => 10004,
            Problem::AmbiguousColumn(_) => 10007,
            Problem::AmbiguousAlias(_) => 10008,
            Problem::AliasNotFound(_) => 10009,
            Problem::FunctionNotFound { .. } => 10011,
            Problem::Operands { .. } | Problem::Function(_) => 10014,
            Problem::DistinctsInSkew => 10022,
            Problem::NotInGroupBy(_) => 10025,
            Problem::BadNumber(_) => 10029,
            Problem::InsertColumns { .. } => 10044,
            Problem::TableFunctionAmongOthers => 10075,
            Problem::TableFunctionWith("GROUP BY") => 10077,
            Problem::TableFunctionWith("SORT BY") => 10078,
            Problem::TableFunctionWith("CLUSTER BY") => 10079,
            Problem::TableFunctionWith(_) => 10080,
            Problem::TableFunctionNotAllowed(_) => 10081,
            Problem::TableFunctionBesideView => 10082,
            Problem::AliasCount { .. } => 10083,
            Problem::AggregateNotAllowed(_) => 10128,
            Problem::GroupingSetsByReducers => 10209,
            Problem::SubqueryNotAllowed => 10249,
            Problem::UpdatesKey => 10292,
            Problem::UpdatesBucket(_) => 10302,
            Problem::Constraint(_) => 10326,
            Problem::NoTargetColumn { .. } => 10408,
            Problem::NotGrouped => 10409,
            _ => return None,
        })
    }
}

impl<P: Into<Problem>> From<P> for PlanError {
    fn from(problem: P) -> PlanError {
        PlanError { span: None, problem: problem.into() }
    }
}

impl PlanError {
    /// Points at the text, unless something inside pointed closer already.
    pub fn or_at(mut self, span: Span) -> PlanError {
        self.span.get_or_insert(span);
        self
    }
}
