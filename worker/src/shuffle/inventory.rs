//! What a store's directory holds when the worker starts. Whatever is not a whole output is removed.

use super::{StoreError, index::Index};
use skep_jobs::model::{AttemptId, JobId};
use std::{
    fs::{self, DirEntry},
    path::{Path, PathBuf},
};

pub(super) struct Found {
    pub attempt: AttemptId,
    pub data_bytes: u64,
    pub partitions: u32,
}

/// Reads every index below `root`; removes the rest, and directories that are no job's.
pub(super) fn read(root: &Path) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for entry in entries(root)? {
        match entry.file_name().to_str().and_then(job_of) {
            Some(job) => read_job(&entry.path(), job, &mut found)?,
            None => remove(&entry.path()),
        }
    }
    Ok(found)
}

/// `job-17`, written exactly so.
fn job_of(name: &str) -> Option<JobId> {
    let job: JobId = name.parse().ok()?;
    (job.to_string() == name).then_some(job)
}

fn read_job(directory: &Path, job: JobId, found: &mut Vec<Found>) -> Result<(), StoreError> {
    let mut data_files = Vec::new();
    for entry in entries(directory)? {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("data") => data_files.push(path),
            Some("index") => match read_output(&path, job) {
                Ok(output) => found.push(output),
                Err(reason) => {
                    tracing::warn!(path = %path.display(), reason, "a shuffle output is unusable and removed");
                    remove(&path);
                }
            },
            _ => remove(&path),
        }
    }
    for path in data_files {
        if !path.with_extension("index").exists() {
            remove(&path);
        }
    }
    // Fails, as it should, when there is something left in it.
    let _ = fs::remove_dir(directory);
    Ok(())
}

fn read_output(path: &Path, job: JobId) -> Result<Found, String> {
    let index = Index::read(path).map_err(|error| error.to_string())?;
    let named = path.file_stem().and_then(|stem| stem.to_str()) == Some(&index.attempt.file_stem());
    if index.attempt.job != job || !named {
        return Err(format!("it is the index of {}", index.attempt));
    }
    let data = path.with_extension("data");
    let len_bytes = fs::metadata(&data).map_err(|error| format!("{}: {error}", data.display()))?.len();
    if len_bytes != index.data_bytes() {
        return Err(format!("its data has {len_bytes} bytes, not {}", index.data_bytes()));
    }
    Ok(Found { attempt: index.attempt, data_bytes: len_bytes, partitions: index.segments.len() as u32 })
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, StoreError> {
    let listed = fs::read_dir(directory).and_then(|entries| entries.collect());
    listed.map_err(|error| StoreError::disk("list the shuffle outputs in", directory, error))
}

/// Removes a file or a directory with all that is in it.
pub(super) fn remove(path: &Path) {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a file of the shuffle store");
    }
}

/// Where an output's files are.
pub(super) struct Paths {
    pub job: PathBuf,
    pub data: PathBuf,
    pub index: PathBuf,
}

impl Paths {
    pub fn of(root: &Path, attempt: &AttemptId) -> Paths {
        let job = root.join(attempt.job.to_string());
        let stem = attempt.file_stem();
        Paths { data: job.join(format!("{stem}.data")), index: job.join(format!("{stem}.index")), job }
    }

    /// The index first: without it, the data is no output.
    pub fn remove(&self) {
        remove(&self.index);
        remove(&self.data);
    }
}
