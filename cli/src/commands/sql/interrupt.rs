//! Ctrl-C while statements run: the first press asks the statement to end, a second one before that has happened ends the
//! process.

use skep_jobs::submit::report::EXIT_INTERRUPTED;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    pressed: AtomicBool,
    changed: Notify,
}

impl Interrupts {
    /// Takes over SIGINT. With a patience, one press that is not answered in that time is enough to end the process.
    pub fn listen(patience: Option<Duration>) -> io::Result<Interrupts> {
        let interrupts = Interrupts::default();
        // A thread of its own: those of the session may all be busy with the query that is to be cancelled.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let presses = {
            let _entered = runtime.enter();
            signal(SignalKind::interrupt())?
        };
        let listening = interrupts.clone();
        thread::Builder::new()
            .name("interrupts".to_owned())
            .spawn(move || runtime.block_on(listening.hear(presses, patience)))?;
        Ok(interrupts)
    }

    async fn hear(self, mut presses: Signal, patience: Option<Duration>) {
        while presses.recv().await.is_some() {
            if !self.press() {
                std::process::exit(i32::from(EXIT_INTERRUPTED));
            }
            if let Some(patience) = patience {
                tokio::spawn(self.clone().lose(patience));
            }
        }
    }

    async fn lose(self, patience: Duration) {
        tokio::time::sleep(patience).await;
        if self.state.pressed.load(Ordering::Acquire) {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    }

    /// False if the press before was not answered yet.
    pub fn press(&self) -> bool {
        let first = !self.state.pressed.swap(true, Ordering::AcqRel);
        self.state.changed.notify_one();
        first
    }

    /// Ends with the next press, and answers it.
    pub async fn pressed(&self) {
        while !self.state.pressed.swap(false, Ordering::AcqRel) {
            self.state.changed.notified().await;
        }
    }

    /// Presses from before are about something else.
    pub fn forget(&self) {
        self.state.pressed.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_press_is_answered_once_and_a_second_one_is_told_apart() {
        let interrupts = Interrupts::default();
        assert!(interrupts.pressed().now_or_never().is_none());
        assert!(interrupts.press());
        assert!(!interrupts.press());
        assert!(interrupts.pressed().now_or_never().is_some());
        assert!(interrupts.pressed().now_or_never().is_none());
        assert!(interrupts.press());
        interrupts.forget();
        assert!(interrupts.pressed().now_or_never().is_none());
    }
}
