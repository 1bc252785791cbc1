//! Partitions of one table: exact look-ups, and listings that read no more than a filter leaves.

use super::{
    Catalog, CatalogError, Change, Partition, Table, Versioned, escape,
    record::{partition_key, partitions_of},
};

/// A value for each of the first keys, or for any of them: `None` is every value.
pub type PartitionFilter = Vec<Option<String>>;

/// How many new partitions one transaction takes.
const ADDED_TOGETHER: usize = 1_000;

impl Catalog {
    pub async fn find_partition(
        &self,
        table: &Table,
        values: &[String],
    ) -> Result<Option<Versioned<Partition>>, CatalogError> {
        let name = super::partition_name(&table.key_names(), values);
        self.read(&partition_key(table.id, &name)).await
    }

    /// In order of their names. The values that stand before the first `None` narrow what is read; the others what is kept.
    pub async fn partitions(
        &self,
        table: &Table,
        filter: &PartitionFilter,
    ) -> Result<Vec<Versioned<Partition>>, CatalogError> {
        let fixed: Vec<&String> = filter.iter().map_while(Option::as_ref).collect();
        if fixed.len() == table.partition_keys.len() && !fixed.is_empty() {
            let values: Vec<String> = fixed.into_iter().cloned().collect();
            return Ok(self.find_partition(table, &values).await?.into_iter().collect());
        }
        let found = self.read_all::<Partition>(&(partitions_of(table.id) + &prefix(table, &fixed))).await?;
        let kept = found.into_iter().map(|(_, partition)| partition);
        Ok(kept.filter(|partition| matches(&partition.record, filter)).collect())
    }

    /// Adds in transactions of up to 1,000 that expect the table as it was read; a statement of fewer is atomic.
    pub async fn add_partitions(
        &self,
        table: &Versioned<Table>,
        partitions: &[Partition],
    ) -> Result<(), CatalogError> {
        for together in partitions.chunks(ADDED_TOGETHER) {
            let mut change = Change::default();
            change.expect_table(table);
            for partition in together {
                change.add_partition(&table.record, partition)?;
            }
            self.commit(change).await?;
        }
        Ok(())
    }
}

/// `a=1/b=2/`: what the names of all matching partitions begin with.
fn prefix(table: &Table, fixed: &[&String]) -> String {
    let mut prefix = String::new();
    for (key, value) in table.partition_keys.iter().zip(fixed) {
        escape(&key.name, &mut prefix);
        prefix.push('=');
        escape(value, &mut prefix);
        prefix.push('/');
    }
    prefix
}

fn matches(partition: &Partition, filter: &PartitionFilter) -> bool {
    partition
        .values
        .iter()
        .zip(filter)
        .all(|(value, wanted)| wanted.as_ref().is_none_or(|wanted| wanted == value))
}
