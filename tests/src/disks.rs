//! Disks that are soon full: file systems in memory of a given size. Needs root.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Set where a machine that cannot mount is a failure and no reason to skip.
const REQUIRED_VARIABLE: &str = "SKEP_TEST_HOSTS_REQUIRED";

pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, with a word on why, where this is not possible.
    pub fn mount(mebibytes: u64) -> Option<SmallDisk> {
        let folder = tempfile::Builder::new().prefix("skep-disk-").tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(SmallDisk { folder }),
            other => {
                assert!(std::env::var_os(REQUIRED_VARIABLE).is_none(), "no file system in memory: {other:?}");
                eprintln!("SKIPPED: a file system in memory cannot be mounted here; it needs root");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves no room.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("the disk takes a file");
        let chunk = vec![1; 1 << 20];
        let end = loop {
            if let Err(error) = ballast.write_all(&chunk) {
                break error;
            }
        };
        assert_eq!(end.kind(), io::ErrorKind::StorageFull, "{end}");
    }

    /// Takes back what [`SmallDisk::fill`] did.
    pub fn empty(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is ending may still hold a file.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
