//! What the cluster keeps for jobs under `/.skep` in its own storage has an end: binaries that no job needs any more, logs
//! of jobs that are forgotten, and results that nobody came for, are removed now and then.
//!
//! A binary that was used lately stays, because somebody may be about to submit a job with it: who finds his binary
//! stored says so by its modification time, before he submits.

use crate::{
    limits::{BINARIES_KEPT_MAX, LOGS_STORED_BYTES_MAX, RESULTS_KEPT_FOR},
    logs::LOGS_FOLDER,
    options::Tuning,
    owner::Request,
    requests::Needed,
};
use skep_hdfs::{
    ClientId, FsPath,
    namespace::Namespace,
    protocol::namespace::{FileStatus, NamespaceCall, NamespaceError, Operation, Reply},
};
use skep_jobs::model::{BINARIES_DIRECTORY, JobId, RESULTS_DIRECTORY};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

pub struct Sweep {
    namespace: Namespace,
    inbox: mpsc::Sender<Request>,
    tuning: Tuning,
    client: ClientId,
    calls: u64,
}

impl Sweep {
    pub fn new(namespace: Namespace, inbox: mpsc::Sender<Request>, tuning: Tuning) -> Sweep {
        Sweep { namespace, inbox, tuning, client: ClientId(rand::random()), calls: 0 }
    }

    /// For ever.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(self.tuning.sweep_every).await;
            if let Err(error) = self.once().await {
                tracing::info!(%error, "the cluster's own files are not swept now");
            }
        }
    }

    async fn once(&mut self) -> Result<(), NamespaceError> {
        // Listed first: a job that is submitted meanwhile is among those that need their binary.
        let binaries = self.list(BINARIES_DIRECTORY).await?;
        let logs = self.list(LOGS_FOLDER).await?;
        let (reply, needed) = oneshot::channel();
        let stopping = || NamespaceError::Unavailable("it is stopping".to_owned());
        self.inbox.send(Request::Needed { reply }).await.map_err(|_| stopping())?;
        let needed = needed.await.map_err(|_| stopping())?;
        for file in useless_binaries(&binaries, &needed, since_1970(), self.tuning.binary_kept_for) {
            let path = file.path.clone();
            match self.call(Operation::Status { path: path.clone() }).await {
                // Unless somebody found a use for it since it was listed.
                Ok(Reply::Status(now)) if now.modified_ms == file.modified_ms => self.delete(path).await?,
                Ok(_) | Err(NamespaceError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.sweep_logs(&logs, &needed).await?;
        self.sweep_results().await
    }

    /// Results whose client ended without removing them.
    async fn sweep_results(&mut self) -> Result<(), NamespaceError> {
        let now = since_1970();
        for folder in self.list(RESULTS_DIRECTORY).await? {
            if now.saturating_sub(Duration::from_millis(folder.modified_ms)) > RESULTS_KEPT_FOR {
                self.delete(folder.path).await?;
            }
        }
        Ok(())
    }

    /// Logs of forgotten jobs, and the oldest ones beyond what may be stored.
    async fn sweep_logs(&mut self, folders: &[FileStatus], needed: &Needed) -> Result<(), NamespaceError> {
        let job =
            |folder: &FileStatus| Some((folder.path.name()?.parse::<JobId>().ok()?, folder.path.clone()));
        let mut folders: Vec<(JobId, FsPath)> = folders.iter().filter_map(job).collect();
        folders.sort_unstable_by_key(|(job, _)| std::cmp::Reverse(*job));
        let mut sum_bytes = 0;
        for (job, path) in folders {
            if let Reply::Summary(summary) = self.call(Operation::Summary { path: path.clone() }).await? {
                sum_bytes += summary.len_bytes;
            }
            if !needed.jobs.contains(&job) || sum_bytes > LOGS_STORED_BYTES_MAX {
                self.delete(path).await?;
            }
        }
        Ok(())
    }

    /// Nothing, if the folder is not there.
    async fn list(&mut self, folder: &str) -> Result<Vec<FileStatus>, NamespaceError> {
        let Ok(path) = folder.parse::<FsPath>() else { return Ok(Vec::new()) };
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            match self.call(Operation::List { path: path.clone(), after: after.take() }).await {
                Ok(Reply::Listing { entries: page, more }) => {
                    after = page.last().and_then(|last| last.path.name().map(str::to_owned));
                    entries.extend(page);
                    if !more {
                        return Ok(entries);
                    }
                }
                Ok(_) | Err(NamespaceError::NotFound(_)) => return Ok(entries),
                Err(error) => return Err(error),
            }
        }
    }

    async fn delete(&mut self, path: FsPath) -> Result<(), NamespaceError> {
        tracing::info!(%path, "nobody needs it any more");
        self.call(Operation::Delete { path, recursive: true }).await.map(drop)
    }

    async fn call(&mut self, operation: Operation) -> Result<Reply, NamespaceError> {
        self.calls += 1;
        let user = "master".to_owned();
        let (client, call) = (self.client, self.calls);
        self.namespace.call(NamespaceCall { client, call, user, worker: None, operation }).await
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// All but those of unfinished jobs, those that were used lately, and the last used ones.
fn useless_binaries<'a>(
    binaries: &'a [FileStatus],
    needed: &Needed,
    now: Duration,
    kept_for: Duration,
) -> Vec<&'a FileStatus> {
    let mut unneeded: Vec<&FileStatus> =
        binaries.iter().filter(|file| !file.open && !needed.files.contains(&file.path.to_string())).collect();
    unneeded.sort_unstable_by_key(|file| std::cmp::Reverse(file.modified_ms));
    let is_old = |file: &&FileStatus| now.saturating_sub(Duration::from_millis(file.modified_ms)) > kept_for;
    unneeded.into_iter().skip(BINARIES_KEPT_MAX).filter(is_old).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_hdfs::{FileId, protocol::namespace::FileKind};

    fn binary(name: usize, modified_ms: u64) -> FileStatus {
        FileStatus {
            path: path(name),
            id: FileId(name as u64),
            kind: FileKind::File,
            len_bytes: 1,
            replication: 1,
            block_bytes: 1,
            modified_ms,
            accessed_ms: 0,
            owner: String::new(),
            group: String::new(),
            mode: 0,
            open: false,
            children: 0,
        }
    }

    fn path(name: usize) -> FsPath {
        format!("{BINARIES_DIRECTORY}/{name}").parse().unwrap()
    }

    #[test]
    fn binaries_go_that_are_neither_needed_nor_lately_used_nor_among_the_last_ones() {
        let hour = Duration::from_secs(3600);
        let binaries: Vec<FileStatus> =
            (0..BINARIES_KEPT_MAX + 4).map(|age| binary(age, 1_000_000 - age as u64)).collect();
        let needed = Needed { files: [path(BINARIES_KEPT_MAX + 2).to_string()].into(), ..Needed::default() };
        let early = useless_binaries(&binaries, &needed, Duration::from_millis(1_000_000), hour);
        assert!(early.is_empty(), "{early:?}");
        let late = useless_binaries(&binaries, &needed, hour * 2, hour);
        let late: Vec<FsPath> = late.into_iter().map(|file| file.path.clone()).collect();
        assert_eq!(late, [0, 1, 3].map(|more| path(BINARIES_KEPT_MAX + more)));
    }
}
