//! What the catalog holds: databases, tables, partitions, functions. Plain data, as it is stored.
//!
//! Every record is stored as JSON with a version (see [`super::record`]). Names are folded to lower case on the way in.

use super::{Contents, FileStamp, WriteNumber};
use crate::types::HiveType;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Ordered by key, which is also the order in which Hive prints them.
pub type PropertyMap = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub name: String,
    pub comment: Option<String>,
    pub location: String,
    pub managed_location: Option<String>,
    pub owner: String,
    /// USER, ROLE or GROUP.
    pub owner_kind: String,
    pub properties: PropertyMap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    Managed,
    External,
    View,
    MaterializedView,
}

impl TableKind {
    /// As DESCRIBE FORMATTED prints it.
    pub fn words(self) -> &'static str {
        match self {
            TableKind::Managed => "MANAGED_TABLE",
            TableKind::External => "EXTERNAL_TABLE",
            TableKind::View => "VIRTUAL_VIEW",
            TableKind::MaterializedView => "MATERIALIZED_VIEW",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub ty: HiveType,
    pub comment: Option<String>,
}

impl Column {
    pub fn new(name: impl Into<String>, ty: HiveType) -> Column {
        Column { name: name.into().to_lowercase(), ty, comment: None }
    }
}

/// A number that no two tables ever share, also over drops and renames: partitions are stored under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub id: TableId,
    pub database: String,
    pub name: String,
    pub kind: TableKind,
    pub temporary: bool,
    pub columns: Vec<Column>,
    pub partition_keys: Vec<Column>,
    pub storage: StorageDescriptor,
    /// The comment is among them, under `comment`, as in Hive.
    pub properties: PropertyMap,
    pub owner: String,
    pub owner_kind: String,
    pub created_seconds: i64,
    pub last_access_seconds: i64,
    pub retention: i64,
    pub view: Option<ViewText>,
    pub constraints: Vec<Constraint>,
    pub statistics: BTreeMap<String, ColumnStatistics>,
    /// Which files are seen, of a table without partitions; absent: no write has touched it, and all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

impl Table {
    pub fn is_view(&self) -> bool {
        self.kind == TableKind::View
    }

    pub fn is_partitioned(&self) -> bool {
        !self.partition_keys.is_empty()
    }

    /// Its files go when it goes: a managed table, or an external one that says so.
    pub fn owns_files(&self) -> bool {
        let purged =
            |key: &str| self.properties.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        match self.kind {
            TableKind::Managed | TableKind::MaterializedView => true,
            TableKind::External => purged("external.table.purge"),
            TableKind::View => false,
        }
    }

    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// Columns and partition keys, as a query sees them.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().chain(&self.partition_keys)
    }

    pub fn key_names(&self) -> Vec<&str> {
        self.partition_keys.iter().map(|key| key.name.as_str()).collect()
    }

    /// Where a partition's files lie.
    pub fn partition_location(&self, partition: &Partition) -> String {
        match &partition.location {
            Some(location) => location.clone(),
            None => {
                format!("{}/{}", self.storage.location.trim_end_matches('/'), self.partition_name(partition))
            }
        }
    }

    pub fn partition_name(&self, partition: &Partition) -> String {
        super::partition_name(&self.key_names(), &partition.values)
    }
}

/// How files are read and written. Empty class names are those of a view.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StorageDescriptor {
    pub location: String,
    pub input_format: String,
    pub output_format: String,
    pub serde: String,
    pub serde_properties: PropertyMap,
    /// `STORED BY`
    pub handler: Option<String>,
    pub bucket_columns: Vec<String>,
    /// 0: not bucketed. Hive prints -1 for it.
    pub buckets: u32,
    pub sort_columns: Vec<SortColumn>,
    pub skew: Option<SkewedBy>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortColumn {
    pub name: String,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SkewedBy {
    pub columns: Vec<String>,
    pub values: Vec<Vec<String>>,
    pub directories: bool,
    /// Where the rows of one list of values lie.
    pub locations: Vec<(Vec<String>, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewText {
    pub original: String,
    pub expanded: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub kind: ConstraintKind,
    pub enable: bool,
    pub validate: bool,
    pub rely: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConstraintKind {
    NotNull {
        column: String,
    },
    /// The value's text, as written.
    Default {
        column: String,
        text: String,
    },
    /// `column` is empty for a check of the table.
    Check {
        column: Option<String>,
        text: String,
    },
    PrimaryKey {
        columns: Vec<String>,
    },
    Unique {
        columns: Vec<String>,
    },
    ForeignKey {
        columns: Vec<String>,
        database: String,
        table: String,
        referenced: Vec<String>,
    },
}

/// One partition. What it does not say itself is its table's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// One for each key; `__HIVE_DEFAULT_PARTITION__` for NULL and the empty string.
    pub values: Vec<String>,
    /// `None`: below the table's location, under the partition's name; a table that moves takes such partitions along.
    pub location: Option<String>,
    /// The table's columns when the partition was made or last altered.
    pub columns: Vec<Column>,
    /// Its own formats and buckets; the location in it is not used.
    pub storage: Option<StorageDescriptor>,
    pub properties: PropertyMap,
    pub created_seconds: i64,
    pub last_access_seconds: i64,
    pub statistics: BTreeMap<String, ColumnStatistics>,
    /// As the table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// What ANALYZE ... FOR COLUMNS learned of a column. Values are texts, as DESCRIBE FORMATTED prints them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnStatistics {
    pub minimum: Option<String>,
    pub maximum: Option<String>,
    pub nulls: Option<u64>,
    pub distinct: Option<u64>,
    /// The mean, as text: the model has to be comparable.
    pub average_length: Option<String>,
    pub longest: Option<u64>,
    pub trues: Option<u64>,
    pub falses: Option<u64>,
}

/// A function that is more than this session's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub database: String,
    pub name: String,
    pub class: String,
    pub owner: String,
    pub created_seconds: i64,
    /// JAR, FILE or ARCHIVE, and where it lies.
    pub resources: Vec<(String, String)>,
}

/// Files that nothing refers to any more, or not yet: whoever needs the place removes them first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub location: String,
    /// Only these; absent: all that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
    /// Not before this time: statements that began earlier may still read them. 0: at once.
    #[serde(default)]
    pub due_seconds: i64,
}

/// Files that an overwrite has made nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Replaced {
    /// All files of these, also of attempts that never counted.
    pub writes: BTreeSet<WriteNumber>,
    /// By their names below the location.
    pub files: BTreeMap<String, FileStamp>,
}

/// A write under way. It ends in the transaction that makes its files seen, or once they are removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWrite {
    pub number: WriteNumber,
    /// What it writes to, for whoever is told of it.
    pub target: String,
    pub user: String,
    /// The session that runs it: its end is the write's end.
    pub session: String,
    pub started_seconds: i64,
    /// Its files lie below these.
    pub locations: Vec<String>,
    /// Nobody may publish it any more.
    #[serde(default)]
    pub abandoned: bool,
}
