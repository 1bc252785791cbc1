//! How a master is started.

use crate::limits::{BEAT_EVERY, BINARY_KEPT_FOR, GONE_AFTER, SUSPECT_AFTER, SWEEP_EVERY};
use skep_wire::Endpoint;
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Clone)]
pub struct MasterOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: Endpoint,
    /// Holds the cluster: secret, identity, journal.
    pub data: PathBuf,
}

/// What tests make smaller; see `limits` for the values in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// How often workers send a beat.
    pub beat_every: Duration,
    /// A worker without a beat for this long gets nothing new.
    pub suspect_after: Duration,
    /// A worker without a beat for this long is gone.
    pub gone_after: Duration,
    /// The scheduler's state is stored whole after so many records of any section, or when the journal asks for it.
    pub snapshot_every_records: u64,
    /// How often what nobody needs any more is removed from the cluster's storage.
    pub sweep_every: Duration,
    /// A job binary that was stored or used since is kept, whoever needs it.
    pub binary_kept_for: Duration,
}

impl Tuning {
    pub(crate) const DEFAULT: Tuning = Tuning {
        beat_every: BEAT_EVERY,
        suspect_after: SUSPECT_AFTER,
        gone_after: GONE_AFTER,
        snapshot_every_records: u64::MAX,
        sweep_every: SWEEP_EVERY,
        binary_kept_for: BINARY_KEPT_FOR,
    };
}
