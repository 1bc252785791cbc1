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

    /// Gives the table its id. The database must be there, and stay while this happens: its record is written again,
    /// which makes a DROP DATABASE that saw no table conflict. Two that create at once both get their turn.
    pub async fn create_table(&self, mut table: Table) -> Result<Table, CatalogError> {
        table.id = TableId(self.next_number().await?);
        let database_key = database_key(&table.database);
        loop {
            let database = self.database(&table.database).await?;
            let mut change = Change::default();
            change.expect(database_key.clone(), Some(database.version));
            change.put(&database_key, &database.record)?;
            match self.commit_created(change, &table).await {
                Err(error) if error.is_conflict() => continue,
                done => return done.map(|()| table),
            }
        }
    }

    /// For a session's own tables, whose databases are not in this catalog.
    pub(super) async fn create_detached_table(&self, mut table: Table) -> Result<Table, CatalogError> {
        table.id = TableId(self.next_number().await?);
        self.commit_created(Change::default(), &table).await?;
        Ok(table)
    }

    async fn commit_created(&self, mut change: Change, table: &Table) -> Result<(), CatalogError> {
        let key = table_key(&table.database, &table.name);
        change.expect(key, None);
        change.put_table(table)?;
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
