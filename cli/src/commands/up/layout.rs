//! Where a local cluster keeps what.
//!
//! ```text
//! DATA/master/          journal, secret
//! DATA/core-1/ ...      blocks, shuffle data and scratch of a core worker
//! DATA/task-1/ ...      scratch of a task worker
//! DATA/logs/NAME.log    what each process wrote; supervisor.log is a detached supervisor's
//! DATA/up.json, up.lock the running supervisor
//! ```

use super::fleet::Name;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

#[derive(Debug, Clone)]
pub struct Layout {
    data: PathBuf,
}

impl Layout {
    /// Makes the directory if needed. Its path is made absolute: children and clients have other working directories.
    pub fn create(data: &Path) -> io::Result<Layout> {
        fs::create_dir_all(data.join("logs"))?;
        Ok(Layout { data: fs::canonicalize(data)? })
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn directory(&self, name: Name) -> PathBuf {
        self.data.join(name.to_string())
    }

    pub fn secret(&self) -> PathBuf {
        self.directory(Name::Master).join("secret")
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.data.join("logs").join(format!("{name}.log"))
    }

    pub fn open_log(&self, name: &str) -> io::Result<File> {
        File::options().create(true).append(true).open(self.log(name))
    }

    /// Core workers that have been here: the highest number with a directory.
    pub fn core_workers(&self) -> io::Result<u32> {
        let mut highest = 0;
        for entry in fs::read_dir(&self.data)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("core-")?.parse::<u32>().ok());
            highest = highest.max(number.unwrap_or(0));
        }
        Ok(highest)
    }
}

/// The last lines of a log, for a message about what wrote it.
pub fn last_lines(log: &Path, count: usize) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("  | {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_workers_that_have_been_here_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(&directory.path().join("new/up")).unwrap();
        assert_eq!(layout.core_workers().unwrap(), 0);
        for name in ["core-1", "core-3", "core-x", "task-9"] {
            fs::create_dir(layout.data().join(name)).unwrap();
        }
        assert_eq!(layout.core_workers().unwrap(), 3);
    }

    #[test]
    fn the_last_lines_of_a_log_are_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        fs::write(&log, "one\ntwo\n\nthree\n").unwrap();
        assert_eq!(last_lines(&log, 2), "  | two\n  | three\n");
        assert_eq!(last_lines(&directory.path().join("none"), 2), "");
    }
}
