//! The clock of the scheduler: begins with the wall clock, then only goes on, whatever happens to the wall clock.

use crate::core::event::Tick;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    start_ms: u64,
}

impl Clock {
    pub fn start() -> Clock {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock { start: Instant::now(), start_ms: since_1970.as_millis() as u64 }
    }

    pub fn now(&self) -> Tick {
        Tick(self.start_ms + self.start.elapsed().as_millis() as u64)
    }

    /// When the tick begins; at once if it has.
    pub fn instant(&self, tick: Tick) -> Instant {
        // One more: ticks are rounded down, and a timer must not ring before its tick.
        self.start + Duration::from_millis(tick.0.saturating_sub(self.start_ms) + 1)
    }

    pub fn started(&self) -> Tick {
        Tick(self.start_ms)
    }
}
