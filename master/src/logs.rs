//! What a job's processes wrote: asked of the workers that are there; of those that are not, read from the cluster's
//! storage, where each worker puts the newest part of its log when a job is over (`/.skep/logs/JOB/WORKER.log`).

use crate::{
    limits::{LOGS_ANSWER_BYTES_MAX, LOGS_BYTES_MAX, LOGS_DEADLINE, STORED_LOGS_DEADLINE},
    links::Links,
    owner::Request,
    requests::LogSources,
};
use skep_hdfs::{
    FsPath, WorkerId,
    client::{Client, ClientError},
};
use skep_jobs::{
    model::{JobId, PartId, StageId},
    protocol::{
        client::{JobAnswer, JobError, JobReply, LogPart},
        worker::{MasterCall, MasterCallAnswer},
    },
};
use std::collections::BTreeMap;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Where workers put the logs of jobs that are over, one folder for each job.
pub const LOGS_FOLDER: &str = "/.skep/logs";

pub struct Logs {
    pub links: Links,
    pub inbox: mpsc::Sender<Request>,
    pub client: Client,
}

/// What is wanted of each worker's log.
struct Wanted {
    job: JobId,
    /// `file_stem`s of attempts; `None`: all.
    stems: Option<Vec<String>>,
    bytes_max: u64,
}

impl Logs {
    pub async fn read(&self, job: JobId, task: Option<(StageId, PartId)>, bytes_max: u64) -> JobAnswer {
        let stopping = || JobError::Unavailable("it is stopping".to_owned());
        let (reply, sources) = oneshot::channel();
        self.inbox.send(Request::LogSources { job, task, reply }).await.map_err(|_| stopping())?;
        let LogSources { hosts, attempts, is_over } = sources.await.map_err(|_| stopping())??;
        let stems = attempts.map(|attempts| attempts.iter().map(|one| one.file_stem()).collect());
        let mut wanted = Wanted { job, stems, bytes_max: bytes_max.min(LOGS_BYTES_MAX) };
        let mut parts = self.ask_workers(&mut wanted).await;
        parts.retain(|_, part| !part.text.is_empty());
        if is_over && let Ok(stored) = timeout(STORED_LOGS_DEADLINE, self.stored(&wanted, &parts)).await {
            parts.extend(stored);
        }
        for (worker, part) in &mut parts {
            part.host = hosts.get(worker).cloned().unwrap_or_default();
        }
        Ok(JobReply::Logs(parts.into_values().collect()))
    }

    async fn ask_workers(&self, wanted: &mut Wanted) -> BTreeMap<WorkerId, LogPart> {
        let peers = self.links.peers();
        wanted.share(peers.len());
        let Wanted { job, stems, bytes_max } = &*wanted;
        let call = MasterCall::Logs { job: *job, stems: stems.clone(), bytes_max: *bytes_max };
        let call = &call;
        let answers = peers.into_iter().map(|(worker, peer)| async move {
            let answer = peer.call::<_, MasterCallAnswer>(call, LOGS_DEADLINE).await;
            let MasterCallAnswer::Logs { text, truncated } =
                answer.inspect_err(|error| tracing::info!(%worker, %job, %error, "no log")).ok()?;
            Some((worker, LogPart { worker, host: String::new(), text, truncated }))
        });
        futures::future::join_all(answers).await.into_iter().flatten().collect()
    }

    /// Stored logs of workers that gave none.
    async fn stored(
        &self,
        wanted: &Wanted,
        have: &BTreeMap<WorkerId, LogPart>,
    ) -> BTreeMap<WorkerId, LogPart> {
        let job = wanted.job;
        let mut parts = BTreeMap::new();
        let mut room = LOGS_ANSWER_BYTES_MAX;
        room = room.saturating_sub(have.values().map(|part| part.text.len() as u64).sum());
        for (worker, path) in self.list(job).await.unwrap_or_default() {
            if have.contains_key(&worker) {
                continue;
            }
            match self.tail(&path, wanted.bytes_max.min(room)).await {
                Ok((text, truncated)) => {
                    let text = wanted.lines_of(text);
                    room = room.saturating_sub(text.len() as u64);
                    let part = LogPart { worker, host: String::new(), text, truncated };
                    parts.extend((!part.text.is_empty()).then_some((worker, part)));
                }
                Err(error) => {
                    let text = format!("(its log cannot be read now: {error})\n");
                    parts.insert(worker, LogPart { worker, host: String::new(), text, truncated: false });
                }
            }
        }
        parts
    }

    async fn list(&self, job: JobId) -> Option<Vec<(WorkerId, FsPath)>> {
        let folder: FsPath = format!("{LOGS_FOLDER}/{job}").parse().ok()?;
        let files = self.client.list(&folder).await.ok()?;
        let named = files.into_iter().filter_map(|file| {
            let number = file.path.name()?.strip_prefix("worker-")?.strip_suffix(".log")?.parse().ok()?;
            Some((WorkerId(number), file.path))
        });
        Some(named.collect())
    }

    async fn tail(&self, path: &FsPath, bytes_max: u64) -> Result<(String, bool), ClientError> {
        let reader = self.client.open(path).await?;
        let len_bytes = reader.status().len_bytes;
        let from = len_bytes.saturating_sub(bytes_max);
        let bytes = reader.read(from..len_bytes).await?;
        // What is left of a line that was cut is left out.
        let cut =
            if from > 0 { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) } else { 0 };
        Ok((String::from_utf8_lossy(&bytes[cut..]).into_owned(), from > 0))
    }
}

impl Wanted {
    /// All workers' logs together must fit one answer.
    fn share(&mut self, workers: usize) {
        self.bytes_max = self.bytes_max.min(LOGS_ANSWER_BYTES_MAX / (workers as u64).max(1));
    }

    /// Of a stored log, the lines that are marked as written by the wanted attempts: `TIME [STEM] TEXT`.
    fn lines_of(&self, text: String) -> String {
        let Some(stems) = &self.stems else { return text };
        let mark = |line: &str| {
            let mark = line.split_whitespace().nth(1)?.strip_prefix('[')?.strip_suffix(']')?;
            Some(stems.iter().any(|stem| stem == mark))
        };
        text.split_inclusive('\n').filter(|line| mark(line) == Some(true)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stored_log_a_task_gets_the_lines_of_its_attempts() {
        let text = "12:00 of all\n12:01 [s0.1.2.0] mine\n12:02 [s0.1.3.0] other\n12:03 [s0.1.2.1] again";
        let mut wanted = Wanted { job: JobId(1), stems: None, bytes_max: 1 };
        assert_eq!(wanted.lines_of(text.to_owned()), text);
        wanted.stems = Some(vec!["s0.1.2.0".to_owned(), "s0.1.2.1".to_owned()]);
        assert_eq!(wanted.lines_of(text.to_owned()), "12:01 [s0.1.2.0] mine\n12:03 [s0.1.2.1] again");
    }
}
