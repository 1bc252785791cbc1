//! What a statement may use: catalog, stores, settings, and the names that it resolves against them.

use super::{DdlError, Problem};
use crate::{
    catalog::{Catalog, SessionCatalog, Table, Versioned},
    functions::SessionFacts,
    syntax::ast::ObjectName,
};
use object_store::{ObjectStore, path::Path};
use std::sync::Arc;

/// Finds the store that a location is in, and the path within it.
pub trait Stores: Send + Sync {
    fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, Path), DdlError>;

    /// A path of a statement that has neither a scheme nor a slash in front, as a location.
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Makes a directory, and those around it, where a store has some without files.
    fn make_directory(&self, _location: &str) -> Result<(), DdlError> {
        Ok(())
    }

    /// Whether it is a directory, if only an empty one.
    fn is_directory(&self, _location: &str) -> bool {
        false
    }

    /// Removes a directory and those in it, once no file is in them.
    fn remove_directory(&self, _location: &str) -> Result<(), DdlError> {
        Ok(())
    }

    /// Deletes what a killed process left below a location of files that it had not finished, where a store leaves such
    /// things and does not list them. `is_meant` is asked with the name that a file would have got.
    fn delete_unfinished(&self, _location: &str, _is_meant: &dyn Fn(&str) -> bool) -> Result<(), DdlError> {
        Ok(())
    }
}

/// Answers a setting by its name; `None` where it was not set.
pub type Settings<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

pub struct DdlContext<'a> {
    pub catalog: &'a SessionCatalog,
    pub stores: &'a dyn Stores,
    pub settings: Settings<'a>,
    /// Its database is the current one.
    pub facts: &'a SessionFacts,
    /// Where managed tables lie that have no database with another place: a location without a slash at its end.
    pub warehouse: &'a str,
}

impl DdlContext<'_> {
    pub fn now_seconds(&self) -> i64 {
        self.facts.now.timestamp()
    }

    /// Database and table, folded.
    pub fn resolve(&self, name: &ObjectName) -> Result<(String, String), DdlError> {
        match name.parts.as_slice() {
            [table] => Ok((self.facts.database.to_lowercase(), table.folded())),
            [database, table] => Ok((database.folded(), table.folded())),
            _ => {
                let words: Vec<&str> = name.parts.iter().map(|part| part.text.as_str()).collect();
                let problem = Problem::BadName(words.join("."));
                Err(DdlError::Semantic { problem, span: Some(name.span) })
            }
        }
    }

    pub async fn find_table(&self, name: &ObjectName) -> Result<Option<Versioned<Table>>, DdlError> {
        let (database, table) = self.resolve(name)?;
        Ok(self.catalog.find_table(&database, &table).await?)
    }

    pub async fn table(&self, name: &ObjectName) -> Result<Versioned<Table>, DdlError> {
        let (database, table) = self.resolve(name)?;
        if let Some(found) = self.catalog.find_table(&database, &table).await? {
            return Ok(found);
        }
        self.catalog.shared.database(&database).await?;
        let words: Vec<&str> = name.parts.iter().map(|part| part.text.as_str()).collect();
        Err(DdlError::Semantic { problem: Problem::NoTable(words.join(".")), span: Some(name.span) })
    }

    /// The catalog that holds this table.
    pub fn home(&self, table: &Table) -> &Catalog {
        self.catalog.home(table.temporary)
    }

    pub fn setting_is(&self, name: &str, value: &str) -> bool {
        (self.settings)(name).is_some_and(|set| set.eq_ignore_ascii_case(value))
    }
}
