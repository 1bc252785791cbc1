//! This machine's files.

use super::{
    super::{
        error::{FsError, Reason},
        item::Item,
    },
    Attribute, Contents, Found, Kind, Room, Status, Storage, Writing,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rustix::fs::{Gid, Uid};
use std::{
    collections::BTreeMap,
    fs::{self, File, FileTimes, Metadata},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

const READ_BYTES: usize = 4 << 20;
const BLOCK_BYTES: u64 = 32 << 20;

pub struct LocalStorage;

fn told(item: &Item) -> impl Fn(io::Error) -> FsError + '_ {
    |error| FsError::from_io(&item.shown, error)
}

fn milliseconds(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(seconds * 1000 + nanoseconds / 1_000_000).unwrap_or_default()
}

fn status_of(metadata: &Metadata) -> Status {
    let kind = if metadata.is_dir() { Kind::Directory } else { Kind::File };
    Status {
        kind,
        len_bytes: if metadata.is_dir() { 0 } else { metadata.len() },
        replication: u16::from(!metadata.is_dir()),
        block_bytes: if metadata.is_dir() { 0 } else { BLOCK_BYTES },
        modified_ms: milliseconds(metadata.mtime(), metadata.mtime_nsec()),
        accessed_ms: milliseconds(metadata.atime(), metadata.atime_nsec()),
        owner: account_name(users(), metadata.uid()),
        group: account_name(groups(), metadata.gid()),
        mode: (metadata.mode() & 0o7777) as u16,
    }
}

fn account_name(accounts: &BTreeMap<u32, String>, id: u32) -> String {
    accounts.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

fn users() -> &'static BTreeMap<u32, String> {
    static USERS: OnceLock<BTreeMap<u32, String>> = OnceLock::new();
    USERS.get_or_init(|| accounts("/etc/passwd"))
}

fn groups() -> &'static BTreeMap<u32, String> {
    static GROUPS: OnceLock<BTreeMap<u32, String>> = OnceLock::new();
    GROUPS.get_or_init(|| accounts("/etc/group"))
}

/// `name:x:id:...` in both files.
fn accounts(file: &str) -> BTreeMap<u32, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(parse).collect()
}

fn id_of(accounts: &BTreeMap<u32, String>, name: &str) -> Option<u32> {
    let named = accounts.iter().find(|(_, known)| *known == name).map(|(id, _)| *id);
    named.or_else(|| name.parse().ok())
}

#[async_trait(?Send)]
impl Storage for LocalStorage {
    async fn status(&self, item: &Item) -> Result<Status, FsError> {
        fs::metadata(item.local_path()).map(|metadata| status_of(&metadata)).map_err(told(item))
    }

    async fn list(&self, item: &Item) -> Result<Vec<Found>, FsError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(item.local_path()).map_err(told(item))? {
            let entry = entry.map_err(told(item))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(FsError::told(&item.shown, format!("{} is not UTF-8", name.display())));
            };
            let item = item.child(name);
            // A link that leads nowhere is shown as itself.
            let metadata = fs::metadata(entry.path()).or_else(|_| entry.metadata()).map_err(told(&item))?;
            found.push(Found { item, status: status_of(&metadata) });
        }
        found.sort_by(|a, b| a.item.path.cmp(&b.item.path));
        Ok(found)
    }

    async fn read(&self, item: &Item, from: u64, to: u64) -> Result<Contents, FsError> {
        let mut file = File::open(item.local_path()).map_err(told(item))?;
        if file.metadata().map_err(told(item))?.is_dir() {
            return Err(item.error(Reason::IsDirectory));
        }
        file.seek(SeekFrom::Start(from)).map_err(told(item))?;
        Ok(contents(file.take(to.saturating_sub(from)), item.shown.clone()))
    }

    async fn create(&self, item: &Item) -> Result<Box<dyn Writing>, FsError> {
        let file = File::create(item.local_path()).map_err(told(item))?;
        Ok(Box::new(LocalFile { file, item: item.clone() }))
    }

    async fn make_directories(&self, item: &Item) -> Result<(), FsError> {
        fs::create_dir_all(item.local_path()).map_err(told(item))
    }

    async fn delete(&self, item: &Item) -> Result<(), FsError> {
        let path = item.local_path();
        let metadata = fs::symlink_metadata(&path).map_err(told(item))?;
        let removed = if metadata.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(told(item))
    }

    async fn delete_empty(&self, item: &Item) -> Result<(), FsError> {
        fs::remove_dir(item.local_path()).map_err(told(item))
    }

    async fn rename(&self, from: &Item, to: &Item, replace: bool) -> Result<(), FsError> {
        if !replace && to.local_path().exists() {
            return Err(to.error(Reason::Exists));
        }
        fs::rename(from.local_path(), to.local_path()).map_err(told(from))
    }

    async fn set(&self, item: &Item, attribute: Attribute) -> Result<(), FsError> {
        let path = item.local_path();
        match attribute {
            Attribute::Mode(mode) => {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode.into())).map_err(told(item))
            }
            Attribute::Times { modified_ms, accessed_ms } => {
                set_times(&path, modified_ms, accessed_ms).map_err(told(item))
            }
            Attribute::Owner { owner, group } => set_owner(item, owner.as_deref(), group.as_deref()),
            Attribute::Replication(_) => Err(item.error(Reason::Unsupported("replicas of local files"))),
        }
    }

    async fn room(&self, item: &Item) -> Result<Room, FsError> {
        let found = rustix::fs::statvfs(item.local_path()).map_err(|error| told(item)(error.into()))?;
        let capacity_bytes = found.f_blocks * found.f_frsize;
        Ok(Room {
            name: "file:///".to_owned(),
            capacity_bytes,
            used_bytes: capacity_bytes - found.f_bfree * found.f_frsize,
            free_bytes: found.f_bavail * found.f_frsize,
        })
    }

    async fn checksum(&self, item: &Item) -> Result<(&'static str, u32), FsError> {
        Err(item.error(Reason::Unsupported("checksums of local files")))
    }

    async fn has_replicas(&self, _item: &Item, replication: u16) -> Result<bool, FsError> {
        Ok(replication == 1)
    }

    fn needs_temporary_name(&self) -> bool {
        true
    }

    fn has_implied_directories(&self) -> bool {
        false
    }
}

