//! What can be wrong with a statement that changes or shows the catalog, with Hive's numbers and words.

use crate::{catalog::CatalogError, syntax::ast::Span};

#[derive(Debug, thiserror::Error)]
pub enum DdlError {
    #[error("{}", numbered(.0))]
    Catalog(#[from] CatalogError),
    #[error("SemanticException{} {}", .problem.number(), .problem)]
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
        format!("SemanticException{} Line {line}:{column} {problem}", problem.number())
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
    #[error("Bucket number should be bigger than zero")]
    BadBuckets,
    #[error("Invalid table name {0}")]
    BadName(String),
    #[error("Partition spec {{{given}}} contains non-partition columns")]
    NotPartitionColumns { given: String },
    #[error("Table {0} is not a partitioned table")]
    NotPartitioned(String),
    #[error("To alter a view you need to use the ALTER VIEW command: {0}")]
    IsView(String),
    #[error("Cannot use this form of ALTER on a view: {0}")]
    NotOfViews(String),
    #[error("Cannot drop a view with DROP TABLE: {0}")]
    DropsView(String),
    #[error("Cannot drop a base table with DROP VIEW: {0}")]
    DropsTable(String),
    #[error("To alter a base table you need to use the ALTER TABLE command: {0}")]
    IsTable(String),
    #[error("Need to specify partition columns because the destination table is partitioned: {0}")]
    NeedsPartition(String),
    #[error("Cannot truncate non-managed table {0}")]
    TruncatesExternal(String),
    #[error("Unrecognized file format in STORED AS clause: '{0}'")]
    BadFormat(String),
    #[error(
        "The number of columns produced by the SELECT clause does not match the number of column names specified by CREATE VIEW: {0}"
    )]
    ViewColumns(String),
    #[error("At least one non-partitioning column must be present in view")]
    ViewOfKeysAlone,
    #[error("Rightmost columns in view output do not match PARTITIONED ON clause")]
    ViewKeys,
    #[error(
        "Cannot replace a view with CREATE VIEW or REPLACE VIEW or ALTER VIEW AS SELECT if the view has partitions: {0}"
    )]
    ViewHasPartitions(String),
    #[error("Existing table is not a view: {0}")]
    NotAView(String),
    #[error("Cannot ALTER VIEW AS SELECT if view currently does not exist: {0}")]
    NoViewToAlter(String),
    #[error("ANALYZE is not supported for views: {0}")]
    AnalyzesView(String),
    #[error("LINES TERMINATED BY only supports newline '\\n' right now")]
    BadLineEnd,
    #[error("Input format must implement InputFormat: {0}")]
    BadInputFormat(String),
    #[error(
        "Output Format must implement HiveOutputFormat, otherwise it should be either IgnoreKeyTextOutputFormat or SequenceFileOutputFormat: {0}"
    )]
    BadOutputFormat(String),
    #[error("Partition value contains a reserved substring: {0}")]
    ReservedValue(String),
    #[error(
        "Partition values specified are not continuous. A subpartition value is specified without specifying the parent partition's value: {0}"
    )]
    NotContinuous(String),
    #[error("Tables have incompatible schemas and their partitions  cannot be exchanged.")]
    IncompatibleTables,
    #[error("Invalid Constraint syntax {0}")]
    BadConstraint(String),
    #[error("Invalid Foreign Key syntax {0}")]
    BadForeignKey(String),
    #[error("Duplicate skewed column name: {0}")]
    SkewedTwice(String),
    #[error("Invalid skewed column name: {0}")]
    NoSkewedColumn(String),
    #[error(
        "The number of skewed column names and the number of skewed column values are different: {columns} and {values}"
    )]
    SkewedValues { columns: usize, values: usize },
    #[error("{0} is a skewed column. It's not allowed to rename skewed column or change skewed column type.")]
    ChangesSkewed(String),
    #[error("Alter table with non-partitioned table does not support cascade")]
    CascadeWithoutPartitions,
    #[error("Cannot drop native function {0}")]
    DropsNative(String),
    #[error("Table or database name may not contain dot(.) character: {0}")]
    Dotted(String),
    #[error("Inserting into a non-empty immutable table is not allowed: {0}")]
    Immutable(String),
    #[error("Dynamic partitions do not support IF NOT EXISTS. Specified partitions with value : {0}")]
    DynamicIfNotExists(String),
    #[error("{0}  is not absolute.  Please specify a complete absolute uri.")]
    RelativeLocation(String),
    #[error("ALTER TABLE cannot be used for this to a non-native table {0}")]
    AltersForeign(String),
    #[error("A stored-as-directories table cannot be used as target for LOAD: {0}")]
    LoadsDirectories(String),
    #[error("CREATE-TABLE-AS-SELECT cannot create external table")]
    ExternalAsQuery,
    #[error("The same output cannot be present multiple times: {0}")]
    OutputTwice(String),
    #[error(
        "The file that you are trying to load does not match the file format of the destination table: {0}"
    )]
    WrongFileFormat(String),
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
    #[error("Only RCFileFormat supports column truncation.")]
    TruncatesColumns,
    #[error("A column on which a partition/table is bucketed cannot be truncated.")]
    TruncatesBuckets,
    #[error("A column on which a partition/table is list bucketed cannot be truncated.")]
    TruncatesSkewed,
    #[error("ANALYZE TABLE NOSCAN cannot be used for a non-native table: {0}")]
    AnalyzesForeign(String),
    #[error("Replace columns is not supported for table {0}. SerDe may be incompatible.")]
    ReplacesColumns(String),
    #[error("Replacing columns cannot drop columns for table {0}. SerDe may be incompatible")]
    DropsColumns(String),
    #[error("Reordering columns is not supported for table {0}. SerDe may be incompatible")]
    OrdersColumns(String),
    #[error("Changing SerDe (from OrcSerde) is not supported for table {0}. File format may be incompatible")]
    ChangesSerde(String),
    #[error("Changing file format (from ORC) is not supported for table {0}")]
    ChangesFormat(String),
    #[error("CREATE-TABLE-AS-SELECT cannot create table with location to a non-empty directory: {0}")]
    FullLocation(String),
    #[error("CREATE TABLE AS SELECT command cannot specify the list of columns for the target table")]
    ColumnsOfQuery,
    #[error("Either list of columns or a custom serializer should be specified")]
    NoColumns,
    #[error("Concatenate/Merge can not be performed on bucketed tables: {0}")]
    ConcatenatesBuckets(String),
    #[error("Concatenate/Merge can not be performed on non-native tables: {0}")]
    ConcatenatesForeign(String),
    #[error("Concatenate/Merge can only be performed on managed tables: {0}")]
    ConcatenatesExternal(String),
    #[error("Invalid path {0}")]
    BadPath(String),
    #[error("Partition already exists {0}")]
    PartitionThere(String),
    #[error("Table exists and contains data files {0}")]
    HasData(String),
    #[error("The existing table is not compatible with the Export/Import spec. {0}")]
    Incompatible(&'static str),
    #[error("Attempt to do update or delete on table {0} that is not transactional")]
    NotTransactional(String),
    #[error("Attempt to do update or delete on table {0} that is insert-only transactional")]
    InsertOnly(String),
    #[error(
        "MERGE statement with both UPDATE and DELETE requires \"AND <boolean>\" on the 1st WHEN MATCHED clause of <{0}>"
    )]
    MergeNeedsPredicate(String),
    #[error("MERGE statement can have at most 1 WHEN MATCHED ... DELETE clause: <{0}>")]
    MergeDeletes(String),
    #[error("MERGE statement can have at most 1 WHEN MATCHED ... UPDATE clause: <{0}>")]
    MergeUpdates(String),
}

