//! What happens to a job's files when it is over, and how its log is read before and after.

use super::node::Node;
use crate::{
    limits,
    process::log::{LogText, read_log},
};
use skep_hdfs::{
    FsPath,
    client::{ClientError, CreateOptions},
};
use skep_jobs::{model::JobId, protocol::worker::MasterCallAnswer};
use std::{io, sync::Arc};
use tokio::{task::spawn_blocking, time::timeout};

/// Removes everything of the job but its log, and brings the log to the cluster's storage, where it can be read when this
/// worker is gone.
pub(super) async fn remove(node: Arc<Node>, job: JobId) {
    node.close_log(job);
    node.drop_outputs_of(job).await;
    let own = Arc::clone(&node);
    let removed =
        spawn_blocking(move || own.data.remove_job(job)).await.unwrap_or_else(|error| Err(error.into()));
    if let Err(error) = removed {
        // The sweep of the next registration tries again.
        tracing::warn!(%job, %error, "cannot remove the files of a job that is over");
    }
    match timeout(limits::LOG_UPLOAD_WITHIN, upload_log(&node, job)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%job, %error, "the job's log stays on this worker only"),
        Err(_) => tracing::info!(%job, "storage is too slow: the job's log stays on this worker only"),
    }
}

#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error(transparent)]
    Local(#[from] io::Error),
    #[error(transparent)]
    Path(#[from] skep_hdfs::path::PathError),
    #[error(transparent)]
    Storage(#[from] ClientError),
}

/// `/.skep/logs/job-17/worker-3.log`: the newest part.
async fn upload_log(node: &Arc<Node>, job: JobId) -> Result<(), UploadError> {
    let Some(worker) = node.worker() else { return Ok(()) };
    let log = read(node, job, None, limits::LOG_UPLOAD_BYTES_MAX).await?;
    if log.text.is_empty() {
        return Ok(());
    }
    let path: FsPath = format!("/.skep/logs/{job}/{worker}.log").parse()?;
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let mut writer = node.client().create(&path, options).await?;
    writer.write(log.text.as_bytes()).await?;
    writer.finish().await?;
    Ok(())
}

/// For `skep jobs logs`, while the job runs and as long as the log is kept afterwards.
pub(super) async fn read_logs(
    node: &Arc<Node>,
    job: JobId,
    stems: Option<Vec<String>>,
    bytes_max: u64,
) -> MasterCallAnswer {
    let log = read(node, job, stems, bytes_max.min(limits::LOG_ANSWER_BYTES_MAX)).await;
    let LogText { text, truncated } = log.unwrap_or_else(|error| {
        let text = format!("[the log of {job} cannot be read on this worker: {error}]\n");
        LogText { text, truncated: false }
    });
    MasterCallAnswer::Logs { text, truncated }
}

async fn read(
    node: &Arc<Node>,
    job: JobId,
    stems: Option<Vec<String>>,
    bytes_max: u64,
) -> io::Result<LogText> {
    let node = Arc::clone(node);
    let work = move || match node.open_log(job) {
        Some(log) => log.read(stems.as_deref(), bytes_max),
        None => read_log(&node.data.logs(job), stems.as_deref(), bytes_max),
    };
    spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()))
}

/// Removes what is left of jobs that the master does not know any more, and logs that are too old or too many.
/// `dead` was looked up before any job that is new could make its directories.
pub(super) async fn sweep(node: Arc<Node>, dead: Vec<JobId>) {
    let work = move || -> io::Result<()> {
        for job in &dead {
            node.data.remove_job(*job)?;
        }
        node.data.sweep_logs(|job| !dead.contains(&job))
    };
    if let Err(error) = spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into())) {
        tracing::warn!(%error, "cannot remove what dead jobs left behind; the next registration tries again");
    }
}
