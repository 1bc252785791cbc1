//! One exchange at a time: typed messages and raw payload frames, in order, with TCP's own back-pressure.
//!
//! Bulk bytes never pass the codec: a payload frame is a header with length and CRC32C, then the bytes.
//! Descriptors of open files pass too, on Unix sockets.

mod files;
#[cfg(test)]
mod tests;

use crate::{
    ChannelError, Connection, Identity, codec,
    connection::WriteHalf,
    frame::{HEADER_BYTES, Header, Kind},
    frame_reader::FrameReader,
    limits::{KEPT_BUFFER_BYTES_MAX, SEND_BUFFER_BYTES},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::IoSlice,
    os::fd::{BorrowedFd, OwnedFd},
};
use tokio::io::AsyncWriteExt;

/// What the next frame was.
#[derive(Debug)]
pub enum Received<M> {
    Message(M),
    Payload(Bytes),
}

/// A dedicated connection. After an exchange that both sides finished it can serve the next one.
///
/// An operation that was cancelled while it wrote may have written half a frame: the channel is then of no use any
/// more and must be dropped. Cancelled receiving loses nothing.
pub struct Channel {
    sender: Sender,
    receiver: Receiver,
    identity: Identity,
    remote: String,
}

impl Channel {
    pub fn new(connection: Connection) -> Channel {
        let (read, write) = (connection.io.read, connection.io.write);
        Channel {
            sender: Sender { stream: write, buffer: Vec::new() },
            receiver: Receiver { frames: FrameReader::new(read) },
            identity: connection.identity,
            remote: connection.remote,
        }
    }

    /// Writes a message and flushes.
    pub async fn send<M: Serialize + Sync>(&mut self, message: &M) -> Result<(), ChannelError> {
        self.sender.send(message).await
    }

    /// Writes one payload frame (at most `limits::PAYLOAD_BYTES_MAX` bytes) and flushes when the buffer is full or
    /// at the next `send` or `flush`.
    pub async fn send_payload(&mut self, bytes: &[u8]) -> Result<(), ChannelError> {
        self.sender.send_payload(bytes).await
    }

    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        self.sender.flush().await
    }

    /// The next message; a payload frame is an error.
    pub async fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        self.receiver.receive().await
    }

    /// The next message, or `None` when the other side closed between exchanges.
    pub async fn receive_or_end<M: DeserializeOwned>(&mut self) -> Result<Option<M>, ChannelError> {
        self.receiver.receive_or_end().await
    }

    /// The next frame, its checksum checked.
    pub async fn receive_any<M: DeserializeOwned>(&mut self) -> Result<Received<M>, ChannelError> {
        self.receiver.receive_any().await
    }

    /// Passes open files to the other side, which gets descriptors of its own (at most `limits::FILES_MAX`). Unix
    /// sockets only. Call it when the other side has said, in a message, that it is about to `receive_files`.
    pub async fn send_files(&mut self, descriptors: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        self.sender.flush().await?;
        files::send(&self.sender.stream, descriptors).await
    }

    /// The files of one `send_files`, which must be `count`. Nothing else may be on its way to this side.
    pub async fn receive_files(&mut self, count: usize) -> Result<Vec<OwnedFd>, ChannelError> {
        if self.receiver.frames.holds_bytes() {
            return Err(ChannelError::Unexpected { expected: "files", found: "a frame" });
        }
        files::receive(self.receiver.frames.stream(), count).await
    }

    /// Splits into a sending and a receiving half, for exchanges in which both sides send at once (the
    /// acknowledgements of a pipeline, say). `Sender` has `send`, `send_payload`, `flush`; `Receiver` the rest.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Both halves at once, for exchanges in which both sides send at once and after which the channel is used again.
    pub fn halves(&mut self) -> (&mut Sender, &mut Receiver) {
        (&mut self.sender, &mut self.receiver)
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// Whether this is a Unix socket, over which files can pass.
    pub fn passes_files(&self) -> bool {
        matches!(self.sender.stream, WriteHalf::Unix(_))
    }
}

/// The sending half of a channel. Dropping it ends the stream for the other side, after what was flushed.
pub struct Sender {
    stream: WriteHalf,
    /// Frames that were not written yet.
    buffer: Vec<u8>,
}

impl Sender {
    /// Writes a message and flushes.
    pub async fn send<M: Serialize + Sync>(&mut self, message: &M) -> Result<(), ChannelError> {
        let start = self.buffer.len();
        self.buffer.resize(start + HEADER_BYTES, 0);
        codec::encode_into(message, &mut self.buffer);
        match Header::of(Kind::Message, &self.buffer[start + HEADER_BYTES..]) {
            Ok(header) => self.buffer[start..start + HEADER_BYTES].copy_from_slice(&header.encode()),
            Err(error) => {
                self.buffer.truncate(start);
                return Err(error);
            }
        }
        self.flush().await
    }

    /// Writes one payload frame (at most `limits::PAYLOAD_BYTES_MAX` bytes) and flushes when the buffer is full or
    /// at the next `send` or `flush`.
    pub async fn send_payload(&mut self, bytes: &[u8]) -> Result<(), ChannelError> {
        let header = Header::of(Kind::Payload, bytes)?;
        self.buffer.extend_from_slice(&header.encode());
        if self.buffer.len() + bytes.len() <= SEND_BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        write_both(&mut self.stream, &self.buffer, bytes).await?;
        self.empty_buffer();
        Ok(())
    }

    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        self.stream.write_all(&self.buffer).await?;
        self.empty_buffer();
        Ok(self.stream.flush().await?)
    }

    fn empty_buffer(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER_BYTES_MAX);
    }
}

/// Writes `first` and `second` whole, in as few system calls as there can be and without joining them.
async fn write_both(stream: &mut WriteHalf, first: &[u8], second: &[u8]) -> Result<(), ChannelError> {
    let mut slices = [IoSlice::new(first), IoSlice::new(second)];
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match stream.write_vectored(left).await? {
            0 => return Err(ChannelError::Closed),
            written => IoSlice::advance_slices(&mut left, written),
        }
    }
    Ok(())
}

/// The receiving half of a channel.
pub struct Receiver {
    frames: FrameReader,
}

impl Receiver {
    /// The next message; a payload frame is an error.
    pub async fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        self.receive_or_end().await?.ok_or(ChannelError::Closed)
    }

    /// The next message, or `None` when the other side closed between exchanges.
    pub async fn receive_or_end<M: DeserializeOwned>(&mut self) -> Result<Option<M>, ChannelError> {
        match self.next().await? {
            None => Ok(None),
            Some(Received::Message(message)) => Ok(Some(message)),
            Some(Received::Payload(_)) => {
                Err(ChannelError::Unexpected { expected: Kind::Message.name(), found: Kind::Payload.name() })
            }
        }
    }

    /// The next frame, its checksum checked.
    pub async fn receive_any<M: DeserializeOwned>(&mut self) -> Result<Received<M>, ChannelError> {
        self.next().await?.ok_or(ChannelError::Closed)
    }

    async fn next<M: DeserializeOwned>(&mut self) -> Result<Option<Received<M>>, ChannelError> {
        let Some((header, body)) = self.frames.next().await? else { return Ok(None) };
        match header.kind {
            Kind::Message => Ok(Some(Received::Message(codec::decode(&body)?))),
            Kind::Payload => Ok(Some(Received::Payload(body))),
            other => {
                Err(ChannelError::Unexpected { expected: "a frame of an exchange", found: other.name() })
            }
        }
    }
}
