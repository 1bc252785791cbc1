//! LOAD DATA: files of others become a table's, as they are.

use super::{Amount, Outcome, Write, WriteError};
use crate::{
    catalog::{FileStamp, Replaced, WrittenName, is_private},
    ddl::{DdlContext, DdlError, Problem, files},
    formats::is_of_other_format,
};
use futures::{StreamExt, TryStreamExt};
use glob::Pattern;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, buffered::BufWriter, local::LocalFileSystem, path::Path,
};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

const CHECKS_FORMAT: &str = "hive.fileformat.check";
/// What tells the format of a file.
const HEAD_BYTES: u64 = 256;
/// How many files are copied at a time.
const AT_ONCE: usize = 8;

/// Files, or a folder of files.
pub struct Source {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// As the statement names it.
    text: String,
    /// Of the folder that holds them; `None`: they stay.
    moved_from: Option<String>,
}

impl Source {
    /// On the machine of this process.
    pub fn local(path: &str) -> Result<Source, WriteError> {
        let plain = path.strip_prefix("file:").unwrap_or(path);
        let failed = |source| WriteError::File { doing: "finding", path: path.to_owned(), source };
        let absolute = std::path::absolute(plain).map_err(failed)?;
        let found =
            Path::from_absolute_path(&absolute).map_err(|error| failed(std::io::Error::other(error)))?;
        Ok(Source {
            store: Arc::new(LocalFileSystem::new()),
            path: found,
            text: path.to_owned(),
            moved_from: None,
        })
    }

    /// In a store: what is loaded is there no more afterwards.
    pub fn stored(context: &DdlContext<'_>, location: &str) -> Result<Source, WriteError> {
        let (store, path) = context.stores.resolve(location)?;
        Ok(Source { store, path, text: location.to_owned(), moved_from: Some(location.to_owned()) })
    }

    /// The last part of the path as a pattern, if it is one.
    fn pattern(&self) -> Option<Pattern> {
        let last = self.text.trim_end_matches('/').rsplit('/').next()?;
        last.contains(['*', '?', '[']).then(|| Pattern::new(last).ok()).flatten()
    }

    /// What a pattern matches: files, or the files of folders.
    async fn matching(&self, pattern: &Pattern) -> Result<Vec<ObjectMeta>, WriteError> {
        let failed = |source| WriteError::Store { doing: "listing", location: self.text.clone(), source };
        let mut parts: Vec<_> = self.path.parts().collect();
        parts.pop();
        let parent: Path = parts.into_iter().collect();
        let matches = |path: &Path| path.filename().is_some_and(|name| pattern.matches(name));
        let listed = self.store.list_with_delimiter(Some(&parent)).await.map_err(failed)?;
        let mut files: Vec<_> = listed.objects.into_iter().filter(|file| matches(&file.location)).collect();
        for folder in listed.common_prefixes.iter().filter(|folder| matches(folder)) {
            files.extend(self.store.list_with_delimiter(Some(folder)).await.map_err(failed)?.objects);
        }
        files.retain(|file| file.location.filename().is_some_and(|name| !is_private(name)));
        if files.is_empty() {
            return Err(WriteError::NothingToLoad { path: self.text.clone() });
        }
        files.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(files)
    }

    async fn files(&self) -> Result<Vec<ObjectMeta>, WriteError> {
        if let Some(pattern) = self.pattern() {
            return self.matching(&pattern).await;
        }
        let failed = |source| WriteError::Store { doing: "listing", location: self.text.clone(), source };
        let listed = self.store.list_with_delimiter(Some(&self.path)).await.map_err(failed)?;
        if let Some(folder) =
            listed.common_prefixes.iter().filter_map(Path::filename).find(|name| !is_private(name))
        {
            return Err(WriteError::FolderToLoad { path: self.text.clone(), folder: folder.to_owned() });
        }
        let mut files = listed.objects;
        files.retain(|file| file.location.filename().is_some_and(|name| !is_private(name)));
        if files.is_empty() {
            match self.store.head(&self.path).await {
                Ok(file) => files.push(file),
                Err(_) => return Err(WriteError::NothingToLoad { path: self.text.clone() }),
            }
        }
        files.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(files)
    }

