//! The files of tables: which of them a reader sees, and how new ones come to be seen.
//!
//! A write takes a number, puts its files where they will stay under names with that number, and is then published: one
//! transaction of the catalog makes all of them seen, in all folders of all tables that the statement writes to.

mod columns;
mod description;
mod directory;
mod error;
mod exec;
mod export;
mod folders;
mod import;
mod listing;
mod load;
mod outcome;
mod publish;
mod seen;
mod small;
mod stored;
mod target;
#[cfg(test)]
mod tests;

pub use description::{Buckets, WriteDescription};
pub use directory::DirectoryWrite;
pub use error::WriteError;
pub use exec::{TaskAttempt, WriteExec, WriteTable};
pub use export::{Exported, ExportedFile, ExportedFolder, export};
pub use import::ImportSource;
pub use listing::{SeenFile, is_recursive, seen_files};
pub use load::{Source, load};
pub use outcome::{Amount, Outcome, ReplacedFiles};
pub use publish::{KEEP_SECONDS, abandon, publish, sweep};
pub use seen::{SeenPart, SeenTable};
pub use small::SmallFiles;
pub use stored::StoredFiles;
pub use target::{Target, Write};
