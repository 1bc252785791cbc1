//! Sinks: records become files of an output directory, which appears as a whole when the job commits.
//!
//! * [`part`] writes one attempt's file where no reader sees it; [`compress`] may sit before it.
//! * [`upload`] is the same for S3, where a finished upload is invisible until it is completed.
//! * [`commit`] makes the files of the attempts that won visible, or removes what a failed job left.
//!
//! ```text
//! OUT/_temporary/job-7/2.0.13.0/part-00013      while the attempt writes, and until the job commits
//! OUT/part-00013, OUT/_SUCCESS                  afterwards
//! ```

pub mod commit;
mod compress;
mod part;
mod upload;

use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::Line,
};
pub use compress::OutputCompression;
pub use part::PartToken;
use part::PartWriter;
use skep_hdfs::{client::ClientError, stores::StoreError};
use std::marker::PhantomData;

#[derive(Debug, Clone, thiserror::Error)]
pub enum SinkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cluster(#[from] ClientError),
    #[error("cannot write {path}: {reason}")]
    Write { path: String, reason: String },
    #[error("cannot compress {path}: {reason}")]
    Compress { path: String, reason: String },
    #[error("the output directory {0} already exists; remove it or choose another one")]
    OutputExists(String),
    #[error("two outputs of this job go to {0}; give each a directory of its own")]
    SameOutput(String),
    #[error("{path}: {reason}")]
    BadOutput { path: String, reason: String },
    #[error("cannot commit {path}: {reason}")]
    Commit { path: String, reason: String },
    #[error("another job has committed its output to {0} meanwhile")]
    Overtaken(String),
    #[error("what an attempt handed over for the commit cannot be read: {0}")]
    BadToken(String),
}

/// How records become a file's bytes.
pub trait SinkFormat: Send + Sync {
    fn write(&self, batch: Batch<'_>, out: &mut Vec<u8>) -> Result<(), TaskFault>;
}

/// One line for each record.
pub struct LineSink<T>(PhantomData<fn(T)>);

impl<T> LineSink<T> {
    pub(crate) fn new() -> Self {
        LineSink(PhantomData)
    }
}

impl<T: Line> SinkFormat for LineSink<T> {
    fn write(&self, batch: Batch<'_>, out: &mut Vec<u8>) -> Result<(), TaskFault> {
        for record in batch.records() {
            T::write_line(T::read_whole(record)?, out);
            out.push(b'\n');
        }
        Ok(())
    }
}

/// The records' bytes, with nothing between them.
pub struct RecordSink;

impl SinkFormat for RecordSink {
    fn write(&self, batch: Batch<'_>, out: &mut Vec<u8>) -> Result<(), TaskFault> {
        for record in batch.records() {
            out.extend_from_slice(record);
        }
        Ok(())
    }
}

/// The last operator of a stage that writes files: one file for each task.
pub(crate) struct Sinking<'a> {
    format: &'a dyn SinkFormat,
    scope: &'a TaskScope<'a>,
    part: PartWriter<'a>,
    bytes: Vec<u8>,
}

impl<'a> Sinking<'a> {
    /// Writes part `number` of the output directory `path`.
    pub fn begin(
        scope: &'a TaskScope<'a>,
        format: &'a dyn SinkFormat,
        path: &str,
        number: u32,
    ) -> Result<BoxConsumer<'a>, TaskFault> {
        let part = PartWriter::create(scope.context, path, number)?;
        Ok(Box::new(Sinking { format, scope, part, bytes: Vec::new() }))
    }
}

impl Consumer for Sinking<'_> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        self.bytes.clear();
        self.format.write(batch, &mut self.bytes)?;
        self.part.write(&self.bytes)?;
        self.scope.wrote(self.bytes.len() as u64, batch.len() as u64);
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        let token = self.part.finish()?;
        Ok(StageEnd { commit: skep_wire::codec::encode(&token), ..StageEnd::default() })
    }
}
