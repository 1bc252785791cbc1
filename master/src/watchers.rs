//! Long polls: who waits for a job to change.

use crate::{limits::WATCH_PAUSE, requests::Reply};
use skep_jobs::model::JobId;
use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};
use tokio::time::Instant;

#[derive(Default)]
pub struct Watchers {
    waiting: BTreeMap<JobId, Vec<Watcher>>,
}

struct Watcher {
    after: u64,
    /// Answered with a change from then on ...
    from: Instant,
    /// ... and in any case then.
    until: Instant,
    reply: Reply,
}

impl Watchers {
    pub fn add(&mut self, job: JobId, after: u64, wait: Duration, reply: Reply) {
        let now = Instant::now();
        // The first look is free; one that has seen something waits a moment, so that changes are shown together.
        let from = if after == 0 { now } else { now + WATCH_PAUSE.min(wait) };
        self.waiting.entry(job).or_default().push(Watcher { after, from, until: now + wait, reply });
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes out everyone who is to be answered now.
    pub fn due(
        &mut self,
        urgent: &BTreeSet<JobId>,
        version: impl Fn(JobId) -> Option<u64>,
    ) -> Vec<(JobId, Reply)> {
        let now = Instant::now();
        let mut due = Vec::new();
        self.waiting.retain(|&job, watchers| {
            let (version, urgent) = (version(job), urgent.contains(&job));
            let is_due = |watcher: &mut Watcher| {
                let changed = version.is_none_or(|version| version > watcher.after || version == u64::MAX);
                let in_time = urgent || now >= watcher.from || version == Some(u64::MAX);
                (changed && in_time) || now >= watcher.until || watcher.reply.is_closed()
            };
            due.extend(watchers.extract_if(.., is_due).map(|watcher| (job, watcher.reply)));
            !watchers.is_empty()
        });
        due
    }
}