    /// Files that the table could not read are not taken.
    async fn check_format(&self, files: &[ObjectMeta], write: &Write) -> Result<(), WriteError> {
        let table = &write.target.table;
        for file in files.iter().filter(|file| file.size > 0) {
            let failed = |source| WriteError::Store { doing: "reading", location: self.text.clone(), source };
            let head =
                self.store.get_range(&file.location, 0..file.size.min(HEAD_BYTES)).await.map_err(failed)?;
            if is_of_other_format(&table.storage.input_format, &head) {
                return Err(DdlError::from(Problem::WrongFileFormat(self.text.clone())).into());
            }
        }
        Ok(())
    }

    /// What is to be deleted at its old place once the table has it.
    fn replaced(&self, files: &[ObjectMeta]) -> Option<(String, Replaced)> {
        let location = self.moved_from.as_ref()?;
        let is_file = self.pattern().is_some() || files.iter().any(|file| file.location == self.path);
        let folder = match location.trim_end_matches('/').rsplit_once('/') {
            Some((folder, _)) if is_file => folder.to_owned(),
            _ => location.clone(),
        };
        // Of a pattern's files also the folder's name counts: they are named from the folder that the pattern stands in.
        let depth = self.path.parts().count().saturating_sub(1);
        let name = |file: &ObjectMeta| -> Option<String> {
            match self.pattern() {
                Some(_) => Some(Path::from_iter(file.location.parts().skip(depth)).to_string()),
                None => file.location.filename().map(str::to_owned),
            }
        };
        let named = files.iter().filter_map(|file| Some((name(file)?, files::stamp(file))));
        Some((
            folder,
            Replaced {
                files: named.collect::<std::collections::BTreeMap<String, FileStamp>>(),
                ..Replaced::default()
            },
        ))
    }
}

/// Copies the files to where the write puts its own; publishing makes them seen.
pub async fn load(context: &DdlContext<'_>, source: &Source, write: &Write) -> Result<Outcome, WriteError> {
    let description = write.description();
    let (target, _) = context.stores.resolve(&write.target.table.storage.location)?;
    let files = source.files().await?;
    if !context.setting_is(CHECKS_FORMAT, "false") {
        source.check_format(&files, write).await?;
    }
    let number = description.write;
    let copies = files.iter().map(|file| {
        let name = WrittenName::brought(file.location.filename().unwrap_or("file"), number);
        let to = Path::parse(format!("{}/{name}", description.root))
            .unwrap_or_else(|_| Path::from(description.root.as_str()));
        copy(&source.store, &file.location, &target, to, &source.text)
    });
    futures::stream::iter(copies.collect::<Vec<_>>())
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let amount =
        Amount { files: files.len() as u64, rows: 0, bytes: files.iter().map(|file| file.size).sum() };
    Ok(Outcome {
        folders: std::iter::once((String::new(), amount)).collect(),
        is_counted: false,
        moved: source.replaced(&files),
        ..Outcome::default()
    })
}

/// Within one store or from one to another; `text` is what errors call it.
pub(super) async fn copy(
    source: &Arc<dyn ObjectStore>,
    from: &Path,
    target: &Arc<dyn ObjectStore>,
    to: Path,
    text: &str,
) -> Result<(), WriteError> {
    let failed = |error| WriteError::Store { doing: "copying", location: text.to_owned(), source: error };
    if Arc::ptr_eq(source, target) {
        return source.copy(from, &to).await.map_err(failed);
    }
    let mut chunks = source.get(from).await.map_err(failed)?.into_stream();
    let mut writer = BufWriter::new(target.clone(), to);
    while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
        writer.put(chunk).await.map_err(failed)?;
    }
    writer.shutdown().await.map_err(|error| WriteError::File {
        doing: "copying",
        path: text.to_owned(),
        source: error,
    })
}
