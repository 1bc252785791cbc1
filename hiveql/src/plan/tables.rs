//! What a statement's names stand for outside of it: the planner asks, the session has looked it up beforehand.

use crate::{
    functions::math::BucketingVersion,
    functions::program::Program,
    syntax::ast::{Expr, Name, ObjectName, Query},
    types::HiveType,
};
use datafusion::logical_expr::TableSource;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Database and name, both lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    pub database: String,
    pub name: String,
}

impl TableName {
    /// `name` as written, in the database that is current where nothing else is said.
    pub fn of(name: &ObjectName, current: &str) -> TableName {
        let part = |back: usize| name.parts.iter().rev().nth(back).map(Name::folded);
        TableName {
            database: part(1).unwrap_or_else(|| current.to_owned()),
            name: part(0).unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.database, self.name)
    }
}

/// Rows that can be scanned. The source's columns are `columns`, then `hidden`, in order and under these names.
#[derive(Clone)]
pub struct BoundTable {
    pub source: Arc<dyn TableSource>,
    /// Partition columns last.
    pub columns: Vec<(String, HiveType)>,
    pub partition_columns: usize,
    /// INPUT__FILE__NAME and its like: read only when named.
    pub hidden: Vec<(String, HiveType)>,
    /// What `TABLESAMPLE (BUCKET x OUT OF y)` hashes when nothing is said.
    pub bucket_columns: Vec<String>,
    /// How it hashes.
    pub bucketing: BucketingVersion,
}

/// A query under a name.
#[derive(Debug, Clone)]
pub struct BoundView {
    pub query: Arc<Query>,
    /// The names and types that it was made with; what the query yields now is cast to them.
    pub columns: Vec<(String, HiveType)>,
    /// Where its unqualified names are looked up.
    pub database: String,
}

#[derive(Clone)]
pub enum Bound {
    Table(BoundTable),
    View(BoundView),
}

#[derive(Debug, Clone)]
pub struct Macro {
    pub parameters: Vec<(String, HiveType)>,
    pub body: Expr,
}

/// All that a statement's names stand for.
#[derive(Clone, Default)]
pub struct Tables {
    pub bound: HashMap<TableName, Bound>,
    pub macros: HashMap<String, Macro>,
    /// Tables of databases where one was looked for in vain: one of them may be meant.
    pub others: BTreeSet<String>,
    /// Functions that are programs: those of the session by their names, others as `database.name`.
    pub programs: HashMap<String, Program>,
}
