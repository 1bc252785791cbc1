//! Where a session without a cluster finds its files: the file system of this machine.

use crate::ddl::{DdlError, Stores};
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};
use std::sync::Arc;

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

/// The path on this machine that a location names, if it names one.
pub fn local_path(location: &str) -> Option<&str> {
    let path = location.strip_prefix("file:").unwrap_or(location);
    let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    path.starts_with('/').then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_on_this_machine_is_written_in_three_ways() {
        for location in ["/a/b", "file:/a/b", "file:///a/b"] {
            assert_eq!(local_path(location), Some("/a/b"), "{location}");
        }
        assert_eq!(local_path("s3://bucket/a"), None);
        assert_eq!(local_path("a/b"), None);
    }
}
