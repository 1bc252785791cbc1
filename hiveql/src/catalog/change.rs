//! What one transaction of the catalog changes, built step by step.

use super::{
    CatalogError, Partition, PendingWrite, Removal, Table,
    record::{encode, partition_key, partitions_changed_key, removal_key, table_key, write_key},
    store::{Transaction, Version},
};
use serde::Serialize;

/// A record and the version that it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub version: Version,
    pub record: T,
}

#[derive(Debug, Default)]
pub struct Change {
    pub(super) transaction: Transaction,
}

impl Change {
    pub(super) fn expect(&mut self, key: impl Into<String>, version: Option<Version>) {
        self.transaction.expect.push((key.into(), version));
    }

    pub(super) fn put<T: Serialize>(&mut self, key: &str, record: &T) -> Result<(), CatalogError> {
        self.transaction.put.push((key.to_owned(), encode(key, record)?));
        Ok(())
    }

    pub(super) fn remove(&mut self, key: String) {
        self.transaction.remove.push(key);
    }

    /// The table is still what was read.
    pub fn expect_table(&mut self, table: &Versioned<Table>) {
        self.expect(table_key(&table.record.database, &table.record.name), Some(table.version));
    }

    /// Replaces a table that keeps its name.
    pub fn put_table(&mut self, table: &Table) -> Result<(), CatalogError> {
        self.put(&table_key(&table.database, &table.name), table)
    }

    /// `old` becomes `new`, which may have another name that must be free.
    pub fn replace_table(&mut self, old: &Versioned<Table>, new: &Table) -> Result<(), CatalogError> {
        self.expect_table(old);
        let (from, to) =
            (table_key(&old.record.database, &old.record.name), table_key(&new.database, &new.name));
        if from != to {
            self.expect(to, None);
            self.remove(from);
        }
        self.put_table(new)
    }

    pub fn remove_table(&mut self, table: &Versioned<Table>) {
        self.expect_table(table);
        self.remove(table_key(&table.record.database, &table.record.name));
    }

    /// A new partition, which must not be there.
    pub fn add_partition(&mut self, table: &Table, partition: &Partition) -> Result<(), CatalogError> {
        let key = partition_key(table.id, &table.partition_name(partition));
        self.expect(key.clone(), None);
        self.note_partitions(table)?;
        self.put(&key, partition)
    }

    pub fn replace_partition(
        &mut self,
        table: &Table,
        old: &Versioned<Partition>,
        new: &Partition,
    ) -> Result<(), CatalogError> {
        let (from, to) = (table.partition_name(&old.record), table.partition_name(new));
        self.expect(partition_key(table.id, &from), Some(old.version));
        if from != to {
            self.expect(partition_key(table.id, &to), None);
            self.remove(partition_key(table.id, &from));
            self.note_partitions(table)?;
        }
        self.put(&partition_key(table.id, &to), new)
    }

    pub fn remove_partition(
        &mut self,
        table: &Table,
        partition: &Versioned<Partition>,
    ) -> Result<(), CatalogError> {
        let key = partition_key(table.id, &table.partition_name(&partition.record));
        self.expect(key.clone(), Some(partition.version));
        self.remove(key);
        self.note_partitions(table)
    }

    /// Whoever remembers which partitions there are has to look again.
    fn note_partitions(&mut self, table: &Table) -> Result<(), CatalogError> {
        let key = partitions_changed_key(table.id);
        if self.transaction.put.iter().any(|(put, _)| *put == key) {
            return Ok(());
        }
        self.put(&key, &uuid::Uuid::new_v4().to_string())
    }

    /// From this transaction on the files at `location` are nobody's.
    pub fn add_removal(&mut self, number: u64, location: &str) -> Result<(), CatalogError> {
        self.put_removal(number, &Removal { location: location.to_owned(), replaced: None, due_seconds: 0 })
    }

    /// `number` is the caller's alone.
    pub fn put_removal(&mut self, number: u64, removal: &Removal) -> Result<(), CatalogError> {
        self.put(&removal_key(number), removal)
    }

    /// Crosses a removal out whose files are gone; whoever did so before has done no harm.
    pub fn forget_removal(&mut self, number: u64) {
        self.remove(removal_key(number));
    }

    /// The write still is what was read, so nobody has abandoned it, and it ends with this transaction.
    pub fn end_write(&mut self, write: &Versioned<PendingWrite>) {
        let key = write_key(write.record.number);
        self.expect(key.clone(), Some(write.version));
        self.remove(key);
    }

    /// The files of a removal are gone, or became somebody's; it must still be there.
    pub fn end_removal(&mut self, number: u64, version: Version) {
        self.expect(removal_key(number), Some(version));
        self.remove(removal_key(number));
    }
}
