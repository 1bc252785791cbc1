//! What the processes of one job print on this worker: bounded, each line with its time, sliced by attempt.
//!
//! Layout of the directory (offsets count from the job's first byte; old segments are dropped, offsets are not):
//! ```text
//! 00000000000000000000.log      lines `TIME TEXT`, or `TIME [STEM] TEXT` when one attempt wrote them
//! 00000000000008388608.log      ... the newest two segments are kept
//! marks                         lines `STEM FROM TO`: between these offsets that attempt ran
//! ```
//! A full or broken disk never stops a process from printing: what cannot be kept is dropped and counted.

mod capture;
mod read;
#[cfg(test)]
mod tests;
mod writer;

pub use read::{LogText, read_log};

use std::{
    io::{self, PipeReader},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use writer::Writer;

/// The log of one job on this worker while the job lives.
pub struct JobLog {
    directory: PathBuf,
    inner: Mutex<Writer>,
}

impl JobLog {
    /// Opens the log in `directory` (made with the first line) and appends to it.
    pub fn open(directory: &Path) -> io::Result<Arc<JobLog>> {
        let inner = Mutex::new(Writer::open(directory)?);
        Ok(Arc::new(JobLog { directory: directory.to_path_buf(), inner }))
    }

    /// Takes over what a process prints into a pipe, on a thread of its own, until its last writer is gone.
    pub fn capture(self: &Arc<Self>, pipe: PipeReader) -> io::Result<()> {
        self.writer().pipe = Some(capture::NonBlocking::new(pipe)?);
        capture::start(Arc::clone(self))
    }

    /// Lines of this attempt begin here.
    pub fn begin(&self, stem: &str) {
        let mut writer = self.writer();
        writer.drain();
        writer.begin(stem);
    }

    /// And end here.
    pub fn end(&self, stem: &str) {
        let mut writer = self.writer();
        // What it printed before it reported its end may still be in the pipe.
        writer.drain();
        writer.end(stem);
    }

    /// Whole lines that belong to one attempt.
    pub fn append(&self, stem: &str, lines: &[u8]) {
        let mut writer = self.writer();
        writer.drain();
        writer.append_tagged(stem, lines);
    }

    /// The process is gone: takes what is left in its pipe. Says the last lines that it printed.
    pub fn finish(&self) -> String {
        let mut writer = self.writer();
        writer.drain();
        writer.finish();
        writer.last_lines()
    }

    /// The newest `bytes_max` bytes; of these attempts only, if any are named.
    pub fn read(&self, stems: Option<&[String]>, bytes_max: u64) -> io::Result<LogText> {
        let running = {
            let mut writer = self.writer();
            writer.drain();
            writer.running()
        };
        read::read_with(&self.directory, stems, bytes_max, &running)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic cannot leave more than a torn line behind.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
