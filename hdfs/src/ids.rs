//! Newtypes for everything that has a number.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A worker, for as long as its data directory lives. Given out by the master at the first registration.
    WorkerId(u32), "worker-"
);
id!(
    /// One life of a worker process: microseconds since 1970 at its start, and never less than an earlier one of the
    /// same data directory. A message that carries an older epoch is stale.
    Epoch(u64), "epoch-"
);
id!(
    /// A file or directory, for ever: it keeps its id when it is renamed, and an id is never given twice.
    FileId(u64), "file-"
);
id!(
    /// An immutable piece of a file.
    BlockId(u64), "block-"
);
id!(
    /// Raised each time a block's set of writers changes; a replica with an older one is stale.
    Generation(u64), "gen-"
);
id!(
    /// A writing client process: the holder of leases. Random, chosen by the client.
    ClientId(u64), "client-"
);
