//! A sign of life on stderr while a statement runs: time, how far its job is, and the rows that came.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skep_hiveql::session;
use skep_jobs::submit::amounts;
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle};

/// Statements that are done by then show nothing.
const PATIENCE: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(100);

pub struct Progress {
    bar: ProgressBar,
    /// Brings the bar to the screen when it is time.
    shower: Option<JoinHandle<()>>,
}

impl Progress {
    /// Needs a runtime if it is to be shown.
    pub fn begin(shown: bool, of_job: Option<watch::Receiver<session::Progress>>) -> Progress {
        let bar = ProgressBar::hidden();
        let shower = shown.then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(TICK);
                let Some(mut of_job) = of_job else { return };
                while of_job.changed().await.is_ok() {
                    bar.set_message(of_job.borrow_and_update().to_string());
                }
            })
        });
        Progress { bar, shower }
    }

    pub fn rows(&self, rows: u64) {
        if self.shower.is_some() {
            self.bar.set_message(amounts::counted(rows, "row"));
        }
    }

    pub fn clear(&mut self) {
        if let Some(shower) = self.shower.take() {
            shower.abort();
            self.bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
