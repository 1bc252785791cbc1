//! Job binaries and shipped files: brought once from the cluster's storage, checked against their SHA-256, and kept for the
//! next job that names them.

use crate::limits;
use sha2::{Digest, Sha256};
use skep_hdfs::{
    FsPath,
    client::{Client, ClientError},
    protocol::namespace::NamespaceError,
};
use skep_jobs::model::FaultKind;
use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::task::spawn_blocking;

#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("`{0}` is not a SHA-256 in lower-case hexadecimal")]
    BadDigest(String),
    #[error("`{path}`: {reason}")]
    BadPath { path: String, reason: String },
    #[error("{path} cannot be read: {source}")]
    Read { path: String, source: ClientError },
    #[error(
        "{path} is not what the job was submitted with (SHA-256 {found}, expected {expected}); submit it again"
    )]
    OtherContent { path: String, expected: String, found: String },
    #[error("cannot keep {path} in {directory}: {source}")]
    Disk { path: String, directory: PathBuf, source: io::Error },
    #[error("the work on {path} was given up: {reason}")]
    Lost { path: String, reason: String },
}

impl ProgramError {
    /// Whose fault it is that a process cannot be started.
    pub fn kind(&self) -> FaultKind {
        match self {
            ProgramError::BadDigest(_) | ProgramError::BadPath { .. } | ProgramError::OtherContent { .. } => {
                FaultKind::Undecodable
            }
            ProgramError::Read { source: ClientError::Namespace(NamespaceError::NotFound(_)), .. } => {
                FaultKind::Undecodable
            }
            ProgramError::Read { .. } | ProgramError::Lost { .. } => FaultKind::Worker,
            ProgramError::Disk { .. } => FaultKind::WorkerDisk,
        }
    }
}

/// Files by their content. Several callers that want the same one wait for one transfer.
pub struct ProgramCache {
    directory: PathBuf,
    bytes_max: u64,
    /// By digest: whether the file was checked in this life.
    checked: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<bool>>>>,
}

impl ProgramCache {
    pub fn new(directory: PathBuf, bytes_max: u64) -> ProgramCache {
        ProgramCache { directory, bytes_max, checked: Mutex::default() }
    }

    /// The file with this content, executable for this user; brought from `path` of the cluster if it is not here.
    pub async fn fetch(&self, client: &Client, sha256: &str, path: &str) -> Result<PathBuf, ProgramError> {
        let file = self.place(sha256)?;
        let entry = {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(checked.entry(sha256.to_owned()).or_default())
        };
        let mut is_checked = entry.lock().await;
        if !(file.exists() && (*is_checked || self.is_intact(&file, sha256).await?)) {
            self.bring(client, &file, sha256, path).await?;
        }
        *is_checked = true;
        self.touch_and_evict(&file);
        Ok(file)
    }

    fn place(&self, sha256: &str) -> Result<PathBuf, ProgramError> {
        let is_digest =
            sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_digest {
            Ok(self.directory.join(sha256))
        } else {
            Err(ProgramError::BadDigest(sha256.to_owned()))
        }
    }

    /// A file from an earlier life may be torn: a machine that lost its power keeps names without contents.
    async fn is_intact(&self, file: &Path, sha256: &str) -> Result<bool, ProgramError> {
        let (path, expected) = (file.to_path_buf(), sha256.to_owned());
        self.blocking(file, move || {
            let mut hasher = Sha256::new();
            io::copy(&mut File::open(path)?, &mut hasher)?;
            Ok(hex(&hasher.finalize()) == expected)
        })
        .await
    }

    async fn bring(
        &self,
        client: &Client,
        file: &Path,
        sha256: &str,
        path: &str,
    ) -> Result<(), ProgramError> {
        let bad = |reason: String| ProgramError::BadPath { path: path.to_owned(), reason };
        let source: FsPath =
            path.parse().map_err(|error: skep_hdfs::path::PathError| bad(error.to_string()))?;
        let unreadable = |source| ProgramError::Read { path: path.to_owned(), source };
        let reader = client.open(&source).await.map_err(unreadable)?;
        let length = reader.status().len_bytes;
        let fresh = file.with_extension("fresh");
        let made = fresh.clone();
        let mut sink = self.blocking(file, move || Ok((File::create(made)?, Sha256::new()))).await?;
        let mut offset = 0;
        while offset < length {
            let end = length.min(offset + limits::PROGRAM_READ_BYTES);
            let bytes = reader.read(offset..end).await.map_err(unreadable)?;
            offset += bytes.len() as u64;
            sink = self
                .blocking(file, move || {
                    sink.0.write_all(&bytes)?;
                    sink.1.update(&bytes);
                    Ok(sink)
                })
                .await?;
        }
        let found = hex(&sink.1.finalize());
        if found != sha256 {
            let _ = fs::remove_file(&fresh);
            return Err(ProgramError::OtherContent {
                path: path.to_owned(),
                expected: sha256.to_owned(),
                found,
            });
        }
        let (out, target) = (sink.0, file.to_path_buf());
        self.blocking(file, move || {
            out.set_permissions(Permissions::from_mode(0o700))?;
            // Closed before it can be executed.
            drop(out);
            fs::rename(fresh, target)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        file: &Path,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, ProgramError> {
        let path = file.display().to_string();
        match spawn_blocking(work).await {
            Ok(result) => result.map_err(|source| ProgramError::Disk {
                path,
                directory: self.directory.clone(),
                source,
            }),
            Err(error) => Err(ProgramError::Lost { path, reason: error.to_string() }),
        }
    }

    /// Marks the file as just used, and removes the least recently used ones beyond the bound. One that runs can be
    /// removed: the kernel keeps its content until it ends.
    fn touch_and_evict(&self, used: &Path) {
        let touched = File::open(used).and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched.and_then(|()| self.evict(used)) {
            tracing::debug!(%error, "cannot tidy the cache of programs");
        }
    }

    fn evict(&self, used: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort_by_key(|(modified, _, _)| std::cmp::Reverse(*modified));
        let mut kept_bytes = 0;
        for (_, length, path) in files {
            kept_bytes += length;
            let is_whole = path.extension().is_none();
            if kept_bytes > self.bytes_max && is_whole && path != used {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_least_recently_used_files_go_first_and_the_one_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ProgramCache::new(folder.path().to_path_buf(), 250);
        for (age, name) in ["d", "c", "b", "a"].iter().enumerate() {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let modified = SystemTime::now() - Duration::from_secs(100 * (age as u64 + 1));
            File::open(&path).unwrap().set_modified(modified).unwrap();
        }
        cache.touch_and_evict(&folder.path().join("a"));
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a", "d"], "`a` was used just now, `d` before it");
    }

    #[test]
    fn a_digest_cannot_name_a_file_elsewhere() {
        let cache = ProgramCache::new(PathBuf::from("/nowhere"), 0);
        for bad in ["", "../../etc/passwd", &"A".repeat(64), &"0".repeat(63)] {
            assert!(matches!(cache.place(bad), Err(ProgramError::BadDigest(_))), "{bad}");
        }
        assert!(cache.place(&"0a".repeat(32)).is_ok());
    }
}
