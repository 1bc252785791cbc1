//! Version, service and mutual proof of the secret, before any frame.

use serde::{Deserialize, Serialize};

/// Why the other side would not talk. Typed on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error(
        "it speaks wire version {theirs}, this program speaks {ours}: use the same release on both sides"
    )]
    Version { ours: u16, theirs: u16 },
    #[error(
        "the secret does not match: copy the file `secret` of the master's data directory to this machine"
    )]
    Secret,
    #[error("it has no service `{service}`")]
    Service { service: String },
    #[error("a job token does not open the service `{service}`")]
    Forbidden { service: String },
    #[error("it is not a Skep process (the first bytes are not the protocol's)")]
    NotSkep,
}
