//! Databases, and the files that are to be removed.

use super::{
    Catalog, CatalogError, Change, Database, Removal, Versioned,
    record::{DATABASES, REMOVALS, database_key, functions_of, removal_key, tables_of},
};

impl Catalog {
    pub async fn find_database(&self, name: &str) -> Result<Option<Versioned<Database>>, CatalogError> {
        self.read(&database_key(name)).await
    }

    pub async fn database(&self, name: &str) -> Result<Versioned<Database>, CatalogError> {
        self.find_database(name).await?.ok_or_else(|| CatalogError::NoDatabase(name.to_lowercase()))
    }

    /// In order of their names.
    pub async fn databases(&self) -> Result<Vec<Database>, CatalogError> {
        let found = self.read_all::<Database>(DATABASES).await?;
        Ok(found.into_iter().map(|(_, database)| database.record).collect())
    }

    pub async fn create_database(&self, database: &Database) -> Result<(), CatalogError> {
        let key = database_key(&database.name);
        let mut change = Change::default();
        change.expect(key.clone(), None);
        change.put(&key, database)?;
        match self.commit(change).await {
            Err(CatalogError::Conflict { .. }) => Err(CatalogError::DatabaseExists(database.name.clone())),
            done => done,
        }
    }

    pub async fn alter_database(
        &self,
        old: &Versioned<Database>,
        new: &Database,
    ) -> Result<(), CatalogError> {
        let key = database_key(&old.record.name);
        let mut change = Change::default();
        change.expect(key.clone(), Some(old.version));
        change.put(&key, new)?;
        self.commit(change).await
    }

    /// Refuses a database that holds anything.
    pub async fn drop_database(&self, database: &Versioned<Database>) -> Result<(), CatalogError> {
        let name = &database.record.name;
        for (prefix, what) in [(tables_of(name), "tables"), (functions_of(name), "functions")] {
            if self.any(&prefix).await? {
                return Err(CatalogError::DatabaseNotEmpty { database: name.clone(), what });
            }
        }
        let mut change = Change::default();
        change.expect(database_key(name), Some(database.version));
        change.remove(database_key(name));
        self.commit(change).await
    }

    /// Writes down that files at `location` will be nobody's unless a later transaction ends the removal.
    pub async fn begin_removal(&self, location: &str) -> Result<(u64, u64), CatalogError> {
        let number = self.next_number().await?;
        let mut change = Change::default();
        change.add_removal(number, location)?;
        self.commit(change).await?;
        let written = self.read::<Removal>(&removal_key(number)).await?;
        let written = written.ok_or_else(|| CatalogError::Conflict { what: removal_key(number) })?;
        Ok((number, written.version))
    }

    /// Removals that were begun and not ended: number, version, what to remove.
    pub async fn removals(&self) -> Result<Vec<(u64, u64, Removal)>, CatalogError> {
        let found = self.read_all::<Removal>(REMOVALS).await?;
        let numbered = found.into_iter().filter_map(|(key, removal)| {
            let number = u64::from_str_radix(key.strip_prefix(REMOVALS)?, 16).ok()?;
            Some((number, removal.version, removal.record))
        });
        Ok(numbered.collect())
    }
}
