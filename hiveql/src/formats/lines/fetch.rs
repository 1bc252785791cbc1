//! The bytes of a range, and of what lies behind it until its last line ends.

use crate::formats::{FormatError, range::FileRange};
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use std::{ops::Range, sync::Arc};

const PIECE_BYTES: u64 = 4 << 20;
/// Behind a range, mostly one line is wanted.
const TAIL_BYTES: u64 = 64 << 10;
const AHEAD: usize = 2;

pub(super) struct Pieces {
    inner: BoxStream<'static, Result<Bytes, FormatError>>,
    offset: u64,
}

impl Pieces {
    pub fn none() -> Pieces {
        Pieces { inner: stream::empty().boxed(), offset: 0 }
    }

    pub fn of(store: Arc<dyn ObjectStore>, file: &FileRange) -> Pieces {
        let (location, end) = (file.location(), file.end.min(file.size));
        let start = file.start.saturating_sub(1);
        let fetch = move |range: Range<u64>| get(store.clone(), location.clone(), range);
        let inside = stream::iter(ranges(start..end, PIECE_BYTES)).map(fetch.clone()).buffered(AHEAD);
        let behind = stream::iter(ranges(end..file.size, TAIL_BYTES)).then(fetch);
        Pieces { inner: inside.chain(behind).boxed(), offset: start }
    }

    /// How far the file was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub async fn next(&mut self) -> Result<Option<Bytes>, FormatError> {
        let piece = self.inner.next().await.transpose()?;
        self.offset += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Ok(piece)
    }
}

fn ranges(whole: Range<u64>, piece: u64) -> impl Iterator<Item = Range<u64>> {
    let end = whole.end;
    whole.step_by(piece as usize).map(move |start| start..end.min(start + piece))
}

async fn get(store: Arc<dyn ObjectStore>, location: Path, range: Range<u64>) -> Result<Bytes, FormatError> {
    store.get_range(&location, range).await.map_err(|error| FormatError::store(&location, error))
}

/// Where the first `count` lines of a file end.
pub(super) async fn end_of_lines(
    store: &Arc<dyn ObjectStore>,
    file: &FileRange,
    count: usize,
) -> Result<u64, FormatError> {
    let mut left = count;
    let mut after_return = false;
    let mut start = 0;
    for range in ranges(0..file.size, TAIL_BYTES) {
        let piece = get(store.clone(), file.location(), range).await?;
        for (index, byte) in piece.iter().enumerate() {
            let joined = after_return && *byte == b'\n';
            if left == 0 {
                return Ok(start + index as u64 + u64::from(joined));
            }
            after_return = *byte == b'\r';
            if !joined && matches!(byte, b'\n' | b'\r') {
                left -= 1;
            }
        }
        start += piece.len() as u64;
    }
    Ok(file.size)
}
