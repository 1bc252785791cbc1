//! Lines of text. A line belongs to the split in which it begins; it ends with `\n` or `\r\n`, which are not part of it, or
//! with the file.
//!
//! A split that does not begin the file starts reading one byte early: if that byte ends a line, a line begins with the
//! split, otherwise the first, partial line belongs to the split before. A split reads past its end to finish its last line.

use super::{
    FilePiece, Source, SourceError, Split, SplitSizes, SplitWork, chunks::Chunks, decompress::Decoded, split,
};
use crate::{
    conf,
    limits::RECORD_BYTES_MAX,
    model::JobConf,
    plan::{
        batch::{Batch, Consumer, Flow, Span},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::Record,
    source::decompress::Compression,
};
use futures::future::BoxFuture;
use skep_hdfs::stores::Stores;

/// Bytes of text that go into one batch, about.
const BATCH_BYTES: usize = 128 << 10;
/// How far a split first reads past its end; doubled until the line ends.
const OVERSHOOT_BYTES: u64 = 64 << 10;
/// Counts lines that were not UTF-8.
pub const INVALID_UTF8_COUNTER: &str = "text.lines_not_utf8";

pub struct TextFiles {
    pub patterns: Vec<String>,
    pub form: LineForm,
}

/// What records lines become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineForm {
    /// `String`: what is not UTF-8 is replaced by U+FFFD and counted.
    Utf8,
    /// `Vec<u8>`: as they are.
    Bytes,
    /// `(u64, Vec<u8>)`: with the byte of the file at which they begin.
    BytesWithOffset,
    /// What a streaming command gets: the offset only if `stream.map.input.ignoreKey` is false.
    ForCommand,
}

impl LineForm {
    fn settled(self, scope: &TaskScope<'_>) -> LineForm {
        match self {
            LineForm::ForCommand if commands_get_offsets(&scope.context.conf) => LineForm::BytesWithOffset,
            LineForm::ForCommand => LineForm::Bytes,
            form => form,
        }
    }
}

/// Whether mappers of streaming jobs get the offset of each line as its key.
pub fn commands_get_offsets(conf: &JobConf) -> bool {
    conf::text(&conf.extra, conf::STREAM_IGNORE_KEY) == "false"
}

impl Source for TextFiles {
    fn inputs(&self) -> Vec<String> {
        self.patterns.clone()
    }

    fn splits<'a>(
        &'a self,
        stores: &'a Stores,
        sizes: SplitSizes,
    ) -> BoxFuture<'a, Result<Vec<Split>, SourceError>> {
        Box::pin(async move { Ok(split::cut(&split::find(stores, &self.patterns).await?, sizes)) })
    }

    fn read(&self, work: &SplitWork, scope: &TaskScope<'_>, out: &mut dyn Consumer) -> Result<(), TaskFault> {
        for piece in work.files()? {
            scope.begin_piece(&piece.file, piece.offset, piece.len_bytes);
            let mut lines = LineCutter::new(self.form.settled(scope), &piece.file, scope, out);
            let flow = if Compression::of_name(&piece.file).is_some() {
                read_compressed(piece, scope, &mut lines)?
            } else {
                read_plain(piece, scope, &mut lines)?
            };
            if flow == Flow::Enough {
                break;
            }
        }
        Ok(())
    }
}

