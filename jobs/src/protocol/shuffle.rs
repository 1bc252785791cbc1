//! Exchanges with a core worker's shuffle service, service `shuffle`.
//!
//! ```text
//! fetch:   task → Fetch,   then per piece in the asked order: ← Piece ← payload*   or   ← Missing
//! deliver: task → Deliver, → payload*, → DeliverEnd; ← Delivered | Failed
//! ```

use crate::model::{AttemptId, Segment, outcome::LossReason};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShuffleRequest {
    /// Stored bytes of one partition of each of these attempts.
    Fetch { partition: u32, producers: Vec<AttemptId> },
    /// A task worker's output: all partitions, one after the other, as stored. Durable-as-needed (kept by this daemon, not
    /// by the producer) when `Delivered` is answered. Repeating it is harmless.
    Deliver { attempt: AttemptId, segments: Vec<Segment> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverEnd;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShuffleReply {
    /// Payload frames with `segment.len_bytes` bytes in all follow.
    Piece {
        producer: AttemptId,
        segment: Segment,
    },
    Missing {
        producer: AttemptId,
        reason: LossReason,
    },
    Delivered,
    Failed {
        reason: String,
        disk_full: bool,
    },
}
