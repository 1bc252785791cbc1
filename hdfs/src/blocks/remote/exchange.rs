//! The exchanges other than writing, one function each.

use super::{Channels, RemoteError};
use crate::{
    BlockId, Generation,
    blocks::verified::VerifiedFile,
    limits::{BLOCK_REPLY_DEADLINE, PACKET_BYTES, READ_STALL},
    protocol::{
        blocks::{BlockReply, BlockRequest, SendFiles},
        control::Replica,
        namespace::Location,
    },
};
use bytes::{Bytes, BytesMut};
use skep_wire::{Channel, Received};
use std::{
    fs::File,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::time::timeout;

/// What a worker holds of a block, in whatever state.
pub async fn describe(
    channels: &Channels,
    at: &Location,
    block: BlockId,
) -> Result<Option<Replica>, RemoteError> {
    match channels.ask(at, &BlockRequest::Describe { block }).await? {
        BlockReply::Described(replica) => Ok(replica),
        _ => Err(RemoteError::OutOfTurn),
    }
}

/// Cuts and finalises a replica there (recovery).
pub async fn finalise(
    channels: &Channels,
    at: &Location,
    block: BlockId,
    generation: Generation,
    len_bytes: u64,
) -> Result<(), RemoteError> {
    match channels.ask(at, &BlockRequest::Finalise { block, generation, len_bytes }).await? {
        BlockReply::Finalised { .. } => Ok(()),
        _ => Err(RemoteError::OutOfTurn),
    }
}

/// Length and CRC32C of a replica from its checksums.
pub async fn checksum(
    channels: &Channels,
    at: &Location,
    block: BlockId,
    generation: Generation,
) -> Result<(u64, u32), RemoteError> {
    match channels.ask(at, &BlockRequest::Checksum { block, generation }).await? {
        BlockReply::Checksum { len_bytes, crc } => Ok((len_bytes, crc)),
        _ => Err(RemoteError::OutOfTurn),
    }
}

/// Exactly this range of a replica, over the socket. `arrived` is raised by what came so far.
pub async fn read(
    channels: &Channels,
    at: &Location,
    block: BlockId,
    generation: Generation,
    range: Range<u64>,
    arrived: &AtomicU64,
) -> Result<Bytes, RemoteError> {
    let expected = range.end - range.start;
    let request = BlockRequest::Read { block, generation, offset: range.start, len_bytes: expected };
    let (mut lent, reply) = channels.start(at, &request, READ_STALL).await?;
    match reply {
        BlockReply::Reading { len_bytes } if len_bytes == expected => {}
        BlockReply::Reading { len_bytes } => {
            return Err(RemoteError::Short { found: len_bytes, expected });
        }
        _ => return Err(RemoteError::OutOfTurn),
    }
    let bytes = receive_stream(&mut lent.channel, expected, arrived).await?;
    lent.give_back();
    Ok(bytes)
}

async fn receive_stream(
    channel: &mut Channel,
    expected: u64,
    arrived: &AtomicU64,
) -> Result<Bytes, RemoteError> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let frame = timeout(READ_STALL, channel.receive_any::<BlockReply>());
        let payload = match frame.await.map_err(|_| RemoteError::Stalled(READ_STALL))?? {
            Received::Payload(payload) => payload,
            Received::Message(BlockReply::Finished) => break,
            Received::Message(BlockReply::Failed { at, error }) => {
                return Err(RemoteError::Refused { at, error });
            }
            Received::Message(_) => return Err(RemoteError::OutOfTurn),
        };
        arrived.fetch_add(payload.len() as u64, Relaxed);
        let found = (first.len() + joined.len() + payload.len()) as u64;
        if found > expected {
            return Err(RemoteError::Short { found, expected });
        }
        // The only frame of a short read is passed on as it is.
        if first.is_empty() && joined.is_empty() {
            first = payload;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(expected as usize);
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&payload);
    }
    let bytes = if joined.is_empty() { first } else { joined.freeze() };
    match bytes.len() as u64 {
        found if found == expected => Ok(bytes),
        found => Err(RemoteError::Short { found, expected }),
    }
}

/// The files of a replica on this host, to be read without a socket.
pub async fn open_local(
    channels: &Channels,
    at: &Location,
    block: BlockId,
    generation: Generation,
) -> Result<VerifiedFile, RemoteError> {
    let request = BlockRequest::Open { block, generation };
    let (mut lent, reply) = channels.start(at, &request, BLOCK_REPLY_DEADLINE).await?;
    let BlockReply::Opened { .. } = reply else {
        return Err(RemoteError::OutOfTurn);
    };
    let passing = async {
        lent.channel.send(&SendFiles).await?;
        lent.channel.receive_files(2).await
    };
    let files = timeout(BLOCK_REPLY_DEADLINE, passing)
        .await
        .map_err(|_| RemoteError::Stalled(BLOCK_REPLY_DEADLINE))??;
    lent.give_back();
    let [data, sums] = <[_; 2]>::try_from(files).map_err(|_| RemoteError::OutOfTurn)?;
    let (data, sums) = (File::from(data), File::from(sums));
    // Reads the checksum file: small, and in the page cache of the worker that has just looked at it.
    Ok(VerifiedFile::new(data, sums, block, generation)?)
}

/// The pieces in which a replica is copied.
pub fn packets(len_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..len_bytes).step_by(PACKET_BYTES).map(move |start| start..(start + PACKET_BYTES as u64).min(len_bytes))
}
