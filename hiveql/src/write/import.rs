//! IMPORT: what EXPORT wrote becomes a table's. See [`super::export`] for how it lies there.

use super::{
    Amount, Exported, ExportedFolder, Outcome, Write, WriteError,
    export::{DATA, METADATA, VERSION, below},
    load::copy,
};
use crate::{
    catalog::{Stem, WriteNumber, WrittenName},
    ddl::{DdlContext, statistics},
};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use std::{collections::BTreeMap, sync::Arc};

const AT_ONCE: usize = 8;

/// A directory that EXPORT wrote.
pub struct ImportSource {
    pub exported: Exported,
    store: Arc<dyn ObjectStore>,
    root: Path,
    location: String,
}

impl ImportSource {
    pub async fn open(context: &DdlContext<'_>, location: &str) -> Result<ImportSource, WriteError> {
        let (store, root) = context.stores.resolve(location)?;
        let failed = |source| WriteError::Store { doing: "reading", location: location.to_owned(), source };
        let none = |reason: String| WriteError::NoExport { path: location.to_owned(), reason };
        let read = match store.get(&root.clone().join(METADATA)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(none(format!("it has no {METADATA}"))),
            found => found.map_err(failed)?.bytes().await.map_err(failed)?,
        };
        let exported: Exported = serde_json::from_slice(&read).map_err(|error| none(error.to_string()))?;
        if exported.version > VERSION {
            return Err(none(format!("its version {} is of a newer program", exported.version)));
        }
        Ok(ImportSource { exported, store, root, location: location.trim_end_matches('/').to_owned() })
    }

    /// Where the files lie of a table that takes them where they are.
    pub fn place(&self) -> String {
        match self.exported.table.is_partitioned() {
            true => self.location.clone(),
            false => format!("{}/{DATA}", self.location),
        }
    }

    /// Copies the files of these folders to where the write puts its own; publishing makes them seen. `stays`: they
    /// are there already.
    pub async fn copy(
        &self,
        context: &DdlContext<'_>,
        folders: &[ExportedFolder],
        write: &Write,
        stays: bool,
    ) -> Result<Outcome, WriteError> {
        let description = write.description();
        let (target, _) = context.stores.resolve(&write.target.table.storage.location)?;
        let mut outcome =
            Outcome { is_counted: folders.iter().all(|folder| folder.rows.is_some()), ..Outcome::default() };
        let mut copies = Vec::new();
        for folder in folders {
            let values = folder.partition.as_ref().map(|partition| partition.values.clone());
            let texts: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
            let (name, path) = description.folder(&texts);
            let mut names = ImportedNames::new(description.write);
            for file in folder.files.iter().filter(|_| !stays) {
                let to = format!("{path}/{}", names.name(&file.name));
                let to = Path::parse(&to).unwrap_or_else(|_| Path::from(to));
                copies.push((below(&self.root, &folder.name, &file.name), to));
            }
            let bytes = folder.files.iter().map(|file| file.bytes).sum();
            let amount = Amount { files: folder.files.len() as u64, rows: folder.rows.unwrap_or(0), bytes };
            outcome.folders.insert(name.clone(), amount);
            if let (Some(values), Some(partition)) = (values, &folder.partition) {
                let mut partition = partition.clone();
                partition.location = write.target.placed.get(&name).cloned();
                statistics::set_empty(&mut partition.properties);
                outcome.partitions.insert(values, partition);
            }
        }
        let (source, target) = (&self.store, &target);
        let copies = copies
            .into_iter()
            .map(|(from, to)| async move { copy(source, &from, target, to, &self.location).await });
        futures::stream::iter(copies).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(outcome)
    }
}

/// Files keep their numbers, which are those of buckets where there are buckets.
struct ImportedNames {
    write: WriteNumber,
    /// How many there are of a number.
    numbered: BTreeMap<u32, u32>,
}

impl ImportedNames {
    fn new(write: WriteNumber) -> ImportedNames {
        ImportedNames { write, numbered: BTreeMap::new() }
    }

    fn name(&mut self, name: &str) -> String {
        let (stem, ending) = name.find('.').map_or((name, ""), |dot| name.split_at(dot));
        let written = match number(stem) {
            Some(number) => {
                let next = self.numbered.entry(number).or_default();
                let stem = Stem::Number { number, sequence: *next };
                *next += 1;
                let ending = ending.to_owned();
                WrittenName { stem, write: self.write, task: number, attempt: 0, ending }
            }
            None => WrittenName::brought(name, self.write),
        };
        written.to_string()
    }
}

/// Of `000003_0` and `000003_0_copy_1`.
fn number(stem: &str) -> Option<u32> {
    let (number, rest) = stem.split_once('_')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let copy = rest.split_once("_copy_");
    let (sequence, copy) = copy.map_or((rest, "0"), |(sequence, copy)| (sequence, copy));
    let ours = number.len() >= 6 && digits(number) && digits(sequence) && digits(copy);
    if ours { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imported_files_keep_their_numbers_and_others_their_names() {
        let mut names = ImportedNames::new(9);
        assert_eq!(names.name("000003_0.gz"), "000003_0-w9.gz");
        assert_eq!(names.name("000003_0_copy_1.gz"), "000003_1-w9.gz");
        assert_eq!(names.name("kv1.txt"), "kv1-skep9.txt");
    }
}
