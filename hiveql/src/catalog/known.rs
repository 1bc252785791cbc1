//! Which partitions a table has, remembered: a query that reads one of 100,000 must not read the records of all.

use super::{Catalog, CatalogError, Partition, Table, TableId, Version, Versioned, partition_values, record};
use futures::{StreamExt, TryStreamExt};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// How many tables are remembered.
const TABLES_MAX: usize = 64;
/// Records that are read one by one at most; more are read as a whole.
const READ_SINGLY: usize = 512;
const AT_ONCE: usize = 16;

/// The values of all partitions, in order of their names.
pub type AllValues = Arc<Vec<Vec<String>>>;

#[derive(Debug, Default)]
pub(super) struct KnownPartitions(Mutex<HashMap<TableId, (Option<Version>, AllValues)>>);

impl Catalog {
    /// The values of all partitions of the table, by no more than one look-up where they have not changed since.
    pub async fn all_partition_values(&self, table: &Table) -> Result<AllValues, CatalogError> {
        let key = record::partitions_changed_key(table.id);
        let changed = self.read::<String>(&key).await?.map(|found| found.version);
        let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner).get(&table.id).cloned();
        match known {
            Some((version, values)) if version == changed => return Ok(values),
            _ => {}
        }
        // A partition's name says its values: the records themselves are not read.
        let names = self.names_below(&record::partitions_of(table.id)).await?;
        let values = names.iter().map(|name| partition_values(name).unwrap_or_default());
        let values = values.map(|values| values.into_iter().map(|(_, value)| value).collect());
        let values: AllValues = Arc::new(values.collect());
        // What changed while it was read is noted under a later version, and so read again the next time.
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TABLES_MAX && !known.contains_key(&table.id) {
            known.clear();
        }
        known.insert(table.id, (changed, values.clone()));
        Ok(values)
    }

    /// The partitions with these values that are still there.
    pub async fn partitions_with(
        &self,
        table: &Table,
        wanted: Vec<Vec<String>>,
    ) -> Result<Vec<Versioned<Partition>>, CatalogError> {
        if wanted.len() > READ_SINGLY {
            let all = self.partitions(table, &Vec::new()).await?;
            let wanted: HashSet<Vec<String>> = wanted.into_iter().collect();
            return Ok(all.into_iter().filter(|found| wanted.contains(&found.record.values)).collect());
        }
        let found: Vec<Option<Versioned<Partition>>> = futures::stream::iter(wanted)
            .map(|values| async move { self.find_partition(table, &values).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let by_name: BTreeMap<String, Versioned<Partition>> =
            found.into_iter().flatten().map(|found| (table.partition_name(&found.record), found)).collect();
        Ok(by_name.into_values().collect())
    }
}
