//! Reading: bytes over the socket, or descriptors to a reader on this host.

use super::{After, BlockServer};
use crate::{
    BlockId, Generation,
    limits::{PACKET_BYTES, READ_QUEUE_PACKETS, READ_STALL},
    protocol::blocks::{BlockError, BlockReply, SendFiles},
};
use bytes::Bytes;
use skep_wire::{Channel, ChannelError};
use std::{ops::Range, os::fd::AsFd, sync::Arc};
use tokio::{sync::mpsc, time::timeout};

impl BlockServer {
    pub(super) async fn read(
        self: &Arc<Self>,
        channel: &mut Channel,
        block: BlockId,
        generation: Generation,
        offset: u64,
        len_bytes: u64,
    ) -> Result<After, ChannelError> {
        let opened = self.on_disk(block, move |store| {
            let reader = store.open_replica(block, generation)?;
            let end = reader.replica().len_bytes;
            match offset <= end {
                true => Ok((reader, offset..end.min(offset.saturating_add(len_bytes)))),
                false => Err(BlockError::OutOfRange { block, offset, len_bytes: end }),
            }
        });
        let (reader, range) = match opened.await {
            Ok(opened) => opened,
            Err(error) => {
                channel.send(&self.failed(error)).await?;
                return Ok(After::Next);
            }
        };
        let len_bytes = range.end - range.start;
        let (filled, packets) = mpsc::channel(READ_QUEUE_PACKETS);
        // The disk works ahead of the socket by a few packets.
        let reading = tokio::task::spawn_blocking(move || {
            for piece in pieces(range) {
                let packet = reader.read(piece);
                let failed = packet.is_err();
                if filled.blocking_send(packet).is_err() || failed {
                    return;
                }
            }
        });
        let outcome = self.stream(channel, len_bytes, packets).await;
        // The thread ends on its own once nobody takes its packets.
        drop(reading);
        self.report_bad().await;
        outcome
    }

    async fn stream(
        &self,
        channel: &mut Channel,
        len_bytes: u64,
        mut packets: mpsc::Receiver<Result<Bytes, BlockError>>,
    ) -> Result<After, ChannelError> {
        channel.send(&BlockReply::Reading { len_bytes }).await?;
        let mut left = len_bytes;
        while left > 0 {
            match packets.recv().await {
                Some(Ok(packet)) => {
                    left = left.saturating_sub(packet.len() as u64);
                    let sent = timeout(READ_STALL, channel.send_payload(&packet)).await;
                    sent.map_err(|_| ChannelError::Deadline(READ_STALL))??;
                }
                Some(Err(error)) => {
                    channel.send(&self.failed(error)).await?;
                    return Ok(After::Next);
                }
                None => return Ok(After::Close),
            }
        }
        channel.send(&BlockReply::Finished).await?;
        Ok(After::Next)
    }

    pub(super) async fn open(
        self: &Arc<Self>,
        channel: &mut Channel,
        block: BlockId,
        generation: Generation,
    ) -> Result<After, ChannelError> {
        if !channel.passes_files() {
            channel.send(&self.failed(BlockError::UnixOnly)).await?;
            return Ok(After::Next);
        }
        match self.on_disk(block, move |store| store.open_descriptors(block, generation)).await {
            Ok((replica, data, sums)) => {
                channel.send(&BlockReply::Opened { len_bytes: replica.len_bytes }).await?;
                let SendFiles = channel.receive().await?;
                channel.send_files(&[data.as_fd(), sums.as_fd()]).await?;
            }
            Err(error) => channel.send(&self.failed(error)).await?,
        }
        Ok(After::Next)
    }
}

/// Cuts a range at multiples of the packet size, so that no chunk is read and checked twice.
fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    const PACKET: u64 = PACKET_BYTES as u64;
    let mut start = range.start;
    std::iter::from_fn(move || {
        let end = (start - start % PACKET + PACKET).min(range.end);
        let piece = start..end;
        start = end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_cover_the_range_in_order_and_end_at_packet_borders(start in 0u64..5 << 20, len in 0u64..5 << 20) {
            let pieces: Vec<_> = pieces(start..start + len).collect();
            let mut at = start;
            for piece in &pieces {
                prop_assert_eq!(piece.start, at);
                prop_assert!(piece.end > piece.start);
                prop_assert!(piece.end == start + len || piece.end % PACKET_BYTES as u64 == 0);
                at = piece.end;
            }
            prop_assert_eq!(at, start + len);
        }
    }
}
