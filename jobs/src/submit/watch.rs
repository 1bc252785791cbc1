//! Waiting for a job, through restarts of the master.

use super::{JobsClient, JobsError, limits, progress::Progress};
use crate::model::{JobId, JobView};
use std::time::Instant;

/// Who is told how a job goes on.
pub trait Watching {
    fn show(&mut self, view: &JobView);

    fn master_is_away(&mut self, _reason: &str) {}
}

impl Watching for Progress {
    fn show(&mut self, view: &JobView) {
        Progress::show(self, view);
    }

    fn master_is_away(&mut self, reason: &str) {
        Progress::master_is_away(self, reason);
    }
}

/// Returns the job's last view once it is over. A master that is away is asked again for
/// [`limits::MASTER_PATIENCE`].
pub async fn until_over(
    client: &JobsClient,
    job: JobId,
    progress: &mut (impl Watching + ?Sized),
) -> Result<JobView, JobsError> {
    let mut after = 0;
    let mut away: Option<Instant> = None;
    let mut pause = limits::RETRY_PAUSE_MIN;
    loop {
        match client.watch(job, after, limits::WATCH_WAIT).await {
            Ok(view) => {
                away = None;
                pause = limits::RETRY_PAUSE_MIN;
                progress.show(&view);
                if view.summary.state.is_final() {
                    return Ok(view);
                }
                after = view.version;
            }
            Err(error) if error.retryable() => {
                // A restarted master may count versions from anew.
                after = 0;
                let since = *away.get_or_insert_with(Instant::now);
                if since.elapsed() > limits::MASTER_PATIENCE {
                    return Err(error);
                }
                if since.elapsed() > limits::SILENT_ABSENCE {
                    progress.master_is_away(&super::report::describe(&error));
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(limits::RETRY_PAUSE_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}
