//! Files of one attempt that lie in its scratch directory: written once, read at offsets, removed when nobody needs them.
//! The directory is made with the first of them: most attempts have none.

use super::{ShuffleError, writer::OutputData};
use crate::limits::SCRATCH_WRITE_BYTES;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Opens an empty file in a scratch directory, which may not be there yet.
pub(crate) fn open_scratch(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path);
    match (open(), path.parent()) {
        (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory)?;
            open()
        }
        (opened, _) => opened,
    }
}

/// A file that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct ScratchFile {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl ScratchFile {
    pub fn create(path: PathBuf) -> Result<ScratchFile, ShuffleError> {
        match open_scratch(&path) {
            Ok(file) => Ok(ScratchFile { file, path, kept: false }),
            Err(error) => Err(ShuffleError::disk("create the scratch file", &path, error)),
        }
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), ShuffleError> {
        self.file
            .write_all(bytes)
            .map_err(|error| ShuffleError::disk("write the scratch file", &self.path, error))
    }

    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), ShuffleError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|error| ShuffleError::disk("write the scratch file", &self.path, error))
    }

    pub fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ShuffleError> {
        self.file
            .read_exact_at(bytes, offset)
            .map_err(|error| ShuffleError::disk("read the scratch file", &self.path, error))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file to whoever knows its path.
    fn keep(mut self) -> PathBuf {
        self.kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a scratch file");
        }
    }
}

/// Bytes that stay in memory until there are too many of them, then go to a file.
pub(super) struct GrowingFile {
    path: PathBuf,
    keep_in_memory_bytes: usize,
    buffer: Vec<u8>,
    file: Option<ScratchFile>,
    len_bytes: u64,
}

impl GrowingFile {
    pub fn new(path: PathBuf, keep_in_memory_bytes: usize) -> GrowingFile {
        GrowingFile { path, keep_in_memory_bytes, buffer: Vec::new(), file: None, len_bytes: 0 }
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), ShuffleError> {
        self.buffer.extend_from_slice(bytes);
        self.len_bytes += bytes.len() as u64;
        if self.buffer.len() > self.keep_in_memory_bytes.max(SCRATCH_WRITE_BYTES)
            || (self.file.is_some() && self.buffer.len() >= SCRATCH_WRITE_BYTES)
        {
            self.flush()?;
        }
        Ok(())
    }

    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn flush(&mut self) -> Result<(), ShuffleError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => ScratchFile::create(self.path.clone())?,
        };
        self.file.insert(file).append(&self.buffer)?;
        self.buffer.clear();
        // What was allowed to stay in memory may be much more than a buffer.
        self.buffer.shrink_to(2 * SCRATCH_WRITE_BYTES);
        Ok(())
    }

    /// The bytes, wherever they are.
    pub fn into_output(mut self) -> Result<OutputData, ShuffleError> {
        if self.file.is_none() && self.buffer.len() <= self.keep_in_memory_bytes {
            return Ok(OutputData::Memory(self.buffer));
        }
        let file = self.take_file()?;
        Ok(OutputData::File(file.keep()))
    }

    /// The bytes in a file, even if there are none.
    pub fn into_scratch(mut self) -> Result<ScratchFile, ShuffleError> {
        self.take_file()
    }

    fn take_file(&mut self) -> Result<ScratchFile, ShuffleError> {
        if self.file.is_none() || !self.buffer.is_empty() {
            self.flush()?;
        }
        match self.file.take() {
            Some(file) => Ok(file),
            None => ScratchFile::create(self.path.clone()),
        }
    }
}
