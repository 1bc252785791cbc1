//! Files of this machine in the cluster's storage, under their SHA-256: uploaded when absent, never twice.
//!
//! ```text
//! /.skep/binaries/<sha256>             complete; appears by rename; its modification time says when it was last used
//! /.skep/uploads/<sha256>.<random>     being written, or left by a client that was killed
//! ```
//! The hash of an unchanged file is remembered between runs (`hashes.json` in the state directory), so that a warm
//! submission does not read the binary at all.

use super::{SubmitError, environment::state_directory, limits};
use crate::model::BINARIES_DIRECTORY;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use skep_hdfs::{
    FsPath,
    client::{Client, ClientError, CreateOptions},
    protocol::namespace::{NamespaceError, Operation},
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub const UPLOADS_DIRECTORY: &str = "/.skep/uploads";

/// A file of this machine that lies in the cluster's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Where in the cluster's storage.
    pub path: String,
}

/// Makes sure that the file at `local` is in the cluster's storage. `uploading` is told its size before bytes move.
pub async fn store(
    client: &Client,
    local: &Path,
    uploading: impl FnOnce(u64),
) -> Result<StoredFile, SubmitError> {
    let read_error = |source| SubmitError::Read { path: local.to_owned(), source };
    let local = fs::canonicalize(local).map_err(read_error)?;
    let identity = FileIdentity::of(&local).map_err(read_error)?;
    let sha256 = hash_remembered(&local, &identity).await?;
    let target = format!("{BINARIES_DIRECTORY}/{sha256}");
    let upload_error = |source| SubmitError::Upload { path: local.clone(), target: target.clone(), source };
    let path: FsPath = cluster_path(&target).map_err(upload_error)?;
    if !is_stored(client, &path, identity.len_bytes).await.map_err(upload_error)? {
        uploading(identity.len_bytes);
        remove_leftovers(client).await;
        upload(client, &local, &path, &sha256).await?;
    }
    Ok(StoredFile { sha256, path: target })
}

fn cluster_path(text: &str) -> Result<FsPath, ClientError> {
    text.parse().map_err(|_| ClientError::Protocol("a path"))
}

