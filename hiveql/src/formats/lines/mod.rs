//! Files of lines: fetched in pieces, decompressed, cut into lines, and handed on in blocks.

mod cut;
mod fetch;

pub(super) use cut::{Lines, Span};

use super::{
    FormatError,
    compression::{Compression, Decoder},
    error::Place,
    range::{FileRange, Offsets},
};
use cut::Cutter;
use datafusion::arrow::array::Int64Array;
use fetch::Pieces;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::ObjectStore;
use std::{collections::VecDeque, sync::Arc};

/// A gzip file grows a thousandfold at worst: what is decoded at once stays small.
const DECODE_BYTES: usize = 64 << 10;

/// Which lines of a file are rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineOptions {
    pub header: usize,
    pub footer: usize,
    pub batch_rows: usize,
}

pub(super) type LineStream = BoxStream<'static, Result<Lines, FormatError>>;

/// The lines that begin in the range. Of a compressed file, all lines begin at its start.
pub(super) fn read(store: Arc<dyn ObjectStore>, file: FileRange, options: LineOptions) -> LineStream {
    let opened = async move {
        let reader = Reader::open(store, file, options).await?;
        Ok(stream::try_unfold(reader, Reader::advance))
    };
    stream::once(opened).try_flatten().boxed()
}

struct Reader {
    path: String,
    pieces: Pieces,
    decoder: Option<Decoder>,
    cutter: Cutter,
    footer: usize,
    ready: VecDeque<Lines>,
    ended: bool,
}

impl Reader {
    async fn open(
        store: Arc<dyn ObjectStore>,
        mut file: FileRange,
        options: LineOptions,
    ) -> Result<Reader, FormatError> {
        let decoder =
            Compression::of_path(&file.path).decoder().map_err(|error| FormatError::io(&file.path, error))?;
        let mut skip = options.header;
        // A range can be read alone only if where each line begins does not depend on the others.
        let mut empty = false;
        if decoder.is_some() || options.footer > 0 {
            empty = file.start > 0;
            (file.start, file.end) = (0, file.size);
        } else if file.start > 0 && skip > 0 {
            file.start = file.start.max(fetch::end_of_lines(&store, &file, skip).await?);
            empty = file.start >= file.end;
            skip = 0;
        }
        let plain_end = if decoder.is_some() { u64::MAX } else { file.end };
        let cutter = Cutter::new(file.start, plain_end, skip, options.batch_rows.max(1));
        let pieces = if empty { Pieces::none() } else { Pieces::of(store, &file) };
        let path = file.path;
        Ok(Reader {
            path,
            pieces,
            decoder,
            cutter,
            footer: options.footer,
            ready: VecDeque::new(),
            ended: empty,
        })
    }

    async fn advance(mut self) -> Result<Option<(Lines, Reader)>, FormatError> {
        loop {
            if let Some(lines) = self.next_ready() {
                return Ok(Some((lines, self)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.pieces.next().await? {
                Some(piece) => self.take(&piece)?,
                None => self.end()?,
            }
            self.ended |= self.cutter.is_done();
            if self.ended {
                self.drop_footer();
            }
        }
    }

    /// The last lines may turn out to be the footer.
    fn next_ready(&mut self) -> Option<Lines> {
        let behind: usize = self.ready.iter().skip(1).map(Lines::rows).sum();
        if self.ended || (!self.ready.is_empty() && behind >= self.footer) {
            self.ready.pop_front()
        } else {
            None
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), FormatError> {
        let Some(decoder) = &mut self.decoder else {
            self.cutter.buffer().extend_from_slice(piece);
            return self.cut(false);
        };
        for piece in piece.chunks(DECODE_BYTES) {
            let offset = self.pieces.offset();
            let broken = |error| FormatError::broken(&self.path, Place::Offset(offset), error);
            decoder.push(piece, self.cutter.buffer()).map_err(broken)?;
        }
        self.cut(false)
    }

    fn end(&mut self) -> Result<(), FormatError> {
        if let Some(decoder) = &mut self.decoder {
            let offset = self.pieces.offset();
            let broken = |error| FormatError::broken(&self.path, Place::Offset(offset), error);
            // An empty file is compressed nothing.
            if offset > 0 {
                decoder.finish(self.cutter.buffer()).map_err(broken)?;
            }
        }
        self.cut(true)?;
        self.ended = true;
        Ok(())
    }

    fn cut(&mut self, at_end: bool) -> Result<(), FormatError> {
        self.cutter.cut(at_end, &mut self.ready).map_err(|offset| {
            FormatError::broken(&self.path, Place::Offset(offset), "a line is longer than 4 GiB")
        })
    }

    fn drop_footer(&mut self) {
        let mut footer = std::mem::take(&mut self.footer);
        while let Some(lines) = self.ready.back_mut().filter(|_| footer > 0) {
            let dropped = lines.spans.len().min(footer);
            lines.spans.truncate(lines.spans.len() - dropped);
            footer -= dropped;
            if lines.spans.is_empty() {
                self.ready.pop_back();
            }
        }
    }
}

impl Offsets for &Lines {
    fn rows(&self) -> usize {
        self.spans.len()
    }

    fn array(&self) -> Int64Array {
        self.spans.iter().map(|span| self.offset as i64 + i64::from(span.start)).collect::<Vec<_>>().into()
    }

    /// A line is a block.
    fn in_block(&self) -> Int64Array {
        Int64Array::from_value(0, self.spans.len())
    }
}

#[cfg(test)]
mod tests;
