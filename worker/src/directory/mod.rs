//! A worker's data directory.
//!
//! ```text
//! lock                      held by the one worker that uses the directory
//! worker.json               which worker of which cluster this is (see [`identity`]); absent before the first registration
//! epoch                     the last epoch, in decimal
//! processes                 task processes that run (see `process::roster`)
//! blocks/  shuffle/         stores of a core worker
//! work/job-17               working directory of its task process, with the shipped files; also for temporary files
//! scratch/job-17            spill files, one directory per attempt; made with the first
//! logs/job-17               what its processes print; made with the first line
//! programs/SHA256           job binaries and shipped files, shared by jobs
//! run/worker.sock           for clients on this machine
//! ```
//! What lies below `work`, `scratch` and `logs` belongs to a job that the master knows: a start removes what attempts of
//! earlier lives left, and the sweep at registration what is left of jobs that are over; logs are kept for as long as the
//! limits say.

pub mod identity;
mod sweep;

use crate::{WorkerError, limits};
use identity::Identity;
use rustix::fs::{FlockOperation, flock};
use skep_hdfs::Epoch;
use skep_jobs::model::JobId;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

const WORK: &str = "work";
const SCRATCH: &str = "scratch";
const LOGS: &str = "logs";

#[derive(Debug)]
pub struct DataDirectory {
    /// Absolute.
    root: PathBuf,
    /// Released by the kernel when the process ends, however it ends.
    _lock: File,
}

impl DataDirectory {
    /// Opens or makes the directory; fails if another process uses it.
    pub fn open(path: &Path) -> Result<DataDirectory, WorkerError> {
        let fail = |source| WorkerError::DataDirectory { path: path.to_path_buf(), source };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(fail)?;
        let root = path.canonicalize().map_err(fail)?;
        let lock = File::options().create(true).append(true).open(root.join("lock")).map_err(fail)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| WorkerError::InUse { path: root.clone() })?;
        for part in [WORK, SCRATCH, LOGS, "programs", "run"] {
            builder.create(root.join(part)).map_err(fail)?;
        }
        Ok(DataDirectory { root, _lock: lock })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn blocks(&self) -> PathBuf {
        self.root.join("blocks")
    }

    pub fn shuffle(&self) -> PathBuf {
        self.root.join("shuffle")
    }

    pub fn programs(&self) -> PathBuf {
        self.root.join("programs")
    }

    pub fn roster(&self) -> PathBuf {
        self.root.join("processes")
    }

    /// What task processes of this worker carry in their environment, so that a later life knows them.
    pub fn mark(&self) -> String {
        self.root.to_string_lossy().into_owned()
    }

    pub fn work(&self, job: JobId) -> PathBuf {
        self.root.join(WORK).join(job.to_string())
    }

    pub fn scratch(&self, job: JobId) -> PathBuf {
        self.root.join(SCRATCH).join(job.to_string())
    }

    pub fn logs(&self, job: JobId) -> PathBuf {
        self.root.join(LOGS).join(job.to_string())
    }

    /// Where the Unix socket is. The kernel takes at most 107 bytes: a longer path is replaced by one in the system's
    /// directory for temporary files, in a directory that only this user can enter.
    pub fn socket(&self) -> io::Result<PathBuf> {
        let path = self.root.join("run").join("worker.sock");
        if path.as_os_str().len() <= limits::SOCKET_PATH_BYTES_MAX {
            return Ok(path);
        }
        let digest =
            crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, self.root.as_os_str().as_encoded_bytes());
        let user = rustix::process::getuid().as_raw();
        let directory = std::env::temp_dir().join(format!("skep-{user}"));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let owner = fs::symlink_metadata(&directory)?;
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        if !owner.is_dir() || owner.uid() != user || owner.permissions().mode() & 0o077 != 0 {
            let message = format!("{} does not belong to this user alone", directory.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(directory.join(format!("{digest:016x}.sock")))
    }

    /// The epoch of this life: the time of its start, and more than any earlier life's. Durable when it returns.
    pub fn begin_epoch(&self) -> Result<Epoch, WorkerError> {
        let path = self.root.join("epoch");
        let fail = |source| WorkerError::DataDirectory { path: path.clone(), source };
        let last = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(fail(error)),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let epoch = u64::try_from(now).unwrap_or(u64::MAX).max(last + 1);
        write_whole(&path, format!("{epoch}\n").as_bytes()).map_err(fail)?;
        Ok(Epoch(epoch))
    }

    pub fn identity(&self) -> Result<Option<Identity>, WorkerError> {
        identity::load(&self.root.join("worker.json"))
    }

    pub fn save_identity(&self, identity: &Identity) -> Result<(), WorkerError> {
        identity::save(&self.root.join("worker.json"), identity)
    }

    /// Makes the working directory of a job for a new process: nothing of an earlier one but the log is left.
    pub fn prepare_job(&self, job: JobId) -> io::Result<()> {
        self.remove_job(job)?;
        fs::DirBuilder::new().mode(0o700).create(self.work(job))
    }

    /// Removes everything of a job but its log.
    pub fn remove_job(&self, job: JobId) -> io::Result<()> {
        remove_tree(&self.work(job))?;
        remove_tree(&self.scratch(job))
    }

    /// Removes everything of all attempts and task processes; logs stay. Only while none of them runs.
    pub fn sweep_attempts(&self) -> io::Result<()> {
        self.jobs()?.into_iter().try_for_each(|job| self.remove_job(job))
    }

    /// Jobs of which there is more here than a log.
    pub fn jobs(&self) -> io::Result<BTreeSet<JobId>> {
        Ok(self.jobs_in(WORK)?.into_iter().chain(self.jobs_in(SCRATCH)?).collect())
    }

    fn jobs_in(&self, part: &str) -> io::Result<Vec<JobId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root.join(part))? {
            let name = entry?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<JobId>().ok()));
        }
        Ok(found)
    }

    /// Removes logs of jobs that `lives` does not know: those that are too old, and the oldest of too many.
    pub fn sweep_logs(&self, lives: impl Fn(JobId) -> bool) -> io::Result<()> {
        sweep::sweep_logs(self, lives)
    }

    /// The worker will not come back: everything goes.
    pub fn forget(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            if path.is_dir() { remove_tree(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(())
    }
}

/// Nothing there is no error.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Replaces a small file at once and for good: synced, renamed, and the directory synced.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let fresh = path.with_extension("fresh");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
