//! Files of tables and partitions: what lies below a location, copied or deleted.
//!
//! A kill must leave the old or the new state, and stores have no transactions with the catalog. So whatever is to be
//! deleted is first written down in the transaction that makes it nobody's (a *removal*), then deleted, then crossed out. What
//! a killed session left is deleted by the next one that wants the place, before it takes it: see [`clear_leftovers`].

use super::{DdlContext, DdlError};
use crate::catalog::{Change, FileStamp, Removal, Replaced, WrittenName};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStoreExt, path::Path};

/// How many requests to a store are under way at a time.
const AT_ONCE: usize = 16;

/// All files below a location; nothing there is an empty list.
pub async fn list(context: &DdlContext<'_>, location: &str) -> Result<Vec<ObjectMeta>, DdlError> {
    let (store, path) = context.stores.resolve(location)?;
    store.list(Some(&path)).try_collect().await.map_err(|source| failed(location, source))
}

pub async fn delete(context: &DdlContext<'_>, location: &str) -> Result<(), DdlError> {
    delete_where(context, location, |_, _| true).await
}

/// Deletes what a removal says.
async fn remove(context: &DdlContext<'_>, removal: &Removal) -> Result<(), DdlError> {
    match &removal.replaced {
        None => delete(context, &removal.location).await,
        Some(replaced) => {
            delete_where(context, &removal.location, |name, stamp| is_replaced(replaced, name, stamp)).await
        }
    }
}

fn is_replaced(replaced: &Replaced, name: &str, stamp: FileStamp) -> bool {
    let of_write = WrittenName::of_path(name).is_some_and(|named| replaced.writes.contains(&named.write));
    of_write || replaced.files.get(name) == Some(&stamp)
}

pub fn stamp(file: &ObjectMeta) -> FileStamp {
    FileStamp { bytes: file.size, modified_micros: file.last_modified.timestamp_micros() }
}

/// Deletes the files below a location whose names there and stamps are wanted.
async fn delete_where(
    context: &DdlContext<'_>,
    location: &str,
    wanted: impl Fn(&str, FileStamp) -> bool,
) -> Result<(), DdlError> {
    let (_, root) = context.stores.resolve(location)?;
    let mut files = list(context, location).await?;
    files.retain(|file| name_below(&root, file).is_some_and(|name| wanted(&name, stamp(file))));
    let (store, _) = context.stores.resolve(location)?;
    futures::stream::iter(files)
        .map(|file| {
            let store = store.clone();
            async move {
                match store.delete(&file.location).await {
                    Err(object_store::Error::NotFound { .. }) => Ok(()),
                    done => done,
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map_err(|source| failed(location, source))?;
    Ok(())
}

/// What a file is called below a location's path.
pub fn name_below(root: &Path, file: &ObjectMeta) -> Option<String> {
    let parts: Vec<_> = file.location.prefix_match(root)?.collect();
    Some(parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
}

/// Copies all files to the same names below another location of the same store or of another.
pub async fn copy(context: &DdlContext<'_>, from: &str, to: &str) -> Result<(), DdlError> {
    let files = list(context, from).await?;
    let (source, source_path) = context.stores.resolve(from)?;
    let (target, target_path) = context.stores.resolve(to)?;
    for file in files {
        let Some(rest) = file.location.prefix_match(&source_path) else { continue };
        let name = rest.fold(target_path.clone(), |path: Path, part| path.join(part));
        if std::sync::Arc::ptr_eq(&source, &target) {
            source.copy(&file.location, &name).await.map_err(|error| failed(from, error))?;
            continue;
        }
        let content = source.get(&file.location).await.map_err(|error| failed(from, error))?;
        let mut writer = object_store::buffered::BufWriter::new(target.clone(), name);
        let mut chunks = content.into_stream();
        while let Some(chunk) = chunks.try_next().await.map_err(|error| failed(from, error))? {
            writer.put(chunk).await.map_err(|error| failed(to, error))?;
        }
        tokio::io::AsyncWriteExt::shutdown(&mut writer).await.map_err(|error| {
            failed(to, object_store::Error::Generic { store: "copy", source: Box::new(error) })
        })?;
    }
    Ok(())
}

/// Locations that the change makes nobody's: commits it, deletes the files, crosses the removals out.
pub async fn commit_then_delete(
    context: &DdlContext<'_>,
    catalog: &crate::catalog::Catalog,
    mut change: Change,
    locations: &[String],
) -> Result<(), DdlError> {
    for location in locations {
        change.add_removal(catalog.next_number().await?, location)?;
    }
    catalog.commit(change).await?;
    for location in locations {
        finish(context, catalog, location).await?;
    }
    Ok(())
}

/// Deletes what killed sessions left at this very location, before a table or partition takes it.
pub async fn clear_leftovers(context: &DdlContext<'_>, location: &str) -> Result<(), DdlError> {
    finish(context, &context.catalog.shared, location).await
}

/// Files first and the note after: a kill between them deletes nothing twice that matters.
async fn finish(
    context: &DdlContext<'_>,
    catalog: &crate::catalog::Catalog,
    location: &str,
) -> Result<(), DdlError> {
    for (number, version, noted) in catalog.removals().await? {
        if noted.location.trim_end_matches('/') != location.trim_end_matches('/') {
            continue;
        }
        remove(context, &noted).await?;
        let mut change = Change::default();
        change.end_removal(number, version);
        match catalog.commit(change).await {
            // Another session finished it at the same time.
            Err(error) if error.is_conflict() => {}
            done => done?,
        }
    }
    Ok(())
}

fn failed(location: &str, source: object_store::Error) -> DdlError {
    DdlError::Files { location: location.to_owned(), source }
}
