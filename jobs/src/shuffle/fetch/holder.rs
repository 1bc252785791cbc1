//! One holder: asks it for pieces, again if need be, and checks what comes.

use super::super::format::Crc;
use crate::{
    limits::{FETCH_PAUSE_MAX, FETCH_PAUSE_MIN, FETCH_PIECES_MAX},
    model::{Segment, outcome::LossReason},
    protocol::{
        SHUFFLE_SERVICE,
        shuffle::{ShuffleReply, ShuffleRequest},
        worker::Piece,
    },
};
use bytes::Bytes;
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_wire::{Channel, ChannelError, DialError, Dialer, Endpoint, Received};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout},
};

/// What a holder's task tells the collector. Pieces are named by their index among those asked for.
pub(super) enum Event {
    /// The next bytes of a piece; with `last` it is whole and its checksum is right. When a piece begins again, what came of
    /// it before is worth nothing.
    Bytes {
        piece: usize,
        begins: bool,
        bytes: Bytes,
        last: bool,
    },
    Lost {
        piece: usize,
        reason: LossReason,
    },
}

/// Where to try, best first.
pub(super) fn endpoints(location: &Location, host: &str) -> Vec<Endpoint> {
    let socket = location.socket.clone().filter(|_| location.host == host).map(Endpoint::Unix);
    socket.into_iter().chain([location.endpoint.clone()]).collect()
}

pub(super) struct HolderFetch {
    pub holder: WorkerId,
    /// None: nobody knows where the holder is.
    pub endpoints: Vec<Endpoint>,
    pub dialer: Dialer,
    pub partition: u32,
    pub pieces: Arc<[Arc<Piece>]>,
    pub patience: Duration,
    pub permits: Arc<Semaphore>,
    pub events: mpsc::Sender<Event>,
}

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("it refused: {0}")]
    Refused(String),
    #[error("it answered what was not asked")]
    Unexpected,
    /// Not the holder's fault: the consumer has stopped listening.
    #[error("the fetch was given up")]
    GivenUp,
}

/// What is still to do at one holder.
struct Todo {
    wanted: VecDeque<usize>,
    /// Pieces that came with a wrong checksum once.
    bad_once: BTreeSet<usize>,
    /// Pieces that are done, so that progress shows.
    finished: usize,
}

/// How one piece's answer ended.
enum Ended {
    Whole,
    BadChecksum,
    Lost(LossReason),
}

impl HolderFetch {
    pub async fn run(self, wanted: Vec<usize>) {
        let mut todo = Todo { wanted: wanted.into(), bad_once: BTreeSet::new(), finished: 0 };
        let mut failing_since = None;
        let mut pause = FETCH_PAUSE_MIN;
        while !todo.wanted.is_empty() && !self.endpoints.is_empty() {
            let finished_before = todo.finished;
            let Err(broken) = self.try_once(&mut todo).await else { break };
            if let Broken::GivenUp = broken {
                return;
            }
            if todo.finished > finished_before {
                (failing_since, pause) = (None, FETCH_PAUSE_MIN);
            }
            let since = *failing_since.get_or_insert_with(Instant::now);
            tracing::debug!(holder = %self.holder, %broken, pieces = todo.wanted.len(), "shuffle fetch interrupted");
            if since.elapsed() + pause > self.patience {
                tracing::warn!(
                    holder = %self.holder, %broken, pieces = todo.wanted.len(), patience = ?self.patience,
                    "shuffle pieces are out of reach"
                );
                break;
            }
            sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(FETCH_PAUSE_MAX);
        }
        for piece in todo.wanted {
            if self.events.send(Event::Lost { piece, reason: LossReason::Unreachable }).await.is_err() {
                return;
            }
        }
    }

