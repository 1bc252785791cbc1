//! The files of tables: which of them a reader sees.

mod error;
mod listing;
mod scan_parts;
#[cfg(test)]
mod tests;

pub use error::WriteError;
pub use listing::{SeenFile, seen_files};
pub use scan_parts::{Wanted, scan_parts};
