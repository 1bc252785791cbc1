//! Writes that have begun and not ended, so that what a killed one leaves is known.

use super::{
    Catalog, CatalogError, Change, PendingWrite, Snapshot, Versioned, WriteNumber,
    record::{self, WRITES, write_key},
};

impl Catalog {
    /// Takes a number and writes down what is to be written with it, in one step: whoever sees a later number sees this
    /// write too.
    pub async fn begin_write(
        &self,
        mut write: PendingWrite,
    ) -> Result<Versioned<PendingWrite>, CatalogError> {
        loop {
            let current = self.read::<u64>(record::NEXT).await?;
            write.number = current.as_ref().map_or(1, |current| current.record);
            let key = write_key(write.number);
            let mut change = Change::default();
            change.expect(record::NEXT, current.map(|current| current.version));
            change.put(record::NEXT, &(write.number + 1))?;
            change.put(&key, &write)?;
            match self.commit(change).await {
                Err(error) if error.is_conflict() => continue,
                done => done?,
            }
            return self.read(&key).await?.ok_or(CatalogError::Conflict { what: key });
        }
    }

    pub async fn pending_writes(&self) -> Result<Vec<Versioned<PendingWrite>>, CatalogError> {
        Ok(self.read_all(WRITES).await?.into_iter().map(|(_, write)| write).collect())
    }

    pub async fn find_write(
        &self,
        number: WriteNumber,
    ) -> Result<Option<Versioned<PendingWrite>>, CatalogError> {
        self.read(&write_key(number)).await
    }

    /// The next number is read first: what is pending afterwards and below it had begun, and all else below it had ended.
    pub async fn snapshot(&self) -> Result<Snapshot, CatalogError> {
        let before = self.read::<u64>(record::NEXT).await?.map_or(1, |next| next.record);
        let pending = self.pending_writes().await?.into_iter().map(|write| write.record.number);
        Ok(Snapshot { before, pending: pending.filter(|number| *number < before).collect() })
    }

    /// From now on it cannot be published.
    pub async fn abandon_write(
        &self,
        write: &Versioned<PendingWrite>,
    ) -> Result<Versioned<PendingWrite>, CatalogError> {
        let key = write_key(write.record.number);
        let record = PendingWrite { abandoned: true, ..write.record.clone() };
        let mut change = Change::default();
        change.expect(key.clone(), Some(write.version));
        change.put(&key, &record)?;
        self.commit(change).await?;
        self.read(&key).await?.ok_or(CatalogError::Conflict { what: key })
    }

    /// Takes several numbers in a row, and answers the first.
    pub async fn next_numbers(&self, count: u64) -> Result<u64, CatalogError> {
        loop {
            let current = self.read::<u64>(record::NEXT).await?;
            let first = current.as_ref().map_or(1, |current| current.record);
            let mut change = Change::default();
            change.expect(record::NEXT, current.map(|current| current.version));
            change.put(record::NEXT, &(first + count))?;
            match self.commit(change).await {
                // Another session took this one, and so made progress.
                Err(error) if error.is_conflict() => continue,
                done => return done.map(|()| first),
            }
        }
    }
}
