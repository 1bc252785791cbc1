//! What a name that is being typed may become, for an interactive shell.

use super::Session;
use crate::{
    catalog::{CatalogError, Table},
    functions::registry,
    nearest::nearest,
};
use std::collections::BTreeSet;

/// Words of the language that are long or frequent enough to be worth a key.
const WORDS: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyze",
    "and",
    "array",
    "as",
    "asc",
    "between",
    "bigint",
    "binary",
    "boolean",
    "bucket",
    "buckets",
    "by",
    "cascade",
    "case",
    "cast",
    "char",
    "cluster",
    "clustered",
    "column",
    "columns",
    "comment",
    "compute",
    "create",
    "cross",
    "cube",
    "current",
    "database",
    "databases",
    "date",
    "decimal",
    "delimited",
    "desc",
    "describe",
    "directory",
    "distinct",
    "distribute",
    "double",
    "drop",
    "else",
    "end",
    "escaped",
    "except",
    "exchange",
    "exists",
    "explain",
    "extended",
    "external",
    "false",
    "fields",
    "float",
    "following",
    "format",
    "formatted",
    "from",
    "full",
    "function",
    "functions",
    "group",
    "grouping",
    "having",
    "if",
    "in",
    "inner",
    "inpath",
    "insert",
    "int",
    "intersect",
    "interval",
    "into",
    "is",
    "items",
    "join",
    "keys",
    "lateral",
    "left",
    "like",
    "limit",
    "lines",
    "load",
    "local",
    "location",
    "macro",
    "map",
    "msck",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "orc",
    "order",
    "outer",
    "over",
    "overwrite",
    "parquet",
    "partition",
    "partitioned",
    "partitions",
    "preceding",
    "properties",
    "range",
    "recover",
    "rename",
    "repair",
    "replace",
    "reset",
    "restrict",
    "right",
    "rlike",
    "rollup",
    "row",
    "rows",
    "schemas",
    "select",
    "semi",
    "serde",
    "serdeproperties",
    "set",
    "sets",
    "show",
    "smallint",
    "sort",
    "sorted",
    "source",
    "statistics",
    "stored",
    "string",
    "struct",
    "table",
    "tables",
    "tablesample",
    "tblproperties",
    "temporary",
    "terminated",
    "textfile",
    "then",
    "timestamp",
    "tinyint",
    "transform",
    "true",
    "truncate",
    "unbounded",
    "union",
    "unset",
    "use",
    "using",
    "values",
    "varchar",
    "view",
    "views",
    "when",
    "where",
    "window",
    "with",
];

impl Session {
    /// All that a name that begins so may become: words of the language, functions, databases, and the tables and columns
    /// of the current database. With dots in it, tables of a database and columns of a table.
    pub async fn completions(&self, prefix: &str) -> Vec<String> {
        // What cannot be read is not offered.
        let names = match prefix.rsplit_once('.') {
            Some((owner, begun)) => self.members(owner, begun).await.unwrap_or_default(),
            None => self.names(prefix).await.unwrap_or_default(),
        };
        names.into_iter().collect()
    }

    async fn names(&self, prefix: &str) -> Result<BTreeSet<String>, CatalogError> {
        let begun = prefix.to_lowercase();
        let is_upper = prefix.chars().any(char::is_uppercase) && prefix.to_uppercase() == prefix;
        let words = WORDS
            .iter()
            .map(|word| (*word).to_owned())
            .chain(registry::names().into_iter().map(str::to_owned));
        let words = words.filter(|word| word.starts_with(&begun));
        // Whoever shouts words of the language goes on to do so.
        let mut names: BTreeSet<String> =
            words.map(|word| if is_upper { word.to_uppercase() } else { word }).collect();
        let fits = |name: &String| name.starts_with(&begun);
        let databases = self.catalog.shared.databases().await?;
        names.extend(databases.into_iter().map(|database| database.name).filter(fits));
        for table in self.catalog.tables(&self.database).await? {
            names.extend(columns(&table).filter(fits));
            names.extend(Some(table.name).filter(fits));
        }
        Ok(names)
    }

    async fn members(&self, owner: &str, begun: &str) -> Result<BTreeSet<String>, CatalogError> {
        let begun = begun.to_lowercase();
        let (database, table) = match owner.split_once('.') {
            Some((database, table)) => (database.to_lowercase(), table.to_lowercase()),
            None => (self.database.clone(), owner.to_lowercase()),
        };
        let mut found = BTreeSet::new();
        if let Some(table) = self.catalog.find_table(&database, &table).await? {
            found.extend(columns(&table.record));
        }
        if self.catalog.shared.find_database(owner).await?.is_some() {
            let tables = self.catalog.tables(&owner.to_lowercase()).await?;
            found.extend(tables.into_iter().map(|table| table.name));
        }
        let fitting = found.into_iter().filter(|name| name.starts_with(&begun));
        Ok(fitting.map(|name| format!("{owner}.{name}")).collect())
    }
}

/// The word of the language that may be meant.
pub(super) fn nearest_word(written: &str) -> Option<String> {
    let written = written.to_lowercase();
    nearest(&written, WORDS.iter().copied()).map(str::to_uppercase)
}

fn columns(table: &Table) -> impl Iterator<Item = String> {
    table.all_columns().map(|column| column.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_slip_is_near_to_the_right_one() {
        let near = |word| nearest_word(word);
        assert_eq!(near("selec").as_deref(), Some("SELECT"));
        assert_eq!(near("CREAT").as_deref(), Some("CREATE"));
        assert_eq!((near("qwertz"), near("a"), near("select")), (None, None, None));
    }
}
