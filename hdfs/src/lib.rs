//! Replicated block storage: what a Hadoop user knows as HDFS, without the JVM.
//!
//! One paragraph per layer, from the bottom:
//!
//! * [`ids`] are the newtypes; [`protocol`] is every message of this room, typed errors included.
//! * [`core`] is the namespace: directories, files, blocks, leases, replicas, repair. A pure state machine.
//! * [`journal`] is the master's one ordered, durable log with snapshots. The scheduler's records and the keyed store
//!   ride in it too, so that one record can change several of them at once.
//! * [`namespace`] is the thin server around the core: calls in, records out, answers when they are durable.
//! * [`blocks`] is a core worker's side: the block store on its disks and the server that pipelines, reads, copies.
//! * [`client`] writes and reads files of the cluster; [`stores`] resolves `hdfs://`, `s3://`, `file://` and plain
//!   paths to [`object_store::ObjectStore`]s, of which the cluster's is one.
//!
//! It knows nothing of jobs or scheduling.

pub mod blocks;
pub mod client;
pub mod core;
pub mod ids;
pub mod journal;
pub mod limits;
pub mod namespace;
pub mod path;
pub mod protocol;
#[cfg(feature = "stores")]
pub mod stores;

pub use ids::{BlockId, ClientId, Epoch, FileId, Generation, WorkerId};
pub use path::FsPath;
