//! How a worker goes: drained by the master, stopped by its operator, or told to leave.
//!
//! ```text
//!   Drain::Off ◄──► Drain::On { empty told or not }          the master's will, also taken back
//!   leaving: None ──► Some(waiting for attempts) ──► Some(ending processes) ──► finished
//! ```

use super::{Core, Life, Output, Tick, process::Ending};
use skep_jobs::protocol::worker::WorkerTell;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    Off,
    /// Takes nothing new. `empty_told`: the master knows, on this connection, that nothing is left.
    On {
        empty_told: bool,
    },
}

#[derive(Debug)]
pub(super) struct Leaving {
    /// Attempts may run until then.
    pub until: Tick,
    pub forget: bool,
    /// Processes were told to end.
    pub ending: bool,
    pub finished: bool,
}

impl Core {
    pub(super) fn is_draining(&self) -> bool {
        self.drain != Drain::Off || self.leaving.is_some()
    }

    pub(super) fn on_drain(&mut self, on: bool) {
        self.drain = match (on, self.drain) {
            (false, _) => Drain::Off,
            (true, Drain::Off) => Drain::On { empty_told: false },
            (true, drain) => drain,
        };
    }

    /// A new connection knows nothing of what the last one was told.
    pub(super) fn repeat_drain_state(&mut self) {
        if let Drain::On { empty_told } = &mut self.drain {
            *empty_told = false;
        }
        if let Some(leaving) = &self.leaving {
            let within_ms = leaving.until.0.saturating_sub(self.now.0);
            self.out.push_back(Output::TellMaster(WorkerTell::Leaving { within_ms }));
        }
    }

    /// The master's word is final: processes end now.
    pub(super) fn on_leave(&mut self, forget: bool) {
        let leaving =
            self.leaving.get_or_insert(Leaving { until: self.now, forget, ending: false, finished: false });
        leaving.until = self.now;
        leaving.forget |= forget;
    }

    pub(super) fn on_stop(&mut self, grace_ms: u64) {
        if let Some(leaving) = &mut self.leaving {
            leaving.until = self.now;
            return;
        }
        let until = self.now.after_ms(grace_ms);
        self.leaving = Some(Leaving { until, forget: false, ending: false, finished: false });
        if self.connected {
            self.out.push_back(Output::TellMaster(WorkerTell::Leaving { within_ms: grace_ms }));
        }
    }

    pub(super) fn leaving_deadline(&self) -> Option<Tick> {
        self.leaving.as_ref().filter(|leaving| !leaving.ending).map(|leaving| leaving.until)
    }

    /// Called when there is nothing else to put out.
    pub(super) fn settle_leaving(&mut self) {
        self.tell_empty();
        let nothing_runs = self.attempts.is_empty() && (self.unnoted.is_empty() || !self.connected);
        let now = self.now;
        let Some(leaving) = &mut self.leaving else { return };
        if !leaving.ending && (nothing_runs || leaving.until <= now) {
            leaving.ending = true;
            self.end_everything();
        }
        if let Some(leaving) = self.leaving.as_mut()
            && leaving.ending
            && !leaving.finished
            && self.lives.is_empty()
            && self.out.is_empty()
        {
            leaving.finished = true;
            let forget = leaving.forget;
            self.out.push_back(Output::Finish { forget });
        }
    }

    fn tell_empty(&mut self) {
        let empty = self.attempts.is_empty() && self.unnoted.is_empty() && self.outputs_held == 0;
        if let Drain::On { empty_told: told @ false } = &mut self.drain
            && empty
            && self.connected
        {
            *told = true;
            self.out.push_back(Output::TellMaster(WorkerTell::Empty));
        }
    }

    fn end_everything(&mut self) {
        for id in std::mem::take(&mut self.queue) {
            self.attempts.remove(&id);
            let reason = "the worker is being stopped".to_owned();
            self.end(id, skep_jobs::model::Outcome::Refused { reason });
        }
        let lives: Vec<Life> = self.lives.keys().copied().collect();
        lives.into_iter().for_each(|life| self.end_process(life, Ending::WorkerLeaves));
        self.tell_outcomes();
    }
}
