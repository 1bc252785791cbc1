//! Absolute, normalised paths of the namespace.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `/a/b/c`: begins with `/`, has no empty, `.` or `..` component and no trailing `/` (the root is `/`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FsPath(String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{text}` is not a path of the cluster: {reason}")]
pub struct PathError {
    pub text: String,
    pub reason: String,
}

impl FsPath {
    pub fn root() -> FsPath {
        FsPath("/".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components, from the root down; none for the root itself.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    pub fn name(&self) -> Option<&str> {
        self.components().next_back()
    }

    pub fn parent(&self) -> Option<FsPath> {
        let name = self.name()?;
        let parent = self.0[..self.0.len() - name.len()].trim_end_matches('/');
        Some(if parent.is_empty() { FsPath::root() } else { FsPath(parent.to_owned()) })
    }

    /// This path with one more component.
    pub fn join(&self, name: &str) -> Result<FsPath, PathError> {
        format!("{}/{name}", self.0.trim_end_matches('/')).parse()
    }

    /// Whether `self` is `other` or lies below it.
    pub fn is_within(&self, other: &FsPath) -> bool {
        other.0 == "/"
            || self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for FsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FsPath {
    type Err = PathError;

    /// Accepts repeated and trailing slashes and folds them away.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: String| Err(PathError { text: shown(text), reason });
        if !text.starts_with('/') {
            return refuse("it must begin with `/`".to_owned());
        }
        let (bytes_max, components_max) = (crate::limits::PATH_BYTES_MAX, crate::limits::PATH_COMPONENTS_MAX);
        let mut path = String::with_capacity(text.len().min(bytes_max));
        for (index, part) in text.split('/').filter(|part| !part.is_empty()).enumerate() {
            if index == components_max {
                return refuse(format!("it has over {components_max} components"));
            }
            if path.len() + 1 + part.len() > bytes_max {
                return refuse(format!("it is over {bytes_max} bytes"));
            }
            if part == "." || part == ".." {
                return refuse(format!("`{part}` is not allowed in it"));
            }
            if part.len() > crate::limits::NAME_BYTES_MAX {
                return refuse(format!("a name in it is over {} bytes", crate::limits::NAME_BYTES_MAX));
            }
            if part.contains('\0') {
                return refuse("it contains a NUL byte".to_owned());
            }
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(FsPath(path))
    }
}

/// A text as an error shows it: the beginning, if it is long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl TryFrom<String> for FsPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FsPath> for String {
    fn from(path: FsPath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{PATH_BYTES_MAX, PATH_COMPONENTS_MAX};

    #[test]
    fn paths_that_are_too_deep_or_too_long_are_refused_with_the_bound() {
        let deep = "/a".repeat(PATH_COMPONENTS_MAX);
        assert_eq!(deep.parse::<FsPath>().unwrap().components().count(), PATH_COMPONENTS_MAX);
        let refused = format!("{deep}/a").parse::<FsPath>().unwrap_err().to_string();
        assert!(
            refused.ends_with("...` is not a path of the cluster: it has over 1000 components"),
            "{refused}"
        );
        let name = "n".repeat(199);
        let long = format!("/{name}").repeat(PATH_BYTES_MAX / 200);
        assert!(long.parse::<FsPath>().is_ok());
        let refused = format!("{long}/a").parse::<FsPath>().unwrap_err();
        assert_eq!(refused.reason, "it is over 8000 bytes");
        assert!(refused.text.len() < 300);
    }

    #[test]
    fn slashes_are_folded_and_dots_are_refused() {
        assert_eq!("//a///b/".parse::<FsPath>().unwrap().as_str(), "/a/b");
        assert_eq!("///".parse::<FsPath>().unwrap(), FsPath::root());
        for wrong in ["", "a", "/a/../b", "/./a", "/a\0b"] {
            assert!(wrong.parse::<FsPath>().is_err(), "{wrong:?}");
        }
    }
}
