//! Shuffle: data exchanged between two stages, partitioned by the producer, fetched by the consumer.
//!
//! * [`format`] is the layout of stored data; `block` writes it, [`segment`] reads it back.
//! * [`partition`] chooses the partition of a key, with a hash that never changes.
//! * [`writer`] is the producer: `buffer` sorts in memory, `runs` are what was spilled, [`combine`] makes values fewer,
//!   `merge` puts sorted data together.
//! * [`opaque`] is output whose content is its producer's own, with no records that this module would know of.
//! * [`fetch`] is the consumer's way to its pieces, [`reader`] merges them, [`deliver`] hands an output to a core worker.
//!
//! Keys and values are bytes here; their order is that of the key's bytes. It knows nothing of records' types, of plans, or of
//! how a holder stores what it serves.

pub mod combine;
pub mod deliver;
pub mod error;
pub mod fetch;
pub mod format;
pub mod opaque;
pub mod partition;
pub mod reader;
pub mod segment;
pub mod writer;

mod block;
mod buffer;
mod key_order;
mod merge;
mod runs;
pub(crate) mod scratch;
#[cfg(test)]
mod tests;

pub use combine::{CombineValues, ValueList};
pub use deliver::{DeliverError, deliver};
pub use error::{CombineFailure, ShuffleError, is_disk_full};
pub use fetch::FetchOptions;
pub use opaque::{OpaquePiece, OpaqueReader, OpaqueWriter};
pub use partition::{Partition, stable_hash};
pub use reader::{MergeReader, RecordRef};
pub use segment::SortedSegment;
pub use writer::{OutputData, ShuffleOutput, ShuffleWriter, WriterOptions};
