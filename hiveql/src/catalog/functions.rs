//! Functions that outlive a session.

use super::{
    Catalog, CatalogError, Change, Function, Versioned,
    record::{FUNCTIONS, function_key, functions_of},
};

impl Catalog {
    pub async fn find_function(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<Versioned<Function>>, CatalogError> {
        self.read(&function_key(database, name)).await
    }

    /// In order of their names.
    pub async fn functions(&self, database: &str) -> Result<Vec<Function>, CatalogError> {
        let found = self.read_all::<Function>(&functions_of(database)).await?;
        Ok(found.into_iter().map(|(_, function)| function.record).collect())
    }

    /// Of all databases.
    pub async fn all_functions(&self) -> Result<Vec<Function>, CatalogError> {
        let found = self.read_all::<Function>(FUNCTIONS).await?;
        Ok(found.into_iter().map(|(_, function)| function.record).collect())
    }

    pub async fn create_function(&self, function: &Function) -> Result<(), CatalogError> {
        let key = function_key(&function.database, &function.name);
        let mut change = Change::default();
        change.expect(key.clone(), None);
        change.put(&key, function)?;
        match self.commit(change).await {
            Err(CatalogError::Conflict { .. }) => Err(CatalogError::FunctionExists(function.name.clone())),
            done => done,
        }
    }

    pub async fn drop_function(&self, function: &Versioned<Function>) -> Result<(), CatalogError> {
        let key = function_key(&function.record.database, &function.record.name);
        let mut change = Change::default();
        change.expect(key.clone(), Some(function.version));
        change.remove(key);
        self.commit(change).await
    }
}
