//! One task in the live core, and one running attempt of it.
//!
//! ```text
//!          inputs done           launch               first Done
//!   Idle ───────────────► Ready ─────────► Running ─────────────────► Done
//!    ▲                    │ ▲  ▲             │ │ last attempt ended     │
//!    └────────────────────┘ │  └── Delayed ◄─┘ │ otherwise              │
//!      an input was lost    │      (a pause)   │                        │
//!                           └──────────────────┴────────────────────────┘
//!                                                 its output was lost (→ Idle while inputs are missing)
//! ```

use super::event::Tick;
use skep_hdfs::WorkerId;
use skep_jobs::{model::PartId, protocol::worker::Progress};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskState {
    #[default]
    Idle,
    Ready,
    Delayed {
        until: Tick,
    },
    Running,
    Done,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Task {
    pub state: TaskState,
    /// Number of its next attempt, unless the term begins higher.
    pub next_attempt: u32,
    /// Reports of consumers that could not reach the holder of its output.
    pub unreachable: u32,
}

/// An attempt that a worker has.
#[derive(Debug)]
pub struct Running {
    pub worker: WorkerId,
    pub started: Tick,
    pub grant_bytes: u64,
    /// It was told to stop.
    pub killed: bool,
    pub progress: Option<Box<Progress>>,
}

/// How long the tasks of a stage take, seen from here: a moving mean over the last finished ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    finished: u32,
    mean_ms_x16: u64,
}

impl Pace {
    const SAMPLES_MIN: u32 = 4;

    pub fn add(&mut self, took_ms: u64) {
        self.finished = self.finished.saturating_add(1);
        let sample = took_ms.saturating_mul(16);
        self.mean_ms_x16 =
            if self.finished == 1 { sample } else { (self.mean_ms_x16.saturating_mul(7) + sample) / 8 };
    }

    /// Attempts that may wait on a worker with this many slots, so that it has work for `ahead` and no more.
    pub fn queue(&self, slots: u32, ahead: Duration, per_slot_max: u32) -> u32 {
        if self.finished < Pace::SAMPLES_MIN {
            return 0;
        }
        let ahead_x16 = ahead.as_millis() as u64 * 16;
        let per_slot = (ahead_x16 / self.mean_ms_x16.max(1)).min(u64::from(per_slot_max));
        slots.saturating_mul(per_slot as u32)
    }
}

/// `task 1.7`: stage 1, part 7.
pub fn task_name(stage: skep_jobs::StageId, part: PartId) -> String {
    format!("task {stage}.{}", part.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tasks_are_queued_ahead_and_long_ones_never() {
        let mut short = Pace::default();
        assert_eq!(short.queue(4, Duration::from_millis(40), 3), 0, "nothing is known yet");
        (0..10).for_each(|_| short.add(2));
        assert_eq!(short.queue(4, Duration::from_millis(40), 3), 12);
        let mut long = Pace::default();
        (0..10).for_each(|_| long.add(41));
        assert_eq!(long.queue(4, Duration::from_millis(40), 3), 0);
    }
}