impl Problem {
    /// Hive's number, as messages begin with it; some have none.
    fn number(&self) -> String {
        self.code().map_or_else(String::new, |code| format!(" [Error {code}]:"))
    }

    pub fn code(&self) -> Option<u16> {
        Some(match self {
            Problem::NoTable(_) => 10001,
            Problem::NoColumn(_) | Problem::NoPartitionColumn(_) => 10002,
            Problem::NoPartition(_) => 10006,
            Problem::NoFunction(_) => 10011,
            Problem::BadPath(_) => 10027,
            Problem::ColumnRepeatedInPartitioning => 10035,
            Problem::DuplicateColumn(_) => 10036,
            Problem::BadBuckets => 10037,
            Problem::BadInputFormat(_) => 10054,
            Problem::BadOutputFormat(_) => 10055,
            Problem::NoColumns => 10043,
            Problem::NeedsPartition(_) => 10062,
            Problem::BadLineEnd => 10064,
            Problem::ColumnsOfQuery => 10065,
            Problem::ExternalAsQuery => 10070,
            Problem::OutputTwice(_) => 10087,
            Problem::ViewColumns(_) => 10089,
            Problem::AnalyzesView(_) => 10091,
            Problem::ViewOfKeysAlone => 10092,
            Problem::ViewKeys => 10093,
            Problem::DynamicBeforeStatic => 10094,
            Problem::DynamicDisabled => 10095,
            Problem::DynamicStrict => 10096,
            Problem::NotPartitionColumns { .. } => 10098,
            Problem::ReservedValue(_) => 10111,
            Problem::PartitionThere(_) => 10118,
            Problem::HasData(_) => 10119,
            Problem::Incompatible(_) => 10120,
            Problem::DynamicIfNotExists(_) => 10127,
            Problem::IsView(_) => 10131,
            Problem::IsTable(_) => 10132,
            Problem::NotOfViews(_) => 10133,
            Problem::AltersForeign(_) => 10134,
            Problem::TruncatesExternal(_) => 10146,
            Problem::LoadsDirectories(_) => 10195,
            Problem::SkewedTwice(_) => 10202,
            Problem::NoSkewedColumn(_) => 10203,
            Problem::SkewedValues { .. } => 10206,
            Problem::ChangesSkewed(_) => 10207,
            Problem::NoProperty(_) => 10215,
            Problem::NoViewToAlter(_) => 10216,
            Problem::ViewHasPartitions(_) => 10217,
            Problem::NotAView(_) => 10218,
            Problem::AnalyzesForeign(_) => 10228,
            Problem::NotContinuous(_) => 10234,
            Problem::IncompatibleTables => 10235,
            Problem::TruncatesColumns => 10237,
            Problem::TruncatesBuckets => 10239,
            Problem::TruncatesSkewed => 10240,
            Problem::NotPartitioned(_) => 10241,
            Problem::ReplacesColumns(_) => 10243,
            Problem::RelativeLocation(_) => 10244,
            Problem::BadPartitionValue { .. } => 10248,
            Problem::BadName(_) => 10255,
            Problem::Immutable(_) => 10256,
            Problem::NotTransactional(_) => 10297,
            Problem::DropsNative(_) => 10301,
            Problem::FullLocation(_) => 10304,
            Problem::VoidColumn(_) => 10305,
            Problem::ChangesSerde(_) => 10309,
            Problem::ChangesFormat(_) => 10310,
            Problem::OrdersColumns(_) => 10311,
            Problem::DropsColumns(_) => 10313,
            Problem::BadForeignKey(_) => 10325,
            Problem::BadConstraint(_) => 10326,
            Problem::MergeNeedsPredicate(_) => 10404,
            Problem::MergeDeletes(_) => 10405,
            Problem::MergeUpdates(_) => 10406,
            Problem::CascadeWithoutPartitions => 10410,
            Problem::InsertOnly(_) => 10414,
            Problem::Dotted(_) => 10420,
            Problem::WrongFileFormat(_) => 30019,
            Problem::ConcatenatesBuckets(_) => 30031,
            Problem::ConcatenatesForeign(_) => 30033,
            Problem::ConcatenatesExternal(_) => 30034,
            Problem::BadFormat(_) | Problem::DropsView(_) | Problem::DropsTable(_) => return None,
        })
    }
}
