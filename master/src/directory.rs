//! The master's data directory.
//!
//! | path | what |
//! | --- | --- |
//! | `secret` | the cluster secret, 64 hexadecimal characters, mode 0600 |
//! | `cluster.id` | 16 hexadecimal characters: workers of another cluster are refused |
//! | `journal/` | all that must not be forgotten; locked by the process that has it open |

use crate::error::MasterError;
use skep_wire::Secret;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

pub struct Directory {
    pub secret: Secret,
    pub cluster: u64,
    pub journal: PathBuf,
}

impl Directory {
    /// Opens the directory, or makes it with a new secret and a new cluster.
    pub fn open(path: &Path) -> Result<Directory, MasterError> {
        let failed = |source| MasterError::Directory { path: path.to_owned(), source: Arc::new(source) };
        fs::create_dir_all(path).map_err(failed)?;
        let secret = Secret::load_or_create(&path.join("secret")).map_err(failed)?;
        let cluster = load_or_make_id(path).map_err(failed)?;
        Ok(Directory { secret, cluster, journal: path.join("journal") })
    }
}

fn load_or_make_id(directory: &Path) -> io::Result<u64> {
    let path = directory.join("cluster.id");
    match fs::read_to_string(&path) {
        Ok(text) => u64::from_str_radix(text.trim(), 16)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("cluster.id: {error}"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id: u64 = rand::random();
            let fresh = directory.join("cluster.id.new");
            let mut file = fs::File::create(&fresh)?;
            writeln!(file, "{id:016x}")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            fs::File::open(directory)?.sync_all()?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_secret_and_its_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let first = Directory::open(&folder.path().join("m")).unwrap();
        let second = Directory::open(&folder.path().join("m")).unwrap();
        assert!(first.secret == second.secret);
        assert_eq!(first.cluster, second.cluster);
    }
}
