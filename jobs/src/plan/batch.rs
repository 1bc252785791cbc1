//! How records move between the operators of a stage: a buffer of encoded records and the spans at which they lie. One
//! virtual call hands over a whole batch; the loop over its records is inside each operator.

use super::fault::TaskFault;
use crate::record::Record;
use std::marker::PhantomData;

/// Where one record lies in its batch's bytes. Spans may leave gaps (line ends, records that a filter dropped).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// Encoded records (whole form), borrowed from whoever pushes them.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub bytes: &'a [u8],
    pub spans: &'a [Span],
}

impl<'a> Batch<'a> {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    #[inline]
    pub fn records(self) -> impl Iterator<Item = &'a [u8]> {
        self.spans.iter().map(move |span| &self.bytes[span.start as usize..span.end as usize])
    }
}

/// What the receiver of a batch wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    More,
    /// It has all that it will ever need: the producer may stop early.
    Enough,
}

/// An operator of a running stage, seen from the operator before it.
pub trait Consumer {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault>;

    /// No more batches come. Flushes, finishes the operators after it, and hands back what the stage made.
    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault>;
}

pub type BoxConsumer<'a> = Box<dyn Consumer + 'a>;

/// What the last operator of a stage made of its input.
#[derive(Debug, Default)]
pub struct StageEnd {
    pub segments: Vec<crate::model::Segment>,
    pub holder: Option<skep_hdfs::WorkerId>,
    pub result: Vec<u8>,
    pub commit: Vec<u8>,
}

/// Collects encoded records until there are enough for a batch.
#[derive(Default)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl BatchBuilder {
    /// A batch is handed on when it has this many bytes: it stays in the processor's nearest caches.
    pub const FULL_BYTES: usize = 64 << 10;
    const FULL_RECORDS: usize = 16 << 10;

    #[inline]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL_BYTES || self.spans.len() >= Self::FULL_RECORDS
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Appends one record that `write` encodes.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.spans.push(Span { start: start as u32, end: self.bytes.len() as u32 });
    }

    /// The records, unless they are so large together that spans do not reach them: a batch is handed on as soon as it is
    /// full, so only a record that is far too large does that.
    pub fn checked(&self) -> Result<Batch<'_>, TaskFault> {
        match self.bytes.len() {
            len if len > u32::MAX as usize => Err(TaskFault::RecordTooLarge { len_bytes: len as u64 }),
            _ => Ok(Batch { bytes: &self.bytes, spans: &self.spans }),
        }
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }
}

/// What a function of the user writes its records to.
pub struct Emitter<'a, U> {
    builder: BatchBuilder,
    next: BoxConsumer<'a>,
    /// The first failure downstream; later records are dropped, the operator reports it after the batch.
    fault: Option<TaskFault>,
    flow: Flow,
    record: PhantomData<fn(U)>,
}

impl<'a, U: Record> Emitter<'a, U> {
    pub(crate) fn new(next: BoxConsumer<'a>) -> Self {
        Emitter { builder: BatchBuilder::default(), next, fault: None, flow: Flow::More, record: PhantomData }
    }

    /// Hands one record on. It takes a view: `out.emit((word, 1))` for a dataset of `(String, u64)`.
    #[inline]
    pub fn emit(&mut self, view: U::View<'_>) {
        self.emit_encoded(|bytes| U::write_whole(view, bytes));
    }

    /// Hands an owned record on.
    #[inline]
    pub fn emit_owned(&mut self, record: &U) {
        self.emit(record.view());
    }

    /// Whether nobody needs more records: a long-running function may end early.
    pub fn is_satisfied(&self) -> bool {
        self.flow == Flow::Enough || self.fault.is_some()
    }

    #[inline]
    pub(crate) fn emit_encoded(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.builder.push_with(write);
        if self.builder.is_full() {
            self.flush();
        }
    }

    #[cold]
    fn flush(&mut self) {
        if !self.is_satisfied() {
            match self.builder.checked().and_then(|batch| self.next.push(batch)) {
                Ok(flow) => self.flow = flow,
                Err(fault) => self.fault = Some(fault),
            }
        }
        self.builder.clear();
    }

    /// What came of the records so far.
    pub(crate) fn outcome(&mut self) -> Result<Flow, TaskFault> {
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(self.flow),
        }
    }

    /// Fails the task, once the current call of the user's function returns: for input that must not be.
    pub fn fail(&mut self, message: impl Into<String>) {
        self.fault.get_or_insert_with(|| TaskFault::User(message.into()));
    }

    pub(crate) fn finish(mut self) -> Result<StageEnd, TaskFault> {
        if !self.builder.is_empty() {
            self.flush();
        }
        self.outcome()?;
        self.next.finish()
    }
}
