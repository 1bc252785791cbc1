//! `dfs -command`: Hadoop's file commands over the stores of the session.
//!
//! Most stores know files, not directories: `-mkdir` checks its path and makes nothing there, and a directory is what holds
//! a file. On this machine directories are there without files too.

use super::{SessionError, stores::local_path};
use crate::ddl::Stores;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use std::sync::Arc;

const KNOWN: &str = "-ls [-R], -cat, -text, -mkdir, -touchz, -put, -copyFromLocal, -get, -copyToLocal, -cp, -mv, \
                     -rm [-r], -rmr, -du, -test -e, -chmod";

/// Runs the words after `dfs`; the lines are its output.
pub(super) async fn run(stores: &dyn Stores, words: &str) -> Result<Vec<String>, SessionError> {
    let words: Vec<&str> = words.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect();
    let Some((command, rest)) = words.split_first() else {
        return Err(SessionError::new("dfs needs a command").hint(format!("known are {KNOWN}")));
    };
    let (flags, paths): (Vec<&str>, Vec<&str>) = rest.iter().partition(|word| word.starts_with('-'));
    let has = |flag: &str| flags.iter().any(|found| found.eq_ignore_ascii_case(flag));
    let dfs = Dfs { stores };
    match (*command, paths.as_slice()) {
        ("-ls" | "-lsr", paths) => dfs.ls(paths, *command == "-lsr" || has("-r")).await,
        ("-cat" | "-text", paths) => dfs.cat(paths).await,
        ("-mkdir", paths) => {
            for path in paths {
                dfs.resolve(path)?;
                let made = stores.make_directory(&absolute(path));
                made.map_err(|error| SessionError::of_ddl(&error, ""))?;
            }
            Ok(vec![])
        }
        ("-chmod" | "-chown" | "-chgrp", paths) => {
            for path in paths.iter().filter(|path| path.contains('/')) {
                dfs.resolve(path)?;
            }
            Ok(vec![])
        }
        ("-touchz", paths) => dfs.touch(paths).await,
        ("-put" | "-copyFromLocal" | "-cp" | "-get" | "-copyToLocal", [from @ .., to])
            if !from.is_empty() =>
        {
            dfs.copy(from, to).await
        }
        ("-mv" | "-moveFromLocal", [from @ .., to]) if !from.is_empty() => {
            dfs.copy(from, to).await?;
            dfs.remove(from, true, true).await
        }
        ("-rm", paths) => dfs.remove(paths, has("-r") || has("-rf"), has("-f")).await,
        ("-rmr", paths) => dfs.remove(paths, true, false).await,
        ("-du" | "-count", paths) => dfs.sizes(paths).await,
        ("-test", [path]) => match dfs.files(path).await?.is_empty() && !stores.is_directory(&absolute(path))
        {
            true => Err(SessionError::new(format!("`{path}': No such file or directory"))),
            false => Ok(vec![]),
        },
        (other, _) => Err(SessionError::new(format!("dfs {other} is not known, or lacks a path"))
            .hint(format!("known are {KNOWN}"))),
    }
}

struct Dfs<'a> {
    stores: &'a dyn Stores,
}

type Resolved = (Arc<dyn ObjectStore>, Path);

