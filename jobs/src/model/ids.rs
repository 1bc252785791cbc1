//! Newtypes for everything that has a number.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Index of a stage in its job; producers come before consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StageId(pub u32);

impl StageId {
    /// The one task that makes the job's output visible.
    pub const COMMIT: StageId = StageId(u32::MAX - 1);
    /// The one task that removes what a failed or killed job left in output places.
    pub const ABORT: StageId = StageId(u32::MAX);
}

/// Index of a task in its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartId(pub u32);

/// Raised when a stage is run again as a whole because its output depends on the order of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Round(pub u32);

/// Counts the launches of one task in one round, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptNumber(pub u32);

/// One try at one task. Every message and every file of it carries this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptId {
    pub job: JobId,
    pub stage: StageId,
    pub round: Round,
    pub part: PartId,
    pub attempt: AttemptNumber,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job-{}", self.0)
    }
}

impl FromStr for JobId {
    type Err = std::num::ParseIntError;

    /// `job-17` or `17`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("job-").unwrap_or(text).parse().map(JobId)
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StageId::COMMIT => f.write_str("commit"),
            StageId::ABORT => f.write_str("abort"),
            StageId(index) => write!(f, "{index}"),
        }
    }
}

impl fmt::Display for AttemptId {
    /// `job-17/2.0.13.1`: stage 2, round 0, task 13, attempt 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}.{}.{}", self.job, self.stage, self.round.0, self.part.0, self.attempt.0)
    }
}

impl AttemptId {
    /// The same as a file name: `2.0.13.1`, inside a directory of its job.
    pub fn file_stem(&self) -> String {
        format!("{}.{}.{}.{}", self.stage, self.round.0, self.part.0, self.attempt.0)
    }
}
