//! Where lines begin and end: `\n`, `\r` and `\r\n` end one, as in Hadoop's LineReader.

use bytes::Bytes;
use std::collections::VecDeque;

/// A piece of a block's bytes, or NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::formats) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub const NULL: Span = Span { start: u32::MAX, end: u32::MAX };

    pub fn is_null(self) -> bool {
        self.start == u32::MAX
    }

    pub fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(self.start as usize..self.end as usize)
    }
}

/// Some lines, without their ends.
#[derive(Debug, Clone)]
pub(in crate::formats) struct Lines {
    pub bytes: Bytes,
    pub spans: Vec<Span>,
    /// Of the first byte, in the (decompressed) file.
    pub offset: u64,
}

impl Lines {
    pub fn rows(&self) -> usize {
        self.spans.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| span.of(&self.bytes).unwrap_or_default())
    }
}

/// Cuts a growing buffer into blocks of lines.
pub(super) struct Cutter {
    buffer: Vec<u8>,
    /// Of the buffer's first byte.
    offset: u64,
    /// Of the range: a line that begins there or later is another's.
    end: u64,
    /// No end of a line lies before this place in the buffer.
    searched: usize,
    /// Lines still to leave out: the header, and what began before the range.
    skip: usize,
    batch_rows: usize,
    done: bool,
}

impl Cutter {
    /// Of a range that does not begin its file, the byte before it comes too and tells whether a line begins there.
    pub fn new(start: u64, end: u64, header: usize, batch_rows: usize) -> Cutter {
        let skip = header + usize::from(start > 0);
        Cutter {
            buffer: Vec::new(),
            offset: start.saturating_sub(1),
            end,
            searched: 0,
            skip,
            batch_rows,
            done: false,
        }
    }

    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Moves whole lines from the buffer to `ready`. Fails with the offset of a line that is too long.
    pub fn cut(&mut self, at_end: bool, ready: &mut VecDeque<Lines>) -> Result<(), u64> {
        if self.buffer.len() >= u32::MAX as usize {
            return Err(self.offset);
        }
        let (spans, rest) = self.find(at_end);
        let (bytes, offset) = self.consume(rest);
        ready.extend(spans.chunks(self.batch_rows).map(|spans| {
            let (first, last) = (spans[0].start, spans[spans.len() - 1].end);
            let moved = |span: &Span| Span { start: span.start - first, end: span.end - first };
            Lines {
                bytes: bytes.slice(first as usize..last as usize),
                spans: spans.iter().map(moved).collect(),
                offset: offset + u64::from(first),
            }
        }));
        Ok(())
    }

    /// The lines that are whole, and where the first that is not begins.
    fn find(&mut self, at_end: bool) -> (Vec<Span>, usize) {
        let mut spans = Vec::new();
        let mut begin = 0;
        let length = self.buffer.len();
        let mut ends = memchr::memchr2_iter(b'\n', b'\r', &self.buffer[self.searched..]).peekable();
        while let Some(at) = ends.next() {
            let at = at + self.searched;
            let mut next = at + 1;
            if self.buffer[at] == b'\r' {
                match self.buffer.get(next) {
                    // Whether a line feed follows is not known yet.
                    None if !at_end => break,
                    Some(b'\n') => {
                        next += 1;
                        ends.next();
                    }
                    _ => {}
                }
            }
            if keep(&mut self.skip, &mut self.done, self.offset + begin as u64, self.end) {
                spans.push(Span { start: begin as u32, end: at as u32 });
            }
            begin = next;
            self.done |= self.skip == 0 && self.offset + begin as u64 >= self.end;
            if self.done {
                return (spans, length);
            }
        }
        if at_end && begin < length {
            if keep(&mut self.skip, &mut self.done, self.offset + begin as u64, self.end) {
                spans.push(Span { start: begin as u32, end: length as u32 });
            }
            begin = length;
        }
        (spans, begin)
    }

    /// Gives away the buffer and keeps a copy of what lies behind `rest`.
    fn consume(&mut self, rest: usize) -> (Bytes, u64) {
        if rest == 0 {
            self.searched = self.buffer.len().saturating_sub(1);
            return (Bytes::new(), self.offset);
        }
        let kept = self.buffer[rest..].to_vec();
        let given = std::mem::replace(&mut self.buffer, kept);
        let offset = self.offset;
        self.offset += rest as u64;
        // The last byte may be a carriage return that was not decided.
        self.searched = self.buffer.len().saturating_sub(1);
        (Bytes::from(given), offset)
    }
}

fn keep(skip: &mut usize, done: &mut bool, begin: u64, end: u64) -> bool {
    if *skip > 0 {
        *skip -= 1;
        return false;
    }
    *done |= begin >= end;
    !*done
}
