//! The master's data directory.
//!
//! ```text
//! lock         held while a master runs here
//! secret       the cluster secret, mode 0600
//! cluster.id   16 hexadecimal digits, made once: workers stay with the cluster that they first joined
//! journal/     everything else
//! ```

use crate::MasterError;
use skep_wire::Secret;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

pub struct Directory {
    pub secret: Secret,
    pub cluster: u64,
    pub journal: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl Directory {
    pub fn open(path: &Path) -> Result<Directory, MasterError> {
        let unusable = |source| MasterError::Directory { path: path.to_path_buf(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        let lock = File::create(path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MasterError::InUse { path: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let secret = Secret::load_or_create(&path.join("secret")).map_err(unusable)?;
        let cluster = cluster_id(&path.join("cluster.id"))?;
        Ok(Directory { secret, cluster, journal: path.join("journal"), _lock: lock })
    }
}

fn cluster_id(path: &Path) -> Result<u64, MasterError> {
    let unusable = |source| MasterError::Directory { path: path.to_path_buf(), source };
    match fs::read_to_string(path) {
        Ok(text) => u64::from_str_radix(text.trim(), 16)
            .map_err(|error| MasterError::Damaged { path: path.to_path_buf(), reason: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let cluster: u64 = rand::random();
            write_whole(path, &format!("{cluster:016x}\n")).map_err(unusable)?;
            Ok(cluster)
        }
        Err(error) => Err(unusable(error)),
    }
}

/// The file is there with its whole content, or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_identity_and_takes_one_master_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Directory::open(folder.path()).unwrap();
        assert!(matches!(Directory::open(folder.path()), Err(MasterError::InUse { .. })));
        let (cluster, secret) = (first.cluster, first.secret.to_hex());
        drop(first);
        let second = Directory::open(folder.path()).unwrap();
        assert_eq!((second.cluster, second.secret.to_hex()), (cluster, secret));
    }

    #[test]
    fn a_damaged_identity_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cluster.id"), "what").unwrap();
        let error = Directory::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("cluster.id"), "{error}");
    }
}
