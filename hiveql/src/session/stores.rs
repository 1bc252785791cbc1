//! Where a session without a cluster finds its files: the file system of this machine.

use crate::ddl::{DdlError, Stores};
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};
use std::{fs, io, sync::Arc};

/// Locations are `file:/a/b`, `file:///a/b` or `/a/b`.
#[derive(Debug)]
pub struct LocalStores {
    root: Arc<LocalFileSystem>,
}

impl Default for LocalStores {
    fn default() -> Self {
        LocalStores { root: Arc::new(LocalFileSystem::new().with_automatic_cleanup(true)) }
    }
}

impl Stores for LocalStores {
    fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, Path), DdlError> {
        let failed =
            |reason: &str| DdlError::Location { location: location.to_owned(), reason: reason.to_owned() };
        let path = local_path(location).ok_or_else(|| {
            failed("without a cluster there are only files of this machine, as file:/path or /path")
        })?;
        let path = Path::from_absolute_path(path).map_err(|error| failed(&error.to_string()))?;
        Ok((self.root.clone(), path))
    }

    fn absolute(&self, path: &str) -> String {
        match std::path::absolute(path) {
            Ok(absolute) => format!("file:{}", absolute.display()),
            Err(_) => path.to_owned(),
        }
    }

    fn make_directory(&self, location: &str) -> Result<(), DdlError> {
        let Some(path) = local_path(location) else { return Ok(()) };
        fs::create_dir_all(path).map_err(|error| not_done(location, &error))
    }

    fn is_directory(&self, location: &str) -> bool {
        local_path(location).is_some_and(|path| std::path::Path::new(path).is_dir())
    }

    fn remove_directory(&self, location: &str) -> Result<(), DdlError> {
        match local_path(location).filter(|_| self.is_directory(location)) {
            Some(path) => fs::remove_dir_all(path).map_err(|error| not_done(location, &error)),
            None => Ok(()),
        }
    }

    fn delete_unfinished(&self, location: &str, is_meant: &dyn Fn(&str) -> bool) -> Result<(), DdlError> {
        let Some(path) = local_path(location) else { return Ok(()) };
        delete_staged(std::path::Path::new(path), is_meant).map_err(|error| DdlError::Location {
            location: location.to_owned(),
            reason: format!("what a killed process left there cannot be deleted: {error}"),
        })
    }
}

fn not_done(location: &str, error: &io::Error) -> DdlError {
    DdlError::Location { location: location.to_owned(), reason: error.to_string() }
}

/// Where a session of a cluster finds its files: the cluster's storage, `s3://`, and what else its stores know.
pub struct ClusterStores(pub skep_hdfs::stores::Stores);

impl Stores for ClusterStores {
    fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, Path), DdlError> {
        // Hive writes `file:/path` too.
        let whole = match location.strip_prefix("file:/").filter(|rest| !rest.starts_with('/')) {
            Some(rest) => format!("file:///{rest}"),
            None => location.to_owned(),
        };
        let place = self.0.resolve(&whole).map_err(|error| DdlError::Location {
            location: location.to_owned(),
            reason: error.to_string(),
        })?;
        Ok((place.store, place.path))
    }

    fn absolute(&self, path: &str) -> String {
        self.0.resolve(path).map_or_else(|_| path.to_owned(), |place| place.text)
    }
}

/// The store writes `name#1`, which it never lists, and gives it its name when all is there.
fn delete_staged(folder: &std::path::Path, is_meant: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            delete_staged(&entry.path(), is_meant)?;
            continue;
        }
        let file = entry.file_name();
        let staged = file.to_str().and_then(|name| name.rsplit_once('#'));
        let is_staged =
            |(name, number): (&str, &str)| number.bytes().all(|byte| byte.is_ascii_digit()) && is_meant(name);
        if staged.is_some_and(is_staged) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The path on this machine that a location names, if it names one. `pfile:` is how Hive's tests call it.
pub fn local_path(location: &str) -> Option<&str> {
    let path =
        ["file:", "pfile:"].iter().find_map(|scheme| location.strip_prefix(scheme)).unwrap_or(location);
    let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    path.starts_with('/').then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["000000_0-w2#1", "000000_0-w3#1", "000000_0-w2", "a#b"];
        fs::create_dir(folder.path().join("ds=1")).unwrap();
        for name in names {
            fs::write(folder.path().join("ds=1").join(name), "x").unwrap();
        }
        let location = format!("file:{}", folder.path().display());
        LocalStores::default().delete_unfinished(&location, &|name| name.ends_with("-w2")).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path().join("ds=1"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["000000_0-w2", "000000_0-w3#1", "a#b"]);
    }

    #[test]
    fn a_location_on_this_machine_is_written_in_three_ways() {
        for location in ["/a/b", "file:/a/b", "file:///a/b"] {
            assert_eq!(local_path(location), Some("/a/b"), "{location}");
        }
        assert_eq!(local_path("s3://bucket/a"), None);
        assert_eq!(local_path("a/b"), None);
    }
}
