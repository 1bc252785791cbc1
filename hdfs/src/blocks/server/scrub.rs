//! Re-reads replicas slowly, to find decay before a reader does. What is found bad is put aside and told as when a reader
//! had found it.

use super::BlockServer;
use crate::{
    BlockId,
    blocks::{remote::packets, store::ReplicaReader},
    limits::SCRUB_ROUND,
    protocol::{blocks::BlockError, control::Replica},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// How fast replicas are re-read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubPace {
    pub bytes_per_second: u64,
    /// At least so long from the beginning of one round over all replicas to that of the next.
    pub round: Duration,
}

impl ScrubPace {
    pub fn of(bytes_per_second: u64) -> ScrubPace {
        ScrubPace { bytes_per_second, round: SCRUB_ROUND }
    }

    fn time_for(self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.bytes_per_second.max(1) as f64)
    }
}

impl BlockServer {
    /// Goes round all finalised replicas for ever. Spawn it and abort it.
    ///
    /// The first round begins somewhere in the middle: a worker that is started again and again gets to all replicas, not
    /// to the first ones again and again.
    pub async fn scrub(self: Arc<Self>, pace: ScrubPace) {
        let mut begin = self.store.finalised_at(rand::random());
        loop {
            let round_ends = Instant::now() + pace.round;
            let looked_at = self.scrub_round(begin, pace).await;
            tracing::debug!(replicas = looked_at, "looked through all replicas");
            begin = None;
            // Also with nothing to look at and no time to rest this lets others have their turn.
            sleep_until(round_ends.max(Instant::now() + Duration::from_millis(1))).await;
        }
    }

    /// From `begin` to the last replica and, when that was not the first one, from the first one to it.
    pub(super) async fn scrub_round(self: &Arc<Self>, begin: Option<BlockId>, pace: ScrubPace) -> usize {
        let mut looked_at = 0;
        for (from, until) in [(begin, None), (None, begin)] {
            let mut last = from;
            while let Some(replica) = self.store.finalised_after(last)
                && until.is_none_or(|until| replica.block <= until)
            {
                last = Some(replica.block);
                looked_at += 1;
                if let Err(error) = self.look_through(replica, pace).await {
                    tracing::info!(%error, "scrubbing passes over a replica");
                }
            }
            if begin.is_none() {
                break;
            }
        }
        looked_at
    }

    /// In small pieces with a rest after each: a disk that serves readers must not stall for a whole block.
    async fn look_through(self: &Arc<Self>, replica: Replica, pace: ScrubPace) -> Result<(), BlockError> {
        let Replica { block, generation, len_bytes, .. } = replica;
        let opened = self.on_disk(block, move |store| {
            let reader = store.open_replica(block, generation)?;
            reader.crc()?;
            Ok(reader)
        });
        let reader: Arc<ReplicaReader> = Arc::new(opened.await?);
        for piece in packets(len_bytes) {
            let begin = Instant::now();
            let bytes = piece.end - piece.start;
            let own = Arc::clone(&reader);
            self.on_disk(block, move |_| own.read(piece).map(drop)).await?;
            sleep(pace.time_for(bytes).saturating_sub(begin.elapsed())).await;
        }
        Ok(())
    }
}