    /// Connects and asks until everything came or the connection broke. Waits for its turn first.
    async fn try_once(&self, todo: &mut Todo) -> Result<(), Broken> {
        let Ok(_turn) = self.permits.acquire().await else { return Err(Broken::GivenUp) };
        let mut channel = self.connect().await?;
        while !todo.wanted.is_empty() {
            self.exchange(&mut channel, todo).await?;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Channel, Broken> {
        let mut last = Broken::GivenUp;
        for endpoint in &self.endpoints {
            match self.dialer.channel(endpoint, SHUFFLE_SERVICE).await {
                Ok(channel) => return Ok(channel),
                Err(error) => last = Broken::Dial(error),
            }
        }
        Err(last)
    }

    /// One request for as many pieces as it may name.
    async fn exchange(&self, channel: &mut Channel, todo: &mut Todo) -> Result<(), Broken> {
        let count = todo.wanted.len().min(FETCH_PIECES_MAX);
        let asked: Vec<usize> = todo.wanted.iter().copied().take(count).collect();
        let producers = asked.iter().map(|&piece| self.pieces[piece].producer).collect();
        channel.send(&ShuffleRequest::Fetch { partition: self.partition, producers }).await?;
        for piece in asked {
            let ended = self.receive(channel, piece).await?;
            todo.wanted.pop_front();
            match ended {
                Ended::Whole => todo.finished += 1,
                Ended::BadChecksum if todo.bad_once.insert(piece) => todo.wanted.push_back(piece),
                Ended::BadChecksum => self.lost(piece, LossReason::Corrupt, todo).await?,
                Ended::Lost(reason) => self.lost(piece, reason, todo).await?,
            }
        }
        Ok(())
    }

    async fn lost(&self, piece: usize, reason: LossReason, todo: &mut Todo) -> Result<(), Broken> {
        todo.finished += 1;
        self.tell(Event::Lost { piece, reason }).await
    }

    async fn tell(&self, event: Event) -> Result<(), Broken> {
        self.events.send(event).await.map_err(|_| Broken::GivenUp)
    }

    async fn next(&self, channel: &mut Channel) -> Result<Received<ShuffleReply>, Broken> {
        match timeout(self.patience, channel.receive_any()).await {
            Ok(received) => Ok(received?),
            Err(_) => Err(Broken::Silent(self.patience)),
        }
    }

    /// The answer for one piece.
    async fn receive(&self, channel: &mut Channel, piece: usize) -> Result<Ended, Broken> {
        let expected = &self.pieces[piece];
        match self.next(channel).await? {
            Received::Message(ShuffleReply::Piece { producer, segment }) if producer == expected.producer => {
                if segment == expected.segment {
                    self.receive_payload(channel, piece, segment).await
                } else {
                    skip_payload(self, channel, segment.len_bytes).await?;
                    Ok(Ended::Lost(LossReason::Mismatch))
                }
            }
            Received::Message(ShuffleReply::Missing { producer, reason })
                if producer == expected.producer =>
            {
                Ok(Ended::Lost(reason))
            }
            Received::Message(ShuffleReply::Failed { reason, .. }) => Err(Broken::Refused(reason)),
            _ => Err(Broken::Unexpected),
        }
    }

    async fn receive_payload(
        &self,
        channel: &mut Channel,
        piece: usize,
        segment: Segment,
    ) -> Result<Ended, Broken> {
        if segment.len_bytes == 0 {
            // Records in no bytes: the producer's report contradicts itself.
            return Ok(Ended::Lost(LossReason::Mismatch));
        }
        let mut crc = Crc::new();
        let mut left = segment.len_bytes;
        while left > 0 {
            let begins = left == segment.len_bytes;
            let Received::Payload(bytes) = self.next(channel).await? else { return Err(Broken::Unexpected) };
            left = left.checked_sub(bytes.len() as u64).ok_or(Broken::Unexpected)?;
            crc.update(&bytes);
            if left == 0 && crc.value() != segment.crc {
                return Ok(Ended::BadChecksum);
            }
            self.tell(Event::Bytes { piece, begins, bytes, last: left == 0 }).await?;
        }
        Ok(Ended::Whole)
    }
}

async fn skip_payload(fetch: &HolderFetch, channel: &mut Channel, len_bytes: u64) -> Result<(), Broken> {
    let mut left = len_bytes;
    while left > 0 {
        let Received::Payload(bytes) = fetch.next(channel).await? else { return Err(Broken::Unexpected) };
        left = left.checked_sub(bytes.len() as u64).ok_or(Broken::Unexpected)?;
    }
    Ok(())
}
