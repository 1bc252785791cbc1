//! What ends a log's life: its age, and the room that all logs may take.

use super::{DataDirectory, LOGS, remove_tree};
use crate::limits;
use skep_jobs::model::JobId;
use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, SystemTime},
};

struct OldLog {
    directory: PathBuf,
    age: Duration,
    bytes: u64,
}

pub(super) fn sweep_logs(data: &DataDirectory, lives: impl Fn(JobId) -> bool) -> io::Result<()> {
    let mut logs = Vec::new();
    for job in data.jobs_in(LOGS)?.into_iter().filter(|job| !lives(*job)) {
        logs.push(measure(data, job)?);
    }
    logs.sort_by_key(|log| log.age);
    let mut kept_bytes = 0;
    for log in logs {
        kept_bytes += log.bytes;
        if log.bytes == 0 || log.age > limits::LOG_KEPT_FOR || kept_bytes > limits::LOGS_BYTES_MAX {
            remove_tree(&log.directory)?;
        }
    }
    Ok(())
}

fn measure(data: &DataDirectory, job: JobId) -> io::Result<OldLog> {
    let mut log = OldLog { directory: data.logs(job), age: limits::LOG_KEPT_FOR * 2, bytes: 0 };
    for file in fs::read_dir(&log.directory)? {
        let metadata = file?.metadata()?;
        let modified = metadata.modified()?;
        log.bytes += metadata.len();
        log.age = log.age.min(SystemTime::now().duration_since(modified).unwrap_or_default());
    }
    Ok(log)
}
