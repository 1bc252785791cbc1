//! Files of tables and partitions: what lies below a location, copied or deleted.
//!
//! A kill must leave the old or the new state, and stores have no transactions with the catalog. So whatever is to be
//! deleted is first written down in the transaction that makes it nobody's (a *removal*), then deleted, then crossed out. What
//! a killed session left is deleted by the next one that wants the place, before it takes it: see [`clear_leftovers`].

use super::{DdlContext, DdlError, Stores};
use crate::catalog::{
    Catalog, Change, FileStamp, Removal, Replaced, Snapshot, Version, WriteNumber, WrittenName,
};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStoreExt, path::Path};

/// How many requests to a store are under way at a time.
const AT_ONCE: usize = 16;
/// How many removals one transaction ends.
const CROSSED_OUT_TOGETHER: usize = 500;

/// A location as it is kept: one without a scheme or a slash in front is below the user's directory.
pub fn whole(context: &DdlContext<'_>, location: &str) -> String {
    let location = location.trim_end_matches('/');
    match location.starts_with('/') || location.contains(':') || location.is_empty() {
        true => location.to_owned(),
        false => context.stores.absolute(location),
    }
}

/// All files below a location; nothing there is an empty list.
pub async fn list(stores: &dyn Stores, location: &str) -> Result<Vec<ObjectMeta>, DdlError> {
    let (store, path) = stores.resolve(location)?;
    store.list(Some(&path)).try_collect().await.map_err(|source| failed(location, source))
}

/// Deletes the files of one write.
pub async fn delete_of_write(
    context: &DdlContext<'_>,
    location: &str,
    write: WriteNumber,
) -> Result<(), DdlError> {
    let is_of_write = |name: &str| WrittenName::of_path(name).is_some_and(|named| named.write == write);
    context.stores.delete_unfinished(location, &is_of_write)?;
    delete_where(context, location, |name, _| is_of_write(name)).await
}

/// Deletes what a removal says. What others have written there since, or are writing now, is theirs.
async fn remove(
    context: &DdlContext<'_>,
    number: u64,
    removal: &Removal,
    snapshot: &Snapshot,
) -> Result<(), DdlError> {
    match &removal.replaced {
        None => {
            delete_where(context, &removal.location, |name, _| {
                let written = WrittenName::of_path(name).map(|named| named.write);
                written.is_none_or(|write| write < number && snapshot.has_ended(write))
            })
            .await
        }
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
    let mut files = list(context.stores, location).await?;
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
    let files = list(context.stores, from).await?;
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
    catalog: &Catalog,
    change: Change,
    locations: &[String],
) -> Result<(), DdlError> {
    let removals = locations.iter().map(|location| Removal {
        location: location.clone(),
        replaced: None,
        due_seconds: 0,
    });
    commit_then_remove(context, catalog, change, removals.collect()).await
}

/// The same for some of the files at a location.
pub async fn commit_then_remove(
    context: &DdlContext<'_>,
    catalog: &Catalog,
    mut change: Change,
    removals: Vec<Removal>,
) -> Result<(), DdlError> {
    let first = catalog.next_numbers(removals.len() as u64).await?;
    for (number, removal) in (first..).zip(&removals) {
        change.put_removal(number, removal)?;
    }
    catalog.commit(change).await?;
    let numbers = first..first + removals.len() as u64;
    finish(context, catalog, |number, noted| numbers.contains(&number) && is_due(context, noted)).await
}

/// Deletes what killed sessions left at this location and below it, before a table or partition takes the place.
pub async fn clear_leftovers(context: &DdlContext<'_>, location: &str) -> Result<(), DdlError> {
    let place = location.trim_end_matches('/');
    finish(context, &context.catalog.shared, |_, noted| {
        // Single files that wait for their readers are in nobody's way.
        let is_mine = noted.replaced.is_none() || is_due(context, noted);
        is_mine
            && noted
                .location
                .strip_prefix(place)
                .is_some_and(|below| below.is_empty() || below.starts_with('/'))
    })
    .await
}

/// Deletes what has been replaced for so long that nobody reads it any more.
pub async fn remove_due(context: &DdlContext<'_>) -> Result<(), DdlError> {
    finish(context, &context.catalog.shared, |_, noted| noted.replaced.is_some() && is_due(context, noted))
        .await
}

fn is_due(context: &DdlContext<'_>, noted: &Removal) -> bool {
    noted.due_seconds <= context.now_seconds()
}

/// Files first and the note after: a kill between them deletes nothing twice that matters.
async fn finish(
    context: &DdlContext<'_>,
    catalog: &Catalog,
    wanted: impl Fn(u64, &Removal) -> bool,
) -> Result<(), DdlError> {
    // Before the notes are read: a write that is published after a note was crossed out is seen as pending here.
    let snapshot = catalog.snapshot().await?;
    let mut noted = catalog.removals().await?;
    noted.retain(|(number, _, removal)| wanted(*number, removal));
    for together in noted.chunks(CROSSED_OUT_TOGETHER) {
        futures::stream::iter(together)
            .map(|(number, _, removal)| remove(context, *number, removal, &snapshot))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        cross_out(catalog, together).await?;
    }
    Ok(())
}

/// Together, or one by one where another session has finished some at the same time.
async fn cross_out(catalog: &Catalog, done: &[(u64, Version, Removal)]) -> Result<(), DdlError> {
    let mut change = Change::default();
    for (number, version, _) in done {
        change.end_removal(*number, *version);
    }
    match catalog.commit(change).await {
        Err(error) if error.is_conflict() && done.len() > 1 => {
            for one in done.chunks(1) {
                Box::pin(cross_out(catalog, one)).await?;
            }
            Ok(())
        }
        Err(error) if error.is_conflict() => Ok(()),
        done => Ok(done?),
    }
}

fn failed(location: &str, source: object_store::Error) -> DdlError {
    DdlError::Files { location: location.to_owned(), source }
}