fn set_times(path: &Path, modified_ms: Option<u64>, accessed_ms: Option<u64>) -> io::Result<()> {
    let time = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let mut times = FileTimes::new();
    if let Some(modified_ms) = modified_ms {
        times = times.set_modified(time(modified_ms));
    }
    if let Some(accessed_ms) = accessed_ms {
        times = times.set_accessed(time(accessed_ms));
    }
    // Directories cannot be opened for writing; their times can be set all the same.
    File::open(path)?.set_times(times)
}

fn set_owner(item: &Item, owner: Option<&str>, group: Option<&str>) -> Result<(), FsError> {
    let find = |accounts: &BTreeMap<u32, String>, name: Option<&str>, what: &str| match name {
        None => Ok(None),
        Some(name) => id_of(accounts, name).map(Some).ok_or_else(|| {
            FsError::told(&item.shown, format!("there is no {what} `{name}` on this machine"))
        }),
    };
    let owner = find(users(), owner, "user")?.map(Uid::from_raw);
    let group = find(groups(), group, "group")?.map(Gid::from_raw);
    rustix::fs::chown(item.local_path(), owner, group)
        .map_err(|error| FsError::from_io(&item.shown, error.into()))
}

/// Reads ahead on a thread of its own, so that reading and sending overlap.
pub fn contents(reader: impl Read + Send + 'static, shown: String) -> Contents {
    let chunks = stream::unfold(Some(reader), move |reader| {
        let shown = shown.clone();
        async move {
            let mut reader = reader?;
            let read = tokio::task::spawn_blocking(move || {
                let chunk = read_chunk(&mut reader);
                (reader, chunk)
            });
            match read.await {
                Ok((_, Ok(chunk))) if chunk.is_empty() => None,
                Ok((reader, Ok(chunk))) => Some((Ok(chunk), Some(reader))),
                Ok((_, Err(error))) => Some((Err(FsError::from_io(&shown, error)), None)),
                Err(error) => Some((Err(FsError::other(&shown, error)), None)),
            }
        }
    });
    chunks.boxed_local()
}

/// A full chunk unless the input ends; empty: it has ended.
fn read_chunk(reader: &mut impl Read) -> io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(64 << 10);
    reader.by_ref().take(READ_BYTES as u64).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}

struct LocalFile {
    file: File,
    item: Item,
}

#[async_trait(?Send)]
impl Writing for LocalFile {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.file.write_all(bytes).map_err(told(&self.item))
    }

    async fn finish(self: Box<Self>) -> Result<(), FsError> {
        Ok(())
    }

    async fn abandon(self: Box<Self>) {
        let _ = fs::remove_file(self.item.local_path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    fn item(path: &Path) -> Item {
        Item::local(path.to_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_is_listed_and_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = item(directory.path()).child("x");
        let mut writer = LocalStorage.create(&file).await.unwrap();
        writer.write(b"hello ").await.unwrap();
        writer.write(b"world").await.unwrap();
        writer.finish().await.unwrap();
        let found = LocalStorage.list(&item(directory.path())).await.unwrap();
        assert_eq!((found.len(), found[0].status.len_bytes), (1, 11));
        let read = LocalStorage.read(&file, 6, u64::MAX).await.unwrap();
        let bytes: Vec<Bytes> = read.try_collect().await.unwrap();
        assert_eq!(bytes.concat(), b"world");
        assert!(LocalStorage.look(&file.child("below-a-file")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_rename_replaces_only_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (item(directory.path()).child("a"), item(directory.path()).child("b"));
        fs::write(a.local_path(), "a").unwrap();
        fs::write(b.local_path(), "b").unwrap();
        assert!(LocalStorage.rename(&a, &b, false).await.is_err());
        LocalStorage.rename(&a, &b, true).await.unwrap();
        assert_eq!(fs::read(b.local_path()).unwrap(), b"a");
    }

    #[tokio::test]
    async fn times_and_modes_are_set() {
        let directory = tempfile::tempdir().unwrap();
        let here = item(directory.path());
        let times = Attribute::Times { modified_ms: Some(1_000_000), accessed_ms: None };
        LocalStorage.set(&here, times).await.unwrap();
        LocalStorage.set(&here, Attribute::Mode(0o750)).await.unwrap();
        let status = LocalStorage.status(&here).await.unwrap();
        assert_eq!((status.modified_ms, status.mode), (1_000_000, 0o750));
    }
}
