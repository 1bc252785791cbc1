//! Tables and views.

use super::{
    Catalog, CatalogError, Change, PAGE, Table, TableId, Versioned,
    record::{database_key, partitions_of, table_key, tables_of},
    store::Transaction,
};

impl Catalog {
    pub async fn find_table(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<Versioned<Table>>, CatalogError> {
        self.read(&table_key(database, name)).await
    }

    /// In order of their names.
    pub async fn tables(&self, database: &str) -> Result<Vec<Versioned<Table>>, CatalogError> {
        let found = self.read_all(&tables_of(database)).await?;
        Ok(found.into_iter().map(|(_, table)| table).collect())
    }

    /// Gives the table its id.
    pub async fn create_table(&self, mut table: Table) -> Result<Table, CatalogError> {
        table.id = TableId(self.next_number().await?);
        loop {
            let mut change = Change::default();
            self.add_table(&mut change, &table).await?;
            match self.commit_created(change, &table).await {
                Err(error) if error.is_conflict() => continue,
                done => return done.map(|()| table),
            }
        }
    }

    /// Creates the table, which has its id, in this change. The database must be there, and stay while this happens: its
    /// record is written again, which makes a DROP DATABASE that saw no table conflict. Two that create at once both get
    /// their turn. A session's own tables are in no database of their catalog.
    pub async fn add_table(&self, change: &mut Change, table: &Table) -> Result<(), CatalogError> {
        if !table.temporary {
            let key = database_key(&table.database);
            let database = self.database(&table.database).await?;
            change.expect(key.clone(), Some(database.version));
            change.put(&key, &database.record)?;
        }
        change.expect(table_key(&table.database, &table.name), None);
        change.put_table(table)
    }

    /// Commits a change that creates the table: another one of its name is an error of its own.
    pub async fn commit_created(&self, change: Change, table: &Table) -> Result<(), CatalogError> {
        let result = self.commit(change).await;
        if matches!(&result, Err(CatalogError::Conflict { .. }))
            && self.find_table(&table.database, &table.name).await?.is_some()
        {
            return Err(CatalogError::TableExists(table.full_name()));
        }
        result
    }

    /// One transaction: `new` takes the place of `old`, also under another name.
    pub async fn alter_table(&self, old: &Versioned<Table>, new: &Table) -> Result<(), CatalogError> {
        let mut change = Change::default();
        change.replace_table(old, new)?;
        self.commit(change).await
    }

    /// Removes the partitions of a table that is gone. They are invisible already, so this may happen in pieces, and a
    /// piece that is left by a kill costs space only: ids are not given again.
    pub async fn remove_partitions_of(&self, table: TableId) -> Result<(), CatalogError> {
        loop {
            let page = self.store.scan(&partitions_of(table), None, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let remove = page.into_iter().map(|(key, ..)| key).collect();
            self.store.commit(Transaction { remove, ..Transaction::default() }).await?;
        }
    }
}
