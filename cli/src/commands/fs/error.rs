//! Failures of `skep fs`, worded as `hdfs dfs` words them: ``ls: `/x': No such file or directory``.

use skep_hdfs::{client::ClientError, protocol::namespace::NamespaceError, stores::StoreError};
use std::{error::Error, fmt, io};

/// What is wrong with one path.
#[derive(Debug)]
pub struct FsError {
    /// As the user wrote it.
    pub shown: String,
    pub reason: Reason,
}

#[derive(Debug)]
pub enum Reason {
    NotFound,
    Exists,
    IsDirectory,
    NotDirectory,
    NotEmpty,
    /// This store, or this cluster, has no such thing.
    Unsupported(&'static str),
    Told(String),
    Other(Box<dyn Error>),
    /// Nobody reads our output any more.
    OutputClosed,
}

impl FsError {
    pub fn new(shown: &str, reason: Reason) -> FsError {
        FsError { shown: shown.to_owned(), reason }
    }

    pub fn told(shown: &str, what: impl Into<String>) -> FsError {
        FsError::new(shown, Reason::Told(what.into()))
    }

    pub fn other(shown: &str, error: impl Error + 'static) -> FsError {
        FsError::new(shown, Reason::Other(Box::new(error)))
    }

    /// Writing the command's own output failed.
    pub fn output(error: io::Error) -> FsError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => FsError::new("-", Reason::OutputClosed),
            _ => FsError::other("standard output", error),
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::NotFound)
    }

    pub fn from_io(shown: &str, error: io::Error) -> FsError {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => Reason::NotFound,
            io::ErrorKind::AlreadyExists => Reason::Exists,
            io::ErrorKind::NotADirectory => Reason::NotDirectory,
            io::ErrorKind::IsADirectory => Reason::IsDirectory,
            io::ErrorKind::DirectoryNotEmpty => Reason::NotEmpty,
            io::ErrorKind::PermissionDenied => Reason::Told("Permission denied".to_owned()),
            _ => Reason::Other(Box::new(error)),
        };
        FsError::new(shown, reason)
    }

    pub fn from_client(shown: &str, error: ClientError) -> FsError {
        let reason = match error {
            ClientError::Namespace(NamespaceError::NotFound(_)) => Reason::NotFound,
            ClientError::Namespace(NamespaceError::Exists(_)) => Reason::Exists,
            ClientError::Namespace(NamespaceError::NotDirectory(_)) => Reason::NotDirectory,
            ClientError::Namespace(NamespaceError::IsDirectory(_)) => Reason::IsDirectory,
            ClientError::Namespace(NamespaceError::NotEmpty(_)) => Reason::NotEmpty,
            other => Reason::Other(Box::new(other)),
        };
        FsError::new(shown, reason)
    }

    pub fn from_store(shown: &str, error: StoreError) -> FsError {
        match error {
            StoreError::NotFound { .. } => FsError::new(shown, Reason::NotFound),
            other => FsError::other(shown, other),
        }
    }

    pub fn from_objects(shown: &str, error: object_store::Error) -> FsError {
        let reason = match error {
            object_store::Error::NotFound { .. } => Reason::NotFound,
            object_store::Error::AlreadyExists { .. } => Reason::Exists,
            other => Reason::Other(Box::new(other)),
        };
        FsError::new(shown, reason)
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}': ", self.shown)?;
        match &self.reason {
            Reason::NotFound => f.write_str("No such file or directory"),
            Reason::Exists => f.write_str("File exists"),
            Reason::IsDirectory => f.write_str("Is a directory"),
            Reason::NotDirectory => f.write_str("Is not a directory"),
            Reason::NotEmpty => f.write_str("Directory is not empty"),
            Reason::Unsupported(what) => write!(f, "Operation not supported: {what}"),
            Reason::Told(what) => f.write_str(what),
            Reason::Other(error) => f.write_str(&skep_jobs::submit::report::describe(&**error)),
            Reason::OutputClosed => f.write_str("output is closed"),
        }
    }
}

impl Error for FsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_hadoop() {
        let shown = |reason| FsError::new("/x", reason).to_string();
        assert_eq!(shown(Reason::NotFound), "`/x': No such file or directory");
        assert_eq!(shown(Reason::Exists), "`/x': File exists");
        assert_eq!(shown(Reason::IsDirectory), "`/x': Is a directory");
        assert_eq!(shown(Reason::NotDirectory), "`/x': Is not a directory");
        assert_eq!(shown(Reason::NotEmpty), "`/x': Directory is not empty");
    }

    #[test]
    fn what_the_master_refuses_is_told_for_the_path_as_it_was_written() {
        let refused = ClientError::Namespace(NamespaceError::NotFound("/user/ada/x".parse().unwrap()));
        assert_eq!(FsError::from_client("x", refused).to_string(), "`x': No such file or directory");
    }
}
