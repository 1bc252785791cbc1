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