async fn is_stored(client: &Client, path: &FsPath, len_bytes: u64) -> Result<bool, ClientError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match client.status(path).await {
        Ok(status) if status.len_bytes == len_bytes && !status.open => {
            let unmarked_for = now.saturating_sub(Duration::from_millis(status.modified_ms));
            Ok(unmarked_for < limits::MARKED_USED_FOR || mark_used(client, path, now).await?)
        }
        Ok(_) | Err(ClientError::Namespace(NamespaceError::NotFound(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The master removes what was not used for long; `false`: it just did.
async fn mark_used(client: &Client, path: &FsPath, now: Duration) -> Result<bool, ClientError> {
    let modified_ms = Some(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    match client.call(Operation::SetTimes { path: path.clone(), modified_ms, accessed_ms: None }).await {
        Ok(_) => Ok(true),
        Err(ClientError::Namespace(NamespaceError::NotFound(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn upload(client: &Client, local: &Path, path: &FsPath, sha256: &str) -> Result<(), SubmitError> {
    let temporary = format!("{UPLOADS_DIRECTORY}/{sha256}.{:016x}", rand::random::<u64>());
    let upload_error =
        |source| SubmitError::Upload { path: local.to_owned(), target: path.to_string(), source };
    let temporary = cluster_path(&temporary).map_err(upload_error)?;
    let binaries = cluster_path(BINARIES_DIRECTORY).map_err(upload_error)?;
    client.make_directories(&binaries).await.map_err(upload_error)?;
    copy_up(client, local, &temporary, sha256).await?;
    // Somebody else may have stored the same bytes meanwhile: replacing them with equal ones is harmless.
    client.rename(&temporary, path, true).await.map_err(upload_error)
}

/// Writes the file and checks, on the way, that the bytes are those that were hashed.
async fn copy_up(client: &Client, local: &Path, to: &FsPath, sha256: &str) -> Result<(), SubmitError> {
    let upload_error =
        |source| SubmitError::Upload { path: local.to_owned(), target: to.to_string(), source };
    let read_error = |source| SubmitError::Read { path: local.to_owned(), source };
    let mut file = File::open(local).map_err(read_error)?;
    let mut writer = client.create(to, CreateOptions::default()).await.map_err(upload_error)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; limits::COPY_BYTES];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(source) => {
                let _ = writer.abandon().await;
                return Err(read_error(source));
            }
        };
        hasher.update(&buffer[..read]);
        writer.write(&buffer[..read]).await.map_err(upload_error)?;
    }
    if hexadecimal(&hasher.finalize()) != sha256 {
        let _ = writer.abandon().await;
        return Err(SubmitError::Changed { path: local.to_owned() });
    }
    writer.finish().await.map_err(upload_error)?;
    Ok(())
}

/// Uploads that a killed client never finished have no other owner. Failing to remove them is no reason to fail.
async fn remove_leftovers(client: &Client) {
    let Ok(directory) = cluster_path(UPLOADS_DIRECTORY) else { return };
    let Ok(entries) = client.list(&directory).await else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for entry in entries {
        let age = now.saturating_sub(Duration::from_millis(entry.modified_ms));
        if age > limits::UPLOAD_LEFTOVER_AGE
            && let Err(error) = client.delete(&entry.path, false).await
        {
            tracing::debug!(path = %entry.path, %error, "an unfinished upload stays");
        }
    }
}

/// What says that a file is still the one that was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileIdentity {
    device: u64,
    inode: u64,
    len_bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl FileIdentity {
    fn of(path: &Path) -> io::Result<FileIdentity> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Ok(FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
            len_bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether it was changed so recently that its next change could leave the same times.
    fn is_settling(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX);
        let settling = i128::try_from(limits::HASH_SETTLING.as_nanos()).unwrap_or(i128::MAX);
        now - self.modified_ns.max(self.changed_ns) < settling
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RememberedHash {
    identity: FileIdentity,
    sha256: String,
}

type RememberedHashes = BTreeMap<PathBuf, RememberedHash>;

async fn hash_remembered(path: &Path, identity: &FileIdentity) -> Result<String, SubmitError> {
    let memory = state_directory().map(|directory| directory.join("hashes.json"));
    let mut hashes = memory.as_deref().map(recall).unwrap_or_default();
    if let Some(known) = hashes.get(path).filter(|known| known.identity == *identity) {
        return Ok(known.sha256.clone());
    }
    let read_error = |source| SubmitError::Read { path: path.to_owned(), source };
    let file = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash_file(&file)).await;
    let sha256 = hashed.map_err(|error| read_error(io::Error::other(error)))?.map_err(read_error)?;
    if FileIdentity::of(path).map_err(read_error)? != *identity {
        return Err(SubmitError::Changed { path: path.to_owned() });
    }
    if let Some(memory) = memory.filter(|_| !identity.is_settling()) {
        hashes.insert(path.to_owned(), RememberedHash { identity: identity.clone(), sha256: sha256.clone() });
        remember(&memory, hashes);
    }
    Ok(sha256)
}

fn recall(memory: &Path) -> RememberedHashes {
    fs::read(memory).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Best effort: without it the next submission only reads the file again.
fn remember(memory: &Path, mut hashes: RememberedHashes) {
    hashes.retain(|path, _| path.exists());
    while hashes.len() > limits::REMEMBERED_HASHES_MAX {
        hashes.pop_first();
    }
    let write = || -> io::Result<()> {
        let directory = memory.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer(&mut file, &hashes)?;
        file.persist(memory)?;
        Ok(())
    };
    if let Err(error) = write() {
        tracing::debug!(path = %memory.display(), %error, "hashes are not remembered");
    }
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; limits::COPY_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_sha256() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, b"abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_file(&path).unwrap(), expected);
    }

    #[test]
    fn a_rewritten_file_is_another_file_though_its_length_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, b"abc").unwrap();
        let before = FileIdentity::of(&path).unwrap();
        assert!(before.is_settling());
        fs::remove_file(&path).unwrap();
        fs::write(directory.path().join("y"), b"").unwrap();
        fs::write(&path, b"abd").unwrap();
        assert_ne!(FileIdentity::of(&path).unwrap(), before);
        assert!(FileIdentity::of(directory.path()).is_err());
    }

    #[test]
    fn hashes_are_remembered_and_those_of_vanished_files_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = directory.path().join("state/hashes.json");
        let kept = directory.path().join("kept");
        fs::write(&kept, b"x").unwrap();
        let hash = RememberedHash { identity: FileIdentity::of(&kept).unwrap(), sha256: "00".to_owned() };
        let gone = directory.path().join("gone");
        remember(&memory, BTreeMap::from([(kept.clone(), hash.clone()), (gone, hash)]));
        let found = recall(&memory);
        assert_eq!(found.keys().collect::<Vec<_>>(), [&kept]);
        fs::write(&memory, b"garbage").unwrap();
        assert!(recall(&memory).is_empty());
    }
}
