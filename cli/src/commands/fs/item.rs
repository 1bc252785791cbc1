//! A path as the user wrote it, and the place that it means.

use super::error::{FsError, Reason};
use std::path::{Path, PathBuf};

/// Which store a path lies in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Cluster,
    Local,
    /// `s3://BUCKET`.
    Objects {
        bucket: String,
    },
}

/// A path. `path` is absolute in its store, without a `/` at its end (but the root is `/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// As the user wrote it; of what is found below it, continued the same way.
    pub shown: String,
    pub place: Place,
    pub path: String,
}

impl Item {
    /// A path of the default store (the cluster's) unless it has a scheme. Relative ones lie in the user's directory.
    pub fn parse(text: &str, user: &str) -> Result<Item, FsError> {
        let wrong = |why: &str| Err(FsError::told(text, why.to_owned()));
        let (place, path) = match text.split_once("://") {
            None if text.is_empty() => return wrong("Can not create a Path from an empty string"),
            None => (Place::Cluster, absolute(text, &format!("/user/{user}"))),
            Some(("hdfs", rest)) => {
                let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
                (Place::Cluster, path.to_owned())
            }
            Some(("s3" | "s3a", rest)) => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return wrong("a bucket is missing: write s3://BUCKET/KEY");
                }
                (Place::Objects { bucket: bucket.to_owned() }, format!("/{key}"))
            }
            Some(("file", rest)) if rest.starts_with('/') => (Place::Local, rest.to_owned()),
            Some(("file", _)) => return wrong("write file:///PATH: the path must be absolute"),
            Some((scheme, _)) => return wrong(&format!("No FileSystem for scheme \"{scheme}\"")),
        };
        let path = normalise(&path).ok_or_else(|| FsError::told(text, "`..` leads out of the store"))?;
        Ok(Item { shown: trimmed(text).to_owned(), place, path })
    }

    /// A path of this machine, with or without `file://`.
    pub fn local(text: &str) -> Result<Item, FsError> {
        let path = text.strip_prefix("file://").unwrap_or(text);
        let absolute = std::path::absolute(Path::new(if path.is_empty() { "." } else { path }))
            .map_err(|error| FsError::from_io(text, error))?;
        let path = absolute.to_str().ok_or_else(|| FsError::told(text, "the path is not UTF-8"))?;
        let path = normalise(path).unwrap_or_else(|| "/".to_owned());
        Ok(Item { shown: trimmed(text).to_owned(), place: Place::Local, path })
    }

    pub fn child(&self, name: &str) -> Item {
        Item {
            shown: join_shown(&self.shown, name),
            place: self.place.clone(),
            path: format!("{}/{name}", self.path.trim_end_matches('/')),
        }
    }

    /// The same place with another ending of its name.
    pub fn with_ending(&self, ending: &str) -> Item {
        Item {
            shown: format!("{}{ending}", self.shown),
            place: self.place.clone(),
            path: format!("{}{ending}", self.path),
        }
    }

    pub fn parent(&self) -> Option<Item> {
        if self.is_root() {
            return None;
        }
        let up = |text: &str| text.rsplit_once('/').map_or(".", |(parent, _)| parent).to_owned();
        let or_root = |text: String| if text.is_empty() { "/".to_owned() } else { text };
        Some(Item {
            shown: or_root(up(&self.shown)),
            place: self.place.clone(),
            path: or_root(up(&self.path)),
        })
    }

    pub fn is_root(&self) -> bool {
        self.path == "/"
    }

    /// The last part; empty for the root.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub fn local_path(&self) -> PathBuf {
        PathBuf::from(&self.path)
    }

    pub fn error(&self, reason: Reason) -> FsError {
        FsError::new(&self.shown, reason)
    }

    /// Whether it is `other` or lies below it.
    pub fn is_within(&self, other: &Item) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.place == other.place
            && (other.is_root() || self.path.strip_prefix(&other.path).is_some_and(below))
    }
}

fn absolute(text: &str, home: &str) -> String {
    if text.starts_with('/') { text.to_owned() } else { format!("{home}/{text}") }
}

/// Without empty parts, `.` and `..`. `None`: it leads above the root.
fn normalise(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// Slashes at the end say nothing, except in `/` and `s3://b/`.
fn trimmed(text: &str) -> &str {
    let short = text.trim_end_matches('/');
    if short.is_empty() || short.ends_with(':') { text } else { short }
}

fn join_shown(parent: &str, name: &str) -> String {
    match parent {
        "." => name.to_owned(),
        parent if parent.ends_with('/') => format!("{parent}{name}"),
        parent => format!("{parent}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Item {
        Item::parse(text, "ada").unwrap()
    }

    #[test]
    fn the_scheme_names_the_store() {
        assert_eq!((item("/a/b").place, item("/a/b").path), (Place::Cluster, "/a/b".to_owned()));
        assert_eq!(item("hdfs://h:1/a").path, "/a");
        assert_eq!(item("hdfs:///a").path, "/a");
        assert_eq!(item("file:///tmp/x").place, Place::Local);
        let object = item("s3://bucket/key/x");
        assert_eq!(
            (object.place, object.path),
            (Place::Objects { bucket: "bucket".to_owned() }, "/key/x".to_owned())
        );
        assert!(Item::parse("ftp://x/y", "ada").is_err());
        assert!(Item::parse("", "ada").is_err());
        assert!(Item::parse("/a/../..", "ada").is_err());
    }

    #[test]
    fn relative_paths_lie_in_the_users_directory_and_are_shown_as_written() {
        let found = item("books/").child("x");
        assert_eq!((found.path.as_str(), found.shown.as_str()), ("/user/ada/books/x", "books/x"));
        let found = item(".").child("x");
        assert_eq!((found.path.as_str(), found.shown.as_str()), ("/user/ada/x", "x"));
    }

    #[test]
    fn children_and_parents_keep_the_users_spelling() {
        assert_eq!(item("/").child("a").shown, "/a");
        assert_eq!(item("s3://b").child("a").shown, "s3://b/a");
        assert_eq!(item("/a/b//").shown, "/a/b");
        assert_eq!(item("/a/b").parent().unwrap(), item("/a"));
        assert_eq!(item("/a").parent().unwrap().path, "/");
        assert_eq!(item("/").parent(), None);
        assert_eq!(item("/a/b").name(), "b");
    }

    #[test]
    fn what_lies_below_is_told_from_what_only_begins_alike() {
        assert!(item("/a/b").is_within(&item("/a")) && item("/a").is_within(&item("/")));
        assert!(!item("/ab").is_within(&item("/a")) && !item("file:///a/b").is_within(&item("/a")));
    }
}
