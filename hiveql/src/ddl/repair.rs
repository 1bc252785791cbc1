//! MSCK REPAIR TABLE and RECOVER PARTITIONS: what lies in the store against what the catalog says.

use super::{DdlContext, DdlError, Output, Problem, alter_partitions, partition_spec};
use crate::{
    catalog::{Change, Table, is_private, partition_values},
    syntax::ast::{MsckAction, ObjectName},
};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use std::collections::BTreeSet;

/// How many folders are listed at a time.
const AT_ONCE: usize = 16;

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
    let known: BTreeSet<Vec<String>> =
        catalog.all_partition_values(&table.record).await?.values.iter().cloned().collect();
    let new: Vec<_> = stored
        .difference(&known)
        .map(|values| alter_partitions::made(context, &table.record, values.clone()))
        .collect();
    let missing = known.difference(&stored).cloned().collect();
    // One with a place of its own is not judged by the table's folder.
    let mut gone = catalog.partitions_with(&table.record, missing).await?;
    gone.retain(|partition| partition.record.location.is_none());
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

/// The values of all folders below the table's location that are named as its partitions, whatever is in them. What lies
/// there and is none is refused, unless `hive.msck.path.validation` says otherwise.
async fn folders(context: &DdlContext<'_>, table: &Table) -> Result<BTreeSet<Vec<String>>, DdlError> {
    let location = &table.storage.location;
    let (store, root) = context.stores.resolve(location)?;
    let lenient = ["skip", "ignore"].iter().any(|word| context.setting_is("hive.msck.path.validation", word));
    let mut level = vec![root.clone()];
    for key in &table.partition_keys {
        let below = futures::stream::iter(level)
            .map(|folder| {
                let store = store.clone();
                async move { store.list_with_delimiter(Some(&folder)).await }
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
            .map_err(|source| DdlError::Files { location: location.clone(), source })?;
        level = Vec::new();
        for listed in below {
            let mut files = listed.objects.iter().map(|file| &file.location);
            if let Some(file) = files.find(|file| is_seen(file)).filter(|_| !lenient) {
                let what = "MSCK finds a file rather than a directory when it searches for";
                return Err(DdlError::Refused(format!("{what} {file}")));
            }
            for folder in listed.common_prefixes.into_iter().filter(is_seen) {
                let name = folder.filename().unwrap_or_default();
                let name = name.split_once('=').map_or(name, |(name, _)| name);
                if name.eq_ignore_ascii_case(&key.name) {
                    level.push(folder);
                } else if !lenient {
                    let what = format!("Unexpected partition key {name} found at {folder}");
                    return Err(DdlError::Refused(what));
                }
            }
        }
    }
    let name = |folder: &Path| {
        let parts: Vec<_> = folder.prefix_match(&root)?.collect();
        Some(parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
    };
    Ok(level.iter().filter_map(|folder| values_of(table, &name(folder)?)).collect())
}

fn is_seen(path: &Path) -> bool {
    path.filename().is_some_and(|name| !is_private(name))
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
