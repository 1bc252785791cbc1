//! What a function may know of the session that calls it.

use chrono::{DateTime, Utc};

/// Fixed for the length of one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFacts {
    /// The zone of timestamps with local time zone and of what is formatted.
    pub timezone: chrono_tz::Tz,
    /// What current_timestamp and its like answer.
    pub now: DateTime<Utc>,
    pub user: String,
    pub database: String,
}
