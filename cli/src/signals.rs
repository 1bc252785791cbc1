//! Being told to stop: SIGINT, SIGTERM, SIGHUP, and the death of the parent for children of `skep up`.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Raised by the first signal; `now` by the second.
#[derive(Debug, Clone)]
pub struct Stop {
    pub gently: CancellationToken,
    pub now: CancellationToken,
}

impl Stop {
    /// Takes over the signals of this process. Needs a runtime.
    pub fn on_signals() -> io::Result<Stop> {
        let stop = Stop { gently: CancellationToken::new(), now: CancellationToken::new() };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let raised = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if raised.gently.is_cancelled() {
                    raised.now.cancel();
                }
                raised.gently.cancel();
            }
        });
        Ok(stop)
    }

    pub async fn asked(&self) {
        self.gently.cancelled().await;
    }
}

/// The process that this one should have had as its parent is gone already.
#[derive(Debug, thiserror::Error)]
#[error("the supervisor (process {0}) that started this process is gone")]
pub struct Orphaned(pub u32);

/// Asks for SIGTERM when the parent ends. Must run on the main thread, before anything else is started.
pub fn die_with(parent: u32) -> Result<(), Orphaned> {
    // Without this the process would only outlive a supervisor that was killed.
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!(%error, "cannot follow the supervisor's death");
    }
    let expected = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if getppid() == expected { Ok(()) } else { Err(Orphaned(parent)) }
}
