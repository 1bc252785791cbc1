//! A session's view of the catalog: its temporary tables, functions and macros lie over what all sessions share.

use super::{Catalog, CatalogError, Function, MemoryStore, Table, Versioned};
use crate::{syntax::ast::Expr, types::HiveType};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// `CREATE TEMPORARY MACRO`: it lives as long as its session, so it is kept parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Macro {
    pub name: String,
    pub parameters: Vec<(String, HiveType)>,
    pub body: Expr,
}

#[derive(Debug)]
pub struct SessionCatalog {
    pub shared: Catalog,
    /// Holds the temporary tables and their partitions, in the layout of the shared one.
    pub temporary: Catalog,
    own: Mutex<Own>,
}

#[derive(Debug, Default)]
struct Own {
    macros: BTreeMap<String, Macro>,
    functions: BTreeMap<String, Function>,
}

impl SessionCatalog {
    pub fn new(shared: Catalog) -> SessionCatalog {
        let temporary = Catalog::new(Arc::new(MemoryStore::default()));
        SessionCatalog { shared, temporary, own: Mutex::default() }
    }

    /// Where a table lives that was found or is to be made.
    pub fn home(&self, temporary: bool) -> &Catalog {
        if temporary { &self.temporary } else { &self.shared }
    }

    /// A temporary table hides one of the same name.
    pub async fn find_table(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<Versioned<Table>>, CatalogError> {
        match self.temporary.find_table(database, name).await? {
            Some(table) => Ok(Some(table)),
            None => self.shared.find_table(database, name).await,
        }
    }

    pub async fn create_table(&self, table: Table) -> Result<Table, CatalogError> {
        if !table.temporary {
            return self.shared.create_table(table).await;
        }
        self.shared.database(&table.database).await?;
        self.temporary.create_table(table).await
    }

    /// In order of their names, each name once.
    pub async fn tables(&self, database: &str) -> Result<Vec<Table>, CatalogError> {
        let shared = self.shared.tables(database).await?.into_iter();
        let temporary = self.temporary.tables(database).await?.into_iter();
        let by_name: BTreeMap<String, Table> =
            shared.chain(temporary).map(|table| (table.record.name.clone(), table.record)).collect();
        Ok(by_name.into_values().collect())
    }

    pub fn create_macro(&self, made: Macro) {
        self.own().macros.insert(made.name.clone(), made);
    }

    pub fn find_macro(&self, name: &str) -> Option<Macro> {
        self.own().macros.get(&name.to_lowercase()).cloned()
    }

    /// All of this session's.
    pub fn macros(&self) -> Vec<Macro> {
        self.own().macros.values().cloned().collect()
    }

    /// Whether there was one.
    pub fn drop_macro(&self, name: &str) -> bool {
        self.own().macros.remove(&name.to_lowercase()).is_some()
    }

    /// A temporary function replaces one of its name, as in Hive.
    pub fn create_temporary_function(&self, function: Function) {
        self.own().functions.insert(function.name.clone(), function);
    }

    /// All of this session's.
    pub fn temporary_functions(&self) -> Vec<Function> {
        self.own().functions.values().cloned().collect()
    }

    pub fn find_temporary_function(&self, name: &str) -> Option<Function> {
        self.own().functions.get(&name.to_lowercase()).cloned()
    }

    pub fn drop_temporary_function(&self, name: &str) -> bool {
        self.own().functions.remove(&name.to_lowercase()).is_some()
    }

    /// The names of macros and temporary functions, in order.
    pub fn own_function_names(&self) -> Vec<String> {
        let own = self.own();
        own.macros.keys().chain(own.functions.keys()).cloned().collect()
    }

    /// Each change is one insertion or removal, so a poisoned lock guards whole maps.
    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
