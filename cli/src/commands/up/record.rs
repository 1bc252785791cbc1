//! What a running `skep up` leaves in its data directory for others to find: `up.json`, and a lock that is held as long as
//! the supervisor lives.

use serde::{Deserialize, Serialize};
use skep_wire::Endpoint;
use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A process, told from a later one with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    pub process: u32,
    /// Clock ticks between the machine's start and the process's.
    pub started_ticks: u64,
}

impl ProcessIdentity {
    /// `None`: there is no such process (or it is dead and not yet waited for).
    pub fn of(process: u32) -> Option<ProcessIdentity> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name in parentheses may hold anything, parentheses included.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let started_ticks = fields.nth(18)?.parse().ok()?;
        (state != "Z" && state != "X").then_some(ProcessIdentity { process, started_ticks })
    }

    pub fn is_alive(self) -> bool {
        ProcessIdentity::of(self.process) == Some(self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpRecord {
    pub version: String,
    pub supervisor: ProcessIdentity,
    pub children: Vec<ProcessIdentity>,
    pub master: Endpoint,
    pub secret_file: PathBuf,
    pub core: u32,
    pub task: u32,
}

impl UpRecord {
    fn file(data: &Path) -> PathBuf {
        data.join("up.json")
    }

    pub fn load(data: &Path) -> Option<UpRecord> {
        serde_json::from_slice(&fs::read(UpRecord::file(data)).ok()?).ok()
    }

    pub fn save(&self, data: &Path) -> io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(data)?;
        serde_json::to_writer_pretty(&mut temporary, self)?;
        temporary.persist(UpRecord::file(data))?;
        Ok(())
    }

    pub fn remove(data: &Path) {
        let _ = fs::remove_file(UpRecord::file(data));
    }
}

/// Held by the one supervisor of a data directory.
pub struct UpLock {
    _file: File,
}

impl UpLock {
    /// `None`: another supervisor holds it.
    pub fn take(data: &Path) -> io::Result<Option<UpLock>> {
        let file = File::options().create(true).append(true).open(data.join("up.lock"))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(UpLock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a cluster of this user lives when nothing else is said.
pub fn default_data() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("skep/up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_start() {
        let own = ProcessIdentity::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        let earlier = ProcessIdentity { started_ticks: own.started_ticks - 1, ..own };
        assert!(!earlier.is_alive(), "another process had this number before");
    }

    #[test]
    fn a_dead_process_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let identity = ProcessIdentity { process: child.id(), started_ticks: 0 };
        child.wait().unwrap();
        assert!(!identity.is_alive());
    }

    #[test]
    fn one_supervisor_holds_the_lock_of_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let first = UpLock::take(directory.path()).unwrap();
        assert!(first.is_some());
        assert!(UpLock::take(directory.path()).unwrap().is_none());
        drop(first);
        assert!(UpLock::take(directory.path()).unwrap().is_some());
    }

    #[test]
    fn the_record_survives_its_file() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(UpRecord::load(directory.path()), None);
        let record = UpRecord {
            version: "1".to_owned(),
            supervisor: ProcessIdentity { process: 1, started_ticks: 2 },
            children: vec![ProcessIdentity { process: 3, started_ticks: 4 }],
            master: Endpoint::Tcp("127.0.0.1:5".to_owned()),
            secret_file: "/s".into(),
            core: 2,
            task: 1,
        };
        record.save(directory.path()).unwrap();
        assert_eq!(UpRecord::load(directory.path()), Some(record));
        UpRecord::remove(directory.path());
        assert_eq!(UpRecord::load(directory.path()), None);
    }
}
