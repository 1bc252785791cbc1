//! Every message of this room. Domain types of the core are not these types.
//!
//! * [`namespace`]: client → master, service `namespace` (calls).
//! * [`control`]: master → core worker and back: block commands and reports. They ride inside the one registration
//!   connection of a worker, whose messages `skep-jobs` defines.
//! * [`blocks`]: client or worker → core worker, service `blocks` (exchanges with payload).

pub mod blocks;
pub mod control;
pub mod namespace;

/// Service names in the handshake.
pub const NAMESPACE_SERVICE: &str = "namespace";
pub const BLOCKS_SERVICE: &str = "blocks";
