//! MSCK REPAIR TABLE and RECOVER PARTITIONS: what lies in the store against what the catalog says.

use super::{DdlContext, DdlError, Output, Problem, alter_partitions, files, partition_spec};
use crate::{
    catalog::{Change, Table, is_private, partition_values},
    syntax::ast::{MsckAction, ObjectName},
};
use std::collections::BTreeSet;

pub async fn execute(
    context: &DdlContext<'_>,
    name: &ObjectName,
    repair: bool,
    action: MsckAction,
) -> Result<Output, DdlError> {
    let table = context.table(name).await?;
    if !table.record.is_partitioned() {
        return Err(Problem::NotPartitioned(table.record.name).into());
    }
    let catalog = context.home(&table.record);
    let stored = folders(context, &table.record).await?;
    let known = catalog.partitions(&table.record, &Vec::new()).await?;
    let known_values: BTreeSet<&Vec<String>> =
        known.iter().map(|partition| &partition.record.values).collect();
    let new: Vec<_> = stored
        .iter()
        .filter(|values| !known_values.contains(values))
        .map(|values| alter_partitions::made(context, &table.record, values.clone()))
        .collect();
    // One with a place of its own is not judged by the table's folder.
    let gone: Vec<_> = known
        .iter()
        .filter(|partition| partition.record.location.is_none() && !stored.contains(&partition.record.values))
        .collect();
    let mut messages = Vec::new();
    let text = |partition| format!("{}:{}", table.record.name, table.record.partition_name(partition));
    if !new.is_empty() {
        messages.push(format!(
            "Partitions not in metastore:\t{}",
            new.iter().map(text).collect::<Vec<_>>().join("\t")
        ));
    }
    if !gone.is_empty() {
        let names: Vec<String> = gone.iter().map(|partition| text(&partition.record)).collect();
        messages.push(format!("Partitions missing from filesystem:\t{}", names.join("\t")));
    }
    if repair && action != MsckAction::Drop {
        catalog.add_partitions(&table, &new).await?;
        messages.extend(
            new.iter().map(|partition| format!("Repair: Added partition to metastore {}", text(partition))),
        );
    }
    if repair && action != MsckAction::Add && !gone.is_empty() {
        let mut change = Change::default();
        change.expect_table(&table);
        for partition in &gone {
            change.remove_partition(&table.record, partition)?;
        }
        catalog.commit(change).await?;
        let dropped = gone.iter().map(|partition| text(&partition.record));
        messages.extend(dropped.map(|name| format!("Repair: Dropped partition from metastore {name}")));
    }
    Ok(Output::listing("message", messages))
}

/// The values of all folders below the table's location that are named as its partitions.
async fn folders(context: &DdlContext<'_>, table: &Table) -> Result<BTreeSet<Vec<String>>, DdlError> {
    let (_, root) = context.stores.resolve(&table.storage.location)?;
    let lenient = ["skip", "ignore"].iter().any(|word| context.setting_is("hive.msck.path.validation", word));
    let mut found = BTreeSet::new();
    for file in files::list(context.stores, &table.storage.location).await? {
        let Some(parts) = file.location.prefix_match(&root) else { continue };
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        if parts.iter().any(|part| is_private(part)) {
            continue;
        }
        if let Some(reason) = unfit(table, &parts).filter(|_| !lenient) {
            return Err(DdlError::Refused(format!("{reason} {}", file.location)));
        }
        let folders = &parts[..table.partition_keys.len().min(parts.len())];
        if let Some(values) = values_of(table, &folders.join("/")) {
            found.insert(values);
        }
    }
    Ok(found)
}

/// What is wrong with a file's place below the table: its folders are the keys, in order.
fn unfit(table: &Table, parts: &[String]) -> Option<String> {
    let folders = &parts[..parts.len().saturating_sub(1)];
    for (folder, key) in folders.iter().zip(&table.partition_keys) {
        let name = folder.split_once('=').map_or(folder.as_str(), |(name, _)| name);
        if !name.eq_ignore_ascii_case(&key.name) {
            return Some(format!("Unexpected partition key {name} found at"));
        }
    }
    (folders.len() < table.partition_keys.len())
        .then(|| "MSCK finds a file rather than a directory when it searches for".to_owned())
}

fn values_of(table: &Table, name: &str) -> Option<Vec<String>> {
    let pairs = partition_values(name).filter(|pairs| pairs.len() == table.partition_keys.len())?;
    table
        .partition_keys
        .iter()
        .zip(pairs)
        .map(|(key, (name, value))| {
            let is_key = key.name.eq_ignore_ascii_case(&name);
            if is_key { partition_spec::normalized(&key.ty, &value) } else { None }
        })
        .collect()
}
