//! One exchange at a time: typed messages and raw payload frames, in order, with TCP's own back-pressure.
//!
//! Bulk bytes never pass the codec: a payload frame is a header with length and CRC32C, then the bytes.

use crate::{ChannelError, Connection, Identity};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// What the next frame was.
#[derive(Debug)]
pub enum Received<M> {
    Message(M),
    Payload(Bytes),
}

/// A dedicated connection. After an exchange that both sides finished it can serve the next one.
pub struct Channel {}

impl Channel {
    pub fn new(connection: Connection) -> Channel {
        unimplemented!()
    }

    /// Writes a message and flushes.
    pub async fn send<M: Serialize + Sync>(&mut self, message: &M) -> Result<(), ChannelError> {
        unimplemented!()
    }

    /// Writes one payload frame (at most `limits::PAYLOAD_BYTES_MAX` bytes) and flushes when the buffer is full or
    /// at the next `send` or `flush`.
    pub async fn send_payload(&mut self, bytes: &[u8]) -> Result<(), ChannelError> {
        unimplemented!()
    }

    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        unimplemented!()
    }

    /// The next message; a payload frame is an error.
    pub async fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        unimplemented!()
    }

    /// The next message, or `None` when the other side closed between exchanges.
    pub async fn receive_or_end<M: DeserializeOwned>(&mut self) -> Result<Option<M>, ChannelError> {
        unimplemented!()
    }

    /// The next frame, its checksum checked.
    pub async fn receive_any<M: DeserializeOwned>(&mut self) -> Result<Received<M>, ChannelError> {
        unimplemented!()
    }

    /// Splits into a sending and a receiving half, for exchanges in which both sides send at once (the
    /// acknowledgements of a pipeline, say). `Sender` has `send`, `send_payload`, `flush`; `Receiver` the rest.
    pub fn split(self) -> (Sender, Receiver) {
        unimplemented!()
    }

    pub fn identity(&self) -> &Identity {
        unimplemented!()
    }

    pub fn remote(&self) -> &str {
        unimplemented!()
    }
}

pub struct Sender {}

pub struct Receiver {}
