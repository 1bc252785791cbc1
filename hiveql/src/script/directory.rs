//! The directory that a script works in: of its own, with the files that were added to the session in it.

use super::words;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const EXECUTABLE: u32 = 0o755;
const EXECUTABLE_BITS: u32 = 0o111;

/// A file or a directory that a script finds by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScriptFile {
    pub name: String,
    /// On the machine where the query was made.
    pub path: String,
}

/// Where scripts run on this machine. Found in the session config of a task's context; without it, below the system's
/// directory for temporary files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptPlace {
    pub scratch: Option<PathBuf>,
    /// Where files were laid that came from another machine, under their names.
    pub shipped: Option<PathBuf>,
}

impl ScriptPlace {
    fn source(&self, file: &ScriptFile) -> PathBuf {
        let shipped = self.shipped.as_ref().map(|shipped| shipped.join(&file.name));
        shipped.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(&file.path))
    }
}

/// Removed when it is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    held: TempDir,
}

impl Directory {
    /// `program` is found even if its file may not be executed.
    pub fn prepare(place: &ScriptPlace, files: &[ScriptFile], program: &str) -> io::Result<Directory> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("skep-script-");
        let held = match &place.scratch {
            Some(scratch) => {
                fs::create_dir_all(scratch)?;
                builder.tempdir_in(scratch)?
            }
            None => builder.tempdir()?,
        };
        let program = program.strip_prefix("./").unwrap_or(program);
        for file in files {
            lay(&place.source(file), &held.path().join(&file.name), file.name == program)?;
        }
        Ok(Directory { held })
    }

    pub fn path(&self) -> &Path {
        self.held.path()
    }

    /// What a command's first word stands for: a file here comes before what is on the search path.
    pub fn program(&self, word: &str) -> PathBuf {
        let here = self.path().join(word);
        if here.is_file() { here } else { PathBuf::from(word) }
    }
}

/// A link; a copy of a program that may not be executed as it is.
fn lay(source: &Path, target: &Path, is_program: bool) -> io::Result<()> {
    let metadata = fs::metadata(source)?;
    if is_program && metadata.is_file() && metadata.permissions().mode() & EXECUTABLE_BITS == 0 {
        fs::copy(source, target)?;
        return fs::set_permissions(target, fs::Permissions::from_mode(EXECUTABLE));
    }
    match symlink(source, target) {
        // Two files of one name: the one that was added first stays.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The variables of a script: settings under names that a shell can read.
pub(super) fn environment(settings: &[(String, String)]) -> impl Iterator<Item = (String, &str)> {
    settings.iter().map(|(name, value)| (words::variable(name), value.as_str()))
}