impl Dfs<'_> {
    fn resolve(&self, path: &str) -> Result<Resolved, SessionError> {
        self.stores.resolve(&absolute(path)).map_err(|error| SessionError::of_ddl(&error, ""))
    }

    /// The file of that name, or all files below it. A `*` in the last part of the name stands for anything.
    async fn files(&self, path: &str) -> Result<Vec<(Arc<dyn ObjectStore>, ObjectMeta)>, SessionError> {
        let (base, pattern) = match path.rsplit_once('/') {
            Some((base, last)) if last.contains('*') => (base, Some(last)),
            _ => (path, None),
        };
        let (store, found) = self.resolve(base)?;
        if pattern.is_none()
            && let Ok(meta) = store.head(&found).await
        {
            return Ok(vec![(store, meta)]);
        }
        let listed: Vec<ObjectMeta> =
            store.list(Some(&found)).try_collect().await.map_err(|error| failed(path, &error))?;
        let fits = |meta: &ObjectMeta| {
            let first = meta.location.prefix_match(&found).and_then(|mut parts| parts.next());
            pattern.is_none_or(|pattern| first.is_some_and(|first| matches(pattern, first.as_ref())))
        };
        Ok(listed.into_iter().filter(fits).map(|meta| (store.clone(), meta)).collect())
    }

    async fn existing(&self, path: &str) -> Result<Vec<(Arc<dyn ObjectStore>, ObjectMeta)>, SessionError> {
        let files = self.files(path).await?;
        if files.is_empty() && !self.stores.is_directory(&absolute(path)) {
            return Err(SessionError::new(format!("`{path}': No such file or directory")));
        }
        Ok(files)
    }

    async fn ls(&self, paths: &[&str], recursive: bool) -> Result<Vec<String>, SessionError> {
        let mut lines = Vec::new();
        for path in paths {
            let (_, base) = self.resolve(path)?;
            let mut directories = std::collections::BTreeSet::new();
            let mut found = Vec::new();
            for (_, meta) in self.existing(path).await? {
                let below: Vec<_> = meta.location.prefix_match(&base).into_iter().flatten().collect();
                match below.as_slice() {
                    [directory, _, ..] if !recursive => {
                        directories.insert(base.clone().join(directory.as_ref()));
                    }
                    _ => found.push((meta.size, meta.location)),
                }
            }
            let count = directories.len() + found.len();
            if !recursive {
                lines.push(format!("Found {count} items"));
            }
            lines.extend(directories.iter().map(|directory| format!("drwxr-xr-x {:>12} /{directory}", 0)));
            lines.extend(found.iter().map(|(size, file)| format!("-rw-r--r-- {size:>12} /{file}")));
        }
        Ok(lines)
    }

    async fn cat(&self, paths: &[&str]) -> Result<Vec<String>, SessionError> {
        let mut lines = Vec::new();
        for path in paths {
            for (store, meta) in self.existing(path).await? {
                let content = store.get(&meta.location).await.map_err(|error| failed(path, &error))?;
                let bytes = content.bytes().await.map_err(|error| failed(path, &error))?;
                lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
            }
        }
        Ok(lines)
    }

    async fn touch(&self, paths: &[&str]) -> Result<Vec<String>, SessionError> {
        for path in paths {
            let (store, found) = self.resolve(path)?;
            store.put(&found, Vec::new().into()).await.map_err(|error| failed(path, &error))?;
        }
        Ok(vec![])
    }

    async fn copy(&self, from: &[&str], to: &str) -> Result<Vec<String>, SessionError> {
        for source in from {
            let (_, base) = self.resolve(source)?;
            for (store, meta) in self.existing(source).await? {
                let below: Vec<_> = meta.location.prefix_match(&base).into_iter().flatten().collect();
                let (target_store, target) = self.target(to, source, from.len() > 1).await?;
                let target = below.into_iter().fold(target, |path, part| path.join(part));
                let content = store.get(&meta.location).await.map_err(|error| failed(source, &error))?;
                let mut writer = object_store::buffered::BufWriter::new(target_store, target);
                let mut chunks = content.into_stream();
                while let Some(chunk) = chunks.try_next().await.map_err(|error| failed(source, &error))? {
                    writer.put(chunk).await.map_err(|error| failed(to, &error))?;
                }
                let closed = tokio::io::AsyncWriteExt::shutdown(&mut writer).await;
                closed.map_err(|error| SessionError::new(format!("{to}: {error}")))?;
            }
        }
        Ok(vec![])
    }

    /// Into a directory goes the source's own name.
    async fn target(&self, to: &str, source: &str, several: bool) -> Result<Resolved, SessionError> {
        let (store, path) = self.resolve(to)?;
        let is_directory = several
            || to.ends_with('/')
            || local_path(to).is_some_and(|path| std::path::Path::new(path).is_dir())
            || store.list(Some(&path)).try_next().await.is_ok_and(|first| first.is_some());
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        Ok((store, if is_directory { path.join(name) } else { path }))
    }

    async fn remove(
        &self,
        paths: &[&str],
        recursive: bool,
        force: bool,
    ) -> Result<Vec<String>, SessionError> {
        for path in paths {
            let files = if force { self.files(path).await? } else { self.existing(path).await? };
            let (_, base) = self.resolve(path)?;
            if !recursive && !path.contains('*') && files.iter().any(|(_, meta)| meta.location != base) {
                return Err(SessionError::new(format!("`{path}': Is a directory")).hint("use -rm -r"));
            }
            for (store, meta) in files {
                store.delete(&meta.location).await.map_err(|error| failed(path, &error))?;
            }
            if recursive {
                let removed = self.stores.remove_directory(&absolute(path));
                removed.map_err(|error| SessionError::of_ddl(&error, ""))?;
            }
        }
        Ok(vec![])
    }

    async fn sizes(&self, paths: &[&str]) -> Result<Vec<String>, SessionError> {
        let mut lines = Vec::new();
        for path in paths {
            let bytes: u64 = self.existing(path).await?.iter().map(|(_, meta)| meta.size).sum();
            lines.push(format!("{bytes}  {path}"));
        }
        Ok(lines)
    }
}

fn absolute(path: &str) -> String {
    match path.contains(':') || path.starts_with('/') {
        true => path.to_owned(),
        false => {
            std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
        }
    }
}

fn failed(path: &str, error: &object_store::Error) -> SessionError {
    SessionError::new(format!("`{path}': {error}"))
}

/// `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(place) = rest.find(piece) else { return false };
        rest = rest.get(place + piece.len()..).unwrap_or_default();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("a*", "abc") && matches("*", "x") && matches("a*c", "abbc") && matches("abc", "abc"));
        assert!(!matches("a*d", "abc") && !matches("abc", "abcd"));
    }
}
