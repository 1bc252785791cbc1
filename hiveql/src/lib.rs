//! HiveQL for Skep: parser, catalog, planning, functions, formats, and the executor of query fragments.
//!
//! It knows nothing of who runs where: it links neither master nor worker.

pub mod cast;
pub mod catalog;
pub mod codec;
pub mod ddl;
pub mod executor;
pub mod formats;
pub mod functions;
pub mod join_order;
mod limits;
mod nearest;
pub mod physical;
pub mod plan;
pub mod reducers;
pub mod render;
pub mod scan;
pub mod script;
pub mod service;
pub mod session;
pub mod shared;
pub mod stages;
pub mod syntax;
pub mod types;
pub mod write;
