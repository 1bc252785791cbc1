//! Records of one length. A record belongs to the split in which it begins.

use super::{
    FilePiece, Source, SourceError, Split, SplitSizes, SplitWork, chunks::Chunks, decompress::Decoded, split,
};
use crate::{
    plan::{
        batch::{Batch, Consumer, Flow, Span},
        fault::TaskFault,
        scope::TaskScope,
    },
    source::decompress::Compression,
};
use futures::future::BoxFuture;
use skep_hdfs::stores::Stores;

/// Records in one batch, at most; and its bytes, about.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: usize = 256 << 10;

pub struct FixedRecords {
    pub record_bytes: u64,
    pub patterns: Vec<String>,
}

impl Source for FixedRecords {
    fn inputs(&self) -> Vec<String> {
        self.patterns.clone()
    }

    fn splits<'a>(
        &'a self,
        stores: &'a Stores,
        sizes: SplitSizes,
    ) -> BoxFuture<'a, Result<Vec<Split>, SourceError>> {
        Box::pin(async move {
            let files = split::find(stores, &self.patterns).await?;
            for located in &files {
                self.check_length(&located.file.text, located.file.len_bytes)?;
            }
            Ok(split::cut(&files, sizes))
        })
    }

    fn read(&self, work: &SplitWork, scope: &TaskScope<'_>, out: &mut dyn Consumer) -> Result<(), TaskFault> {
        for piece in work.files()? {
            if self.read_piece(piece, scope, out)? == Flow::Enough {
                break;
            }
        }
        Ok(())
    }
}

impl FixedRecords {
    fn check_length(&self, file: &str, len_bytes: u64) -> Result<(), SourceError> {
        let record_bytes = self.record_bytes;
        if Compression::of_name(file).is_none() && !len_bytes.is_multiple_of(record_bytes) {
            return Err(SourceError::NotWholeRecords { file: file.to_owned(), len_bytes, record_bytes });
        }
        Ok(())
    }

    fn read_piece(
        &self,
        piece: &FilePiece,
        scope: &TaskScope<'_>,
        out: &mut dyn Consumer,
    ) -> Result<Flow, TaskFault> {
        let start = piece.offset.next_multiple_of(self.record_bytes);
        let end = piece.end().next_multiple_of(self.record_bytes).min(piece.file_bytes).max(start);
        scope.begin_piece(&piece.file, start, end - start);
        let chunks = Chunks::open(scope.context, &piece.file, start..end)?;
        let mut decoded = Decoded::new(&piece.file, chunks)?;
        let record_bytes = self.record_bytes as usize;
        // The beginning of a record whose end is in the next chunk.
        let mut carry: Vec<u8> = Vec::new();
        let mut read = 0u64;
        while let Some(chunk) = decoded.next_chunk()? {
            read += chunk.len() as u64;
            let mut bytes = &chunk[..];
            if !carry.is_empty() {
                let missing = (record_bytes - carry.len()).min(bytes.len());
                carry.extend_from_slice(&bytes[..missing]);
                bytes = &bytes[missing..];
                if carry.len() < record_bytes {
                    continue;
                }
                if push_records(&carry, record_bytes, scope, out)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
                carry.clear();
            }
            let whole = bytes.len() - bytes.len() % record_bytes;
            if push_records(&bytes[..whole], record_bytes, scope, out)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
            carry.extend_from_slice(&bytes[whole..]);
        }
        if !carry.is_empty() {
            let (file, record_bytes) = (piece.file.clone(), self.record_bytes);
            return Err(SourceError::NotWholeRecords { file, len_bytes: read, record_bytes }.into());
        }
        Ok(Flow::More)
    }
}

/// `bytes` holds whole records. They are handed on where they lie.
fn push_records(
    bytes: &[u8],
    record_bytes: usize,
    scope: &TaskScope<'_>,
    out: &mut dyn Consumer,
) -> Result<Flow, TaskFault> {
    let batch_records = (BATCH_BYTES / record_bytes).clamp(1, BATCH_RECORDS);
    let mut spans = Vec::with_capacity(batch_records);
    for part in bytes.chunks(batch_records * record_bytes) {
        let count = part.len() / record_bytes;
        spans.clear();
        spans.extend((0..count).map(|index| Span {
            start: (index * record_bytes) as u32,
            end: ((index + 1) * record_bytes) as u32,
        }));
        scope.pulse(part.len() as u64, count as u64)?;
        if out.push(Batch { bytes: part, spans: &spans })? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}
