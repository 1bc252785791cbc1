//! Ctrl-C while statements run: the first press asks the statement to end, a second one before that has happened ends the
//! process.

use skep_jobs::submit::report::EXIT_INTERRUPTED;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    signal::unix::{SignalKind, signal},
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
    /// Takes over SIGINT. Needs a runtime with threads of its own, as a statement may keep this one busy.
    pub fn listen() -> io::Result<Interrupts> {
        let interrupts = Interrupts::default();
        let mut presses = signal(SignalKind::interrupt())?;
        let listening = interrupts.clone();
        tokio::spawn(async move {
            while presses.recv().await.is_some() {
                if !listening.press() {
                    std::process::exit(i32::from(EXIT_INTERRUPTED));
                }
            }
        });
        Ok(interrupts)
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