fn read_compressed(
    piece: &FilePiece,
    scope: &TaskScope<'_>,
    lines: &mut LineCutter<'_, '_>,
) -> Result<Flow, TaskFault> {
    let chunks = Chunks::open(scope.context, &piece.file, 0..piece.file_bytes)?;
    let mut decoded = Decoded::new(&piece.file, chunks)?;
    while let Some(chunk) = decoded.next_chunk()? {
        if lines.cut(&chunk)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    lines.end()
}

fn read_plain(
    piece: &FilePiece,
    scope: &TaskScope<'_>,
    lines: &mut LineCutter<'_, '_>,
) -> Result<Flow, TaskFault> {
    let begin = piece.offset.saturating_sub(1);
    lines.at = begin;
    let mut skipping = piece.offset > 0;
    let mut chunks = Chunks::open(scope.context, &piece.file, begin..piece.end())?;
    while let Some(chunk) = chunks.next_chunk()? {
        let mut bytes = &chunk[..];
        if skipping {
            let Some(newline) = memchr::memchr(b'\n', bytes) else {
                lines.at += bytes.len() as u64;
                continue;
            };
            lines.at += newline as u64 + 1;
            bytes = &bytes[newline + 1..];
            skipping = false;
        }
        if lines.cut(bytes)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    if skipping || lines.carry.is_empty() {
        // No line begins here, or the last one ended with the split.
        return Ok(Flow::More);
    }
    finish_last_line(piece, scope, lines)
}

/// The last line goes on behind the split.
fn finish_last_line(
    piece: &FilePiece,
    scope: &TaskScope<'_>,
    lines: &mut LineCutter<'_, '_>,
) -> Result<Flow, TaskFault> {
    let mut at = piece.end();
    let mut step = OVERSHOOT_BYTES;
    while at < piece.file_bytes {
        let until = piece.file_bytes.min(at + step);
        let mut chunks = Chunks::open(scope.context, &piece.file, at..until)?;
        while let Some(chunk) = chunks.next_chunk()? {
            if let Some(newline) = memchr::memchr(b'\n', &chunk) {
                return lines.cut(&chunk[..=newline]);
            }
            lines.cut(&chunk)?;
        }
        at = until;
        step = step.saturating_mul(2);
    }
    lines.end()
}

/// Cuts bytes that come in pieces into lines and hands them on in batches, without copying lines that lie in one piece.
struct LineCutter<'a, 'o> {
    form: LineForm,
    file: &'a str,
    scope: &'a TaskScope<'a>,
    out: &'o mut dyn Consumer,
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    /// Where in the file the next byte lies (in its decompressed form).
    at: u64,
    spans: Vec<Span>,
    /// Lines of a batch that do not stay as they are in the file.
    rewritten: Vec<u8>,
}

impl<'a, 'o> LineCutter<'a, 'o> {
    fn new(form: LineForm, file: &'a str, scope: &'a TaskScope<'a>, out: &'o mut dyn Consumer) -> Self {
        LineCutter {
            form,
            file,
            scope,
            out,
            carry: Vec::new(),
            at: 0,
            spans: Vec::new(),
            rewritten: Vec::new(),
        }
    }

    fn cut(&mut self, bytes: &[u8]) -> Result<Flow, TaskFault> {
        let mut rest = bytes;
        if !self.carry.is_empty() {
            let Some(newline) = memchr::memchr(b'\n', rest) else { return self.keep(rest) };
            self.keep(&rest[..=newline])?;
            rest = &rest[newline + 1..];
            if self.push_carry()? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        while let Some(last) = batch_end(rest) {
            let (batch, after) = rest.split_at(last + 1);
            self.at += batch.len() as u64;
            rest = after;
            self.spans.clear();
            let mut start = 0;
            for newline in memchr::memchr_iter(b'\n', batch) {
                let end = newline - usize::from(newline > start && batch[newline - 1] == b'\r');
                self.spans.push(Span { start: start as u32, end: end as u32 });
                start = newline + 1;
            }
            if self.push(batch)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        self.keep(rest)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Flow, TaskFault> {
        if self.carry.len() + bytes.len() > RECORD_BYTES_MAX {
            let offset = self.at - self.carry.len() as u64;
            return Err(SourceError::LineTooLong { file: self.file.to_owned(), offset }.into());
        }
        self.carry.extend_from_slice(bytes);
        self.at += bytes.len() as u64;
        Ok(Flow::More)
    }

    /// The carried bytes are a line, with or without its `\n`.
    fn push_carry(&mut self) -> Result<Flow, TaskFault> {
        let line = std::mem::take(&mut self.carry);
        let mut end = line.len();
        if line.ends_with(b"\n") {
            end -= 1;
            end -= usize::from(line[..end].ends_with(b"\r"));
        }
        self.spans.clear();
        self.spans.push(Span { start: 0, end: end as u32 });
        let flow = self.push(&line);
        self.carry = line;
        self.carry.clear();
        flow
    }

    /// No more bytes come: a last line may lack its `\n`.
    fn end(&mut self) -> Result<Flow, TaskFault> {
        if self.carry.is_empty() { Ok(Flow::More) } else { self.push_carry() }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<Flow, TaskFault> {
        self.scope.pulse(bytes.len() as u64, self.spans.len() as u64)?;
        match self.form {
            LineForm::Utf8 if std::str::from_utf8(bytes).is_err() => self.make_valid(bytes),
            LineForm::BytesWithOffset => self.add_offsets(bytes)?,
            LineForm::Utf8 | LineForm::Bytes | LineForm::ForCommand => {
                return self.out.push(Batch { bytes, spans: &self.spans });
            }
        }
        self.out.push(Batch { bytes: &self.rewritten, spans: &self.spans })
    }

    /// `bytes` are the last ones before `at`.
    fn add_offsets(&mut self, bytes: &[u8]) -> Result<(), TaskFault> {
        let begin = self.at - bytes.len() as u64;
        self.rewritten.clear();
        for span in &mut self.spans {
            let start = self.rewritten.len();
            let line = &bytes[span.start as usize..span.end as usize];
            <(u64, Vec<u8>)>::write_whole((begin + u64::from(span.start), line), &mut self.rewritten);
            *span = Span { start: start as u32, end: self.rewritten.len() as u32 };
        }
        let len_bytes = self.rewritten.len();
        if len_bytes > u32::MAX as usize {
            Err(TaskFault::RecordTooLarge { len_bytes: len_bytes as u64 })
        } else {
            Ok(())
        }
    }

    #[cold]
    fn make_valid(&mut self, bytes: &[u8]) {
        self.rewritten.clear();
        let mut invalid = 0;
        for span in &mut self.spans {
            let line = String::from_utf8_lossy(&bytes[span.start as usize..span.end as usize]);
            invalid += u64::from(matches!(line, std::borrow::Cow::Owned(_)));
            let start = self.rewritten.len() as u32;
            self.rewritten.extend_from_slice(line.as_bytes());
            *span = Span { start, end: self.rewritten.len() as u32 };
        }
        self.scope.context.progress.count(INVALID_UTF8_COUNTER, invalid);
    }
}

/// Where the last line of the next batch ends: at a `\n` near [`BATCH_BYTES`]; `None` if no line ends in `bytes`.
fn batch_end(bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(BATCH_BYTES)];
    memchr::memrchr(b'\n', near)
        .or_else(|| memchr::memchr(b'\n', &bytes[near.len()..]).map(|at| near.len() + at))
}
