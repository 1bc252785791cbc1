//! Folders that a write has filled with small files, which had better be few.

use super::{Amount, Outcome, Write, WriteError};
use crate::{
    catalog::{WrittenName, partition_values},
    ddl::DdlContext,
    scan::{Part, ScanParts, ScanShape},
    types::HiveType,
};
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use std::{collections::BTreeMap, sync::Arc};

/// How many requests to a store are under way at a time.
const AT_ONCE: usize = 16;

/// Files of a write that no reader sees yet.
pub struct SmallFiles {
    /// By the folder's name below the write's root.
    pub folders: BTreeMap<String, Amount>,
    files: BTreeMap<String, Vec<ObjectMeta>>,
    store: Arc<dyn ObjectStore>,
}

impl SmallFiles {
    /// Of the folders that hold several files of less than `average` bytes each, on average. Files of buckets are as many as
    /// they have to be, and sorted ones would lose their order.
    pub async fn of(
        context: &DdlContext<'_>,
        write: &Write,
        outcome: &Outcome,
        average: u64,
    ) -> Result<Option<SmallFiles>, WriteError> {
        let description = write.description();
        if description.buckets.is_some() || !description.sorted_by.is_empty() {
            return Ok(None);
        }
        let is_small = |amount: &Amount| amount.files > 1 && amount.bytes / amount.files < average;
        let small = outcome.folders.iter().filter(|(_, amount)| is_small(amount));
        let folders: BTreeMap<String, Amount> =
            small.map(|(folder, amount)| (folder.clone(), *amount)).collect();
        if folders.is_empty() {
            return Ok(None);
        }
        let (store, _) = context.stores.resolve(&write.target.table.storage.location)?;
        let files = futures::stream::iter(folders.keys().cloned())
            .map(|folder| {
                let store = store.clone();
                async move {
                    let found = written(store.as_ref(), write, outcome, &folder).await?;
                    Ok::<_, WriteError>((folder, found))
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Some(SmallFiles { folders, files, store }))
    }

    pub fn bytes(&self) -> u64 {
        self.folders.values().map(|amount| amount.bytes).sum()
    }

    /// What reads the files in order. Behind the columns come the values of the keys as they stand in the folders' names,
    /// under the names `keys`.
    pub fn scan(&self, write: &Write, keys: Vec<String>) -> Result<ScanParts, WriteError> {
        let description = write.description();
        let format = Arc::new(description.format()?);
        let part = |(folder, files): (&String, &Vec<ObjectMeta>)| {
            let values = partition_values(folder).unwrap_or_default().into_iter();
            Part {
                format: format.clone(),
                files: files.iter().map(|file| (file.location.to_string(), file.size)).collect(),
                partition_values: values.map(|(_, value)| ScalarValue::Utf8(Some(value))).collect(),
                buckets: 0,
            }
        };
        Ok(ScanParts {
            shape: ScanShape {
                columns: format.columns().to_vec(),
                partition_columns: keys.into_iter().map(|key| (key, HiveType::String)).collect(),
                virtual_columns: Vec::new(),
            },
            parts: self.files.iter().map(part).collect(),
            store: self.store.clone(),
            file_name_prefix: description.prefix.clone(),
        })
    }

    /// Deletes them; nobody has seen them.
    pub async fn delete(self, write: &Write) -> Result<(), WriteError> {
        let files = self.files.into_values().flatten().map(|file| file.location);
        let store = &self.store;
        futures::stream::iter(files)
            .map(|path| async move {
                match store.delete(&path).await {
                    Err(object_store::Error::NotFound { .. }) => Ok(()),
                    done => done,
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map_err(|source| failed(write, source))?;
        Ok(())
    }
}

/// The files of the attempts that count, in order of their names.
async fn written(
    store: &dyn ObjectStore,
    write: &Write,
    outcome: &Outcome,
    folder: &str,
) -> Result<Vec<ObjectMeta>, WriteError> {
    let values = partition_values(folder).unwrap_or_default();
    let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    let description = write.description();
    let path = Path::parse(description.folder(&values).1).unwrap_or_default();
    let listed = store.list_with_delimiter(Some(&path)).await.map_err(|source| failed(write, source))?;
    let counts = |file: &ObjectMeta| {
        let named = file.location.filename().and_then(WrittenName::of_path);
        named.is_some_and(|named| {
            let attempt = outcome.attempts.get(&named.task).copied().unwrap_or(0);
            named.write == description.write && named.attempt == attempt
        })
    };
    let mut files: Vec<ObjectMeta> = listed.objects.into_iter().filter(counts).collect();
    files.sort_by(|left, right| left.location.cmp(&right.location));
    Ok(files)
}

fn failed(write: &Write, source: object_store::Error) -> WriteError {
    let location = write.target.table.storage.location.clone();
    WriteError::Store { doing: "merging small files of", location, source }
}
