//! A job binary: looked at, then run in the place of this process with the wish to submit itself in its environment.

use super::super::Outcome;
use rustix::fs::{Access, access};
use skep_jobs::submit::{SubmitEnvironment, environment::SUBMIT_VARIABLE, marker};
use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    #[error("{}: No such file or directory; name the job binary with its path", path.display())]
    Missing { path: PathBuf },
    #[error("{} is not a file; name the job binary itself", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} is not executable; `chmod +x` it", path.display())]
    NotExecutable { path: PathBuf },
    #[error(
        "{} is not a job binary: it does not link skep-jobs. Any other executable can be a mapper: skep submit --mapper COMMAND --input GLOB --output DIR", path.display()
    )]
    NotAJob { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot run {}", path.display())]
    Run { path: PathBuf, source: io::Error },
}

pub fn run(environment: SubmitEnvironment, binary: &Path, arguments: &[OsString]) -> Outcome {
    let path = check(binary)?;
    let source = Command::new(&path).args(arguments).env(SUBMIT_VARIABLE, environment.to_json()?).exec();
    Err(BinaryError::Run { path, source }.into())
}

/// Everything that can be told before the program runs.
fn check(binary: &Path) -> Result<PathBuf, BinaryError> {
    let path = locate(binary);
    let metadata = fs::metadata(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => BinaryError::Missing { path: path.clone() },
        _ => BinaryError::Read { path: path.clone(), source },
    })?;
    if !metadata.is_file() {
        return Err(BinaryError::NotAFile { path });
    }
    if access(&path, Access::EXEC_OK).is_err() {
        return Err(BinaryError::NotExecutable { path });
    }
    match marker::is_job_binary(&path) {
        Ok(true) => Ok(path),
        Ok(false) => Err(BinaryError::NotAJob { path }),
        Err(source) => Err(BinaryError::Read { path, source }),
    }
}

/// A bare name is a file of the working directory, or else is looked for on the `PATH`.
fn locate(binary: &Path) -> PathBuf {
    if binary.components().count() == 1 {
        if binary.exists() {
            return Path::new(".").join(binary);
        }
        let found = env::var_os("PATH").and_then(|path| {
            env::split_paths(&path).map(|directory| directory.join(binary)).find(|path| path.is_file())
        });
        if let Some(found) = found {
            return found;
        }
    }
    binary.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_is_no_job_binary_has_its_own_message() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        assert!(matches!(check(&directory.path().join("none")), Err(BinaryError::Missing { .. })));
        assert!(matches!(check(&file.join("below")), Err(BinaryError::Missing { .. })));
        assert!(matches!(check(directory.path()), Err(BinaryError::NotAFile { .. })));
        assert!(matches!(check(&file), Err(BinaryError::NotExecutable { .. })));
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = check(&file).unwrap_err();
        assert!(matches!(error, BinaryError::NotAJob { .. }) && error.to_string().contains("--mapper"));
    }

    #[test]
    fn a_bare_name_is_looked_for_on_the_path() {
        assert!(locate(Path::new("sh")).is_absolute());
        assert_eq!(locate(Path::new("./sh")), Path::new("./sh"));
    }
}
