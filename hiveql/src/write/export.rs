//! EXPORT: a table or some of its partitions as files that IMPORT, here or elsewhere, makes a table of again.
//!
//! ```text
//! dir/_metadata                 JSON, see [`Exported`]
//! dir/data/000000_0             files of a table without partitions
//! dir/ds=2024-01-01/000000_0    files of a partition, in the folder of its name
//! ```
//!
//! Files have the names that Hive would give them, without the numbers of writes; a second one of a name is called
//! `000000_0_copy_1`. They are as the table's formats say. `_metadata` is written last: a directory without it is no export.

use super::{SeenTable, WriteError, load::copy};
use crate::{
    catalog::{Partition, PropertyMap, Table, TableId, WrittenName},
    ddl::{DdlContext, files, statistics},
};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

pub(super) const METADATA: &str = "_metadata";
/// The folder of a table without partitions.
pub(super) const DATA: &str = "data";
/// Of the layout of `_metadata`.
pub(super) const VERSION: u32 = 1;
/// How many files are copied at a time.
const AT_ONCE: usize = 8;

/// What `_metadata` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    pub version: u32,
    /// As the catalog keeps it, without id, location, contents and statistics.
    pub table: Table,
    pub folders: Vec<ExportedFolder>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedFolder {
    /// Below the directory.
    pub name: String,
    /// As the catalog keeps it, without location, contents and statistics; absent: the table itself.
    pub partition: Option<Partition>,
    /// How many rows are in all files, where it is known.
    pub rows: Option<u64>,
    pub files: Vec<ExportedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub name: String,
    pub bytes: u64,
}

/// A file of the table and what it becomes.
struct Copied {
    from: Path,
    to: Path,
}

/// Writes what is seen of the table below an empty directory.
pub async fn export(
    context: &DdlContext<'_>,
    table: &Table,
    seen: &SeenTable,
    to: &str,
) -> Result<(), WriteError> {
    let (target, root) = context.stores.resolve(to)?;
    if !files::list(context.stores, to).await?.is_empty() {
        return Err(WriteError::NotEmpty(to.to_owned()));
    }
    let (exported, copies) = plan(table, seen, &root);
    let (source, _) = context.stores.resolve(&table.storage.location)?;
    let written = write(&source, &target, &root, &exported, copies, to).await;
    if written.is_err() {
        clean_up(context, &target, to).await;
    }
    written
}

fn plan(table: &Table, seen: &SeenTable, root: &Path) -> (Exported, Vec<Copied>) {
    let (mut folders, mut copies) = (Vec::new(), Vec::new());
    for part in &seen.parts {
        let name = match &part.partition {
            Some(partition) => table.partition_name(partition),
            None => DATA.to_owned(),
        };
        let mut taken = BTreeSet::new();
        let mut files = Vec::new();
        for file in &part.files {
            let plain = free_name(&mut taken, &file.name);
            let from = Path::parse(&file.path).unwrap_or_else(|_| Path::from(file.path.as_str()));
            copies.push(Copied { from, to: below(root, &name, &plain) });
            files.push(ExportedFile { name: plain, bytes: file.stamp.bytes });
        }
        let properties = part.partition.as_ref().map_or(&table.properties, |partition| &partition.properties);
        let rows = known_rows(properties);
        let partition = part.partition.clone().map(|partition| Partition {
            location: None,
            contents: None,
            statistics: Default::default(),
            properties: statistics::without(&partition.properties),
            ..partition
        });
        folders.push(ExportedFolder { name, partition, rows, files });
    }
    let mut table = Table { id: TableId(0), contents: None, statistics: Default::default(), ..table.clone() };
    table.storage.location.clear();
    (Exported { version: VERSION, table, folders }, copies)
}

async fn write(
    source: &Arc<dyn ObjectStore>,
    target: &Arc<dyn ObjectStore>,
    root: &Path,
    exported: &Exported,
    copies: Vec<Copied>,
    text: &str,
) -> Result<(), WriteError> {
    let copies = copies
        .into_iter()
        .map(|Copied { from, to }| async move { copy(source, &from, target, to, text).await });
    futures::stream::iter(copies).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    let failed = |source| WriteError::Store { doing: "writing", location: text.to_owned(), source };
    let json = serde_json::to_vec_pretty(exported).map_err(|error| WriteError::File {
        doing: "writing",
        path: format!("{text}/{METADATA}"),
        source: error.into(),
    })?;
    target.put(&root.clone().join(METADATA), json.into()).await.map_err(failed)?;
    Ok(())
}

/// The error that was there first is the one to tell.
async fn clean_up(context: &DdlContext<'_>, target: &Arc<dyn ObjectStore>, to: &str) {
    for file in files::list(context.stores, to).await.unwrap_or_default() {
        if let Err(error) = target.delete(&file.location).await {
            tracing::warn!(%error, file = %file.location, "a file of a failed export stays");
        }
    }
}

/// Names of folders hold escapes that must not be escaped again.
pub(super) fn below(root: &Path, folder: &str, file: &str) -> Path {
    let text = format!("{root}/{folder}/{file}");
    Path::parse(&text).unwrap_or_else(|_| Path::from(text))
}

/// What a file is called in an export.
fn free_name(taken: &mut BTreeSet<String>, name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let plain = WrittenName::of_path(name).map_or_else(|| last.to_owned(), |written| written.plain());
    let (stem, ending) = plain.find('.').map_or((plain.as_str(), ""), |dot| plain.split_at(dot));
    let copies = (1u32..).map(|copy| format!("{stem}_copy_{copy}{ending}"));
    let mut names = std::iter::once(plain.clone()).chain(copies);
    let free = names.find(|name| !taken.contains(name)).unwrap_or_else(|| plain.clone());
    taken.insert(free.clone());
    free
}

fn known_rows(properties: &PropertyMap) -> Option<u64> {
    let accurate = properties.get(statistics::ACCURATE)?.contains("BASIC_STATS");
    properties.get("numRows").filter(|_| accurate)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_writes_do_not_take_each_others_names() {
        let mut taken = BTreeSet::new();
        let mut name = |text: &str| free_name(&mut taken, text);
        assert_eq!(name("000000_0-w4.gz"), "000000_0.gz");
        assert_eq!(name("000000_0-w5.gz"), "000000_0_copy_1.gz");
        assert_eq!(name("kv1-skep7.txt"), "kv1.txt");
        assert_eq!(name("deep/kv1.txt"), "kv1_copy_1.txt");
    }
}
