//! Which partitions a table has, remembered: a query that reads one of 100,000 must not read the records of all.

use super::{
    Catalog, CatalogError, DEFAULT_PARTITION, Partition, Table, TableId, Version, Versioned,
    partition_values, record,
};
use crate::types::HiveType;
use datafusion::arrow::{
    array::{ArrayRef, StringArray},
    compute::{CastOptions, cast_with_options},
    error::ArrowError,
};
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

/// All partitions of a table at one time, in order of their names.
#[derive(Debug, Default)]
pub struct PartitionList {
    /// Of each partition, in the order of the keys.
    pub values: Vec<Vec<String>>,
    /// The same by key, once somebody asked, in the types that were asked for.
    typed: Mutex<Option<(Vec<HiveType>, Vec<ArrayRef>)>>,
}

impl PartitionList {
    /// A column for each key. A name that is no value of its key's type is NULL, as in Hive; the default partition's is a value
    /// like others where the key is a text.
    pub fn columns(&self, keys: &[HiveType]) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((types, columns)) = typed.as_ref()
            && types == keys
        {
            return Ok(columns.clone());
        }
        let columns = keys.iter().enumerate().map(|(index, ty)| self.column(index, ty));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        *typed = Some((keys.to_vec(), columns.clone()));
        Ok(columns)
    }

    fn column(&self, index: usize, ty: &HiveType) -> Result<ArrayRef, ArrowError> {
        let texts = self.values.iter().map(|values| {
            let text = values.get(index).map(String::as_str);
            text.filter(|text| ty.is_text() || *text != DEFAULT_PARTITION)
        });
        let texts: StringArray = texts.collect();
        let lenient = CastOptions { safe: true, ..CastOptions::default() };
        cast_with_options(&texts, &ty.arrow(), &lenient)
    }
}

pub type AllValues = Arc<PartitionList>;

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
        let values: AllValues =
            Arc::new(PartitionList { values: values.collect(), ..PartitionList::default() });
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
