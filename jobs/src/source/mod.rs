//! Sources: how input becomes splits when a plan is compiled, and records when a task runs. A source of your own
//! implements [`Source`].
//!
//! * [`split`] cuts files into pieces and packs small ones together.
//! * [`chunks`] reads ahead on the I/O runtime while the task's thread works; [`decompress`] sits behind it.
//! * [`lines`], [`fixed`], [`rows`] make records: text, records of one length, numbered rows.
//!
//! It knows no operators: records go to a [`crate::plan::batch::Consumer`].

pub mod chunks;
pub mod decompress;
pub mod fixed;
pub mod lines;
pub mod rows;
pub mod split;

use crate::{
    plan::{batch::Consumer, fault::TaskFault, scope::TaskScope},
    task_program::TaskContext,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use skep_hdfs::{
    WorkerId,
    stores::{StoreError, Stores},
};
pub use split::{FilePiece, SplitSizes};

#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{file}: cannot read bytes {start}..{end}: {reason}")]
    Read { file: String, start: u64, end: u64, reason: String },
    #[error("{file}: the compressed data is damaged: {reason}")]
    Decompress { file: String, reason: String },
    #[error(
        "{file} has {len_bytes} bytes, which is no whole number of records of {record_bytes} bytes; is it another format, or cut off?"
    )]
    NotWholeRecords { file: String, len_bytes: u64, record_bytes: u64 },
    #[error(
        "{file}: the line that begins at byte {offset} is over {} bytes",
        crate::limits::RECORD_BYTES_MAX
    )]
    LineTooLong { file: String, offset: u64 },
    #[error("{file}: ended at byte {found}, {expected} were expected; it changed while the job ran")]
    Shrunk { file: String, expected: u64, found: u64 },
}

/// Where records come from.
pub trait Source: Send + Sync {
    /// The paths that it reads, as the user gave them.
    fn inputs(&self) -> Vec<String>;

    /// Cuts the input. A pattern that names nothing is an error.
    fn splits<'a>(
        &'a self,
        stores: &'a Stores,
        sizes: SplitSizes,
    ) -> BoxFuture<'a, Result<Vec<Split>, SourceError>>;

    /// Makes the records of one split, on the task's thread.
    fn read(&self, work: &SplitWork, scope: &TaskScope<'_>, out: &mut dyn Consumer) -> Result<(), TaskFault>;
}

/// One task's share of the input, when a plan is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub work: SplitWork,
    /// Workers that hold it, best first.
    pub preferred: Vec<WorkerId>,
    pub input_bytes: u64,
}

/// The same, as the task gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SplitWork {
    Files(Vec<FilePiece>),
    Rows {
        start: u64,
        end: u64,
    },
    /// A coding of the source's own.
    Opaque(Vec<u8>),
}

impl SplitWork {
    pub(crate) fn files(&self) -> Result<&[FilePiece], TaskFault> {
        match self {
            SplitWork::Files(pieces) => Ok(pieces),
            other => Err(TaskFault::Undecodable(format!("a source of files got the split {other:?}"))),
        }
    }

    /// A smaller split to look into instead of this one, with the bytes to be read and those it stands for.
    pub(crate) fn sample(&self, places: u64, place_bytes: u64) -> (SplitWork, u64, u64) {
        match self {
            SplitWork::Files(pieces) => split::sample(pieces, places, place_bytes),
            SplitWork::Rows { start, end } => {
                let taken = (end - start).min(place_bytes * places / 64).max(1).min(end - start);
                (SplitWork::Rows { start: *start, end: start + taken }, taken, end - start)
            }
            SplitWork::Opaque(_) => (self.clone(), 1, 1),
        }
    }
}

/// Runs I/O from the task's thread.
pub(crate) fn block_on<F: Future>(context: &TaskContext, future: F) -> F::Output {
    context.runtime.block_on(future)
}
