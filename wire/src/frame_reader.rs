//! Frames out of a byte stream, bodies checked. Shared by peers and channels.

use crate::{
    ChannelError,
    connection::ReadHalf,
    frame::{HEADER_BYTES, Header},
    limits::READ_AHEAD_BYTES,
};
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;

pub(crate) struct FrameReader {
    stream: ReadHalf,
    buffer: BytesMut,
}

impl FrameReader {
    pub(crate) fn new(stream: ReadHalf) -> FrameReader {
        FrameReader { stream, buffer: BytesMut::new() }
    }

    /// The next frame, or `None` when the other side closed between two frames.
    ///
    /// Cancellation loses nothing: what was read stays in the buffer.
    pub(crate) async fn next(&mut self) -> Result<Option<(Header, Bytes)>, ChannelError> {
        if !self.fill(HEADER_BYTES, READ_AHEAD_BYTES).await? {
            return if self.buffer.is_empty() { Ok(None) } else { Err(ChannelError::Closed) };
        }
        let Some(header) = self.buffer.first_chunk::<HEADER_BYTES>() else {
            return Err(ChannelError::Closed);
        };
        let header = Header::decode(header)?;
        let whole = HEADER_BYTES + header.length as usize;
        // Room for one more header: in a stream of large frames the next one then comes with the same read, and only
        // it is copied when the buffer for the next body is made.
        if !self.fill(whole, whole + HEADER_BYTES).await? {
            return Err(ChannelError::Closed);
        }
        let body = self.buffer.split_to(whole).freeze().split_off(HEADER_BYTES);
        header.check(&body)?;
        Ok(Some((header, body)))
    }

    /// Reads until `needed` bytes are in the buffer, asking for up to `wanted`. `false` when the stream ended before.
    async fn fill(&mut self, needed: usize, wanted: usize) -> Result<bool, ChannelError> {
        while self.buffer.len() < needed {
            if self.buffer.capacity() < needed {
                self.buffer.reserve(wanted - self.buffer.len());
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether bytes were read that no frame has been made of yet.
    pub(crate) fn holds_bytes(&self) -> bool {
        !self.buffer.is_empty()
    }

    pub(crate) fn stream(&self) -> &ReadHalf {
        &self.stream
    }
}
