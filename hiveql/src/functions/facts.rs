//! What a function may know of the session that calls it.

use crate::script::ScriptPlace;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fixed for the length of one statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// The zone of timestamps with local time zone and of what is formatted.
    #[serde(with = "zone")]
    pub timezone: chrono_tz::Tz,
    /// What current_timestamp and its like answer.
    pub now: DateTime<Utc>,
    pub user: String,
    pub database: String,
    /// What [`SETTINGS`] were set to.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Where programs run. Each machine says so itself.
    #[serde(skip)]
    pub scripts: ScriptPlace,
}

/// The settings that functions ask for. None of them is there by default.
pub const SETTINGS: &[&str] = &[MASKING_ALGORITHM];
/// `sha256` or `sha512`: how mask_hash hashes.
pub(crate) const MASKING_ALGORITHM: &str = "hive.masking.algo";

/// A zone travels by its name.
mod zone {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(zone: &chrono_tz::Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<chrono_tz::Tz, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
