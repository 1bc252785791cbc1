//! Answers consumers and producers over a channel: the service `shuffle`.
//!
//! What fits into one chunk is read whole and checked before it is announced, so that a damaged piece is answered with
//! `Missing`. A longer piece is checked while it is sent: its consumer finds the checksum wrong as well, asks again, and then
//! gets `Missing`.

use super::{ShuffleStore, StoreError, incoming::Incoming, outputs::Bad, store::Located};
use crate::limits::{SHUFFLE_CHUNK_BYTES, SHUFFLE_CHUNKS_MAX, SHUFFLE_PATIENCE};
use bytes::Bytes;
use skep_jobs::{
    limits::SHUFFLE_FRAME_BYTES,
    model::{AttemptId, JobId, Segment, outcome::LossReason},
    protocol::shuffle::{DeliverEnd, ShuffleReply, ShuffleRequest},
    shuffle::format::Crc,
};
use skep_wire::{Channel, ChannelError, Identity, Received};
use std::{collections::VecDeque, fs::File, io, os::unix::fs::FileExt, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct ShuffleService {
    store: Arc<ShuffleStore>,
    chunks: Arc<Semaphore>,
}

/// What one piece of a request is answered with.
enum Answer {
    Whole { producer: AttemptId, segment: Segment, bytes: Bytes },
    Long { producer: AttemptId, partition: u32, segment: Segment, start: u64, file: File },
    Missing { producer: AttemptId, reason: LossReason },
}

/// Answers that were read together, and the right to hold so much in memory.
struct Group {
    answers: Vec<Answer>,
    rest: VecDeque<AttemptId>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl ShuffleService {
    pub fn new(store: Arc<ShuffleStore>) -> ShuffleService {
        ShuffleService { store, chunks: Arc::new(Semaphore::new(SHUFFLE_CHUNKS_MAX)) }
    }

    /// Serves exchanges until the other side closes.
    pub async fn serve(&self, mut channel: Channel) {
        let ended = loop {
            match channel.receive_or_end().await {
                Ok(Some(request)) => {
                    if let Err(error) = self.answer(&mut channel, request).await {
                        break Err(error);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = ended {
            tracing::debug!(remote = channel.remote(), %error, "shuffle exchange ended early");
        }
    }

    async fn answer(&self, channel: &mut Channel, request: ShuffleRequest) -> Result<(), ChannelError> {
        match request {
            ShuffleRequest::Fetch { partition, producers } => {
                match producers.iter().find(|producer| !may_touch(channel.identity(), producer.job)) {
                    Some(producer) => refuse(channel, producer.job).await,
                    None => self.fetch(channel, partition, producers.into()).await,
                }
            }
            ShuffleRequest::Deliver { attempt, segments } => {
                let allowed = may_touch(channel.identity(), attempt.job);
                self.deliver(channel, attempt, segments, allowed).await
            }
        }
    }

    async fn fetch(
        &self,
        channel: &mut Channel,
        partition: u32,
        producers: VecDeque<AttemptId>,
    ) -> Result<(), ChannelError> {
        let mut loading = self.load(partition, producers);
        while let Some(current) = loading.take() {
            let Group { answers, rest, _permit } = joined(current.await)?;
            loading = self.load(partition, rest);
            for answer in answers {
                self.send(channel, answer).await?;
            }
        }
        patient(channel.flush()).await
    }

    /// Reads the next group while the one before is sent. `None`: there is no more.
    fn load(&self, partition: u32, producers: VecDeque<AttemptId>) -> Option<JoinHandle<Group>> {
        if producers.is_empty() {
            return None;
        }
        let (store, chunks) = (Arc::clone(&self.store), Arc::clone(&self.chunks));
        Some(tokio::spawn(async move {
            // The semaphore is never closed.
            let permit = chunks.acquire_owned().await.ok();
            let loaded = spawn_blocking(move || load_group(&store, partition, producers)).await;
            let (answers, rest) =
                loaded.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
            Group { answers, rest, _permit: permit }
        }))
    }

    async fn send(&self, channel: &mut Channel, answer: Answer) -> Result<(), ChannelError> {
        match answer {
            Answer::Missing { producer, reason } => {
                patient(channel.send(&ShuffleReply::Missing { producer, reason })).await
            }
            Answer::Whole { producer, segment, bytes } => {
                patient(channel.send(&ShuffleReply::Piece { producer, segment })).await?;
                send_frames(channel, &bytes).await
            }
            Answer::Long { producer, partition, segment, start, file } => {
                patient(channel.send(&ShuffleReply::Piece { producer, segment })).await?;
                let piece = LongPiece { file: Arc::new(file), start, len_bytes: segment.len_bytes };
                match self.send_long(channel, &piece).await {
                    Ok(crc) if crc == segment.crc => Ok(()),
                    Ok(crc) => {
                        let reason = format!("its checksum is {crc:08x}, not {:08x}", segment.crc);
                        self.store.report_bad(producer, Bad::Partition(partition), &reason);
                        Ok(())
                    }
                    Err(LongError::Channel(error)) => Err(error),
                    Err(LongError::Read(error)) => {
                        self.store.report_bad(producer, Bad::Partition(partition), &error);
                        // What was announced cannot be sent: the consumer asks again on a new connection.
                        Err(ChannelError::Closed)
                    }
                }
            }
        }
    }

    /// Sends a piece chunk by chunk, the next one being read meanwhile. Says what its checksum is.
    async fn send_long(&self, channel: &mut Channel, piece: &LongPiece) -> Result<u32, LongError> {
        let mut crc = Crc::new();
        let mut offset = 0;
        let mut reading = piece.read(offset);
        while let Some(chunk) = reading.take() {
            let bytes = joined(chunk.await).map_err(LongError::Channel)?.map_err(LongError::Read)?;
            offset += bytes.len() as u64;
            reading = piece.read(offset);
            crc.update(&bytes);
            send_frames(channel, &bytes).await.map_err(LongError::Channel)?;
        }
        Ok(crc.value())
    }

    /// Takes an output in. After an error the rest of it is read all the same, so that the answer arrives.
    async fn deliver(
        &self,
        channel: &mut Channel,
        attempt: AttemptId,
        segments: Vec<Segment>,
        allowed: bool,
    ) -> Result<(), ChannelError> {
        let mut incoming = Ok(Incoming::new(Arc::clone(&self.store), attempt, segments));
        loop {
            match patient(channel.receive_any::<DeliverEnd>()).await? {
                Received::Payload(bytes) if allowed => incoming = take_in(incoming, &bytes).await?,
                Received::Payload(_) => {}
                Received::Message(DeliverEnd) => break,
            }
        }
        if !allowed {
            return refuse(channel, attempt.job).await;
        }
        let kept = match incoming {
            Ok(incoming) => joined(spawn_blocking(move || incoming.finish()).await)?,
            Err(error) => Err(error),
        };
        let reply = match kept {
            Ok(()) => ShuffleReply::Delivered,
            Err(error) => {
                tracing::warn!(%attempt, %error, "a delivered shuffle output was not kept");
                ShuffleReply::Failed { reason: error.to_string(), disk_full: error.disk_full() }
            }
        };
        patient(channel.send(&reply)).await
    }
}

/// A token of a job opens that job's outputs and no others.
fn may_touch(identity: &Identity, job: JobId) -> bool {
    match identity {
        Identity::Cluster => true,
        Identity::Job(name) => *name == job.to_string(),
    }
}

async fn refuse(channel: &mut Channel, job: JobId) -> Result<(), ChannelError> {
    tracing::warn!(remote = channel.remote(), identity = ?channel.identity(), %job, "shuffle access refused");
    let reason = format!("this token does not open the shuffle outputs of {job}");
    patient(channel.send(&ShuffleReply::Failed { reason, disk_full: false })).await
}

/// The next bytes of a delivery. The outer error is the channel's end, the inner one that of the delivery.
async fn take_in(
    incoming: Result<Incoming, StoreError>,
    bytes: &[u8],
) -> Result<Result<Incoming, StoreError>, ChannelError> {
    let mut incoming = match incoming {
        Ok(incoming) => incoming,
        failed => return Ok(failed),
    };
    if let Err(error) = incoming.push(bytes) {
        return Ok(Err(error));
    }
    if !incoming.wants_write() {
        return Ok(Ok(incoming));
    }
    joined(spawn_blocking(move || incoming.write().map(|()| incoming)).await)
}

/// Blocks: reads pieces until a chunk is full, and says for which there was no more room.
fn load_group(
    store: &ShuffleStore,
    partition: u32,
    mut producers: VecDeque<AttemptId>,
) -> (Vec<Answer>, VecDeque<AttemptId>) {
    let (mut answers, mut bytes) = (Vec::new(), 0);
    while let Some(producer) = producers.pop_front() {
        let answer = match store.locate(producer, partition) {
            Ok(located) => load(store, producer, partition, located),
            Err(reason) => Answer::Missing { producer, reason },
        };
        bytes += match &answer {
            Answer::Whole { bytes, .. } => bytes.len(),
            Answer::Long { .. } => SHUFFLE_CHUNK_BYTES,
            Answer::Missing { .. } => 0,
        };
        answers.push(answer);
        if bytes >= SHUFFLE_CHUNK_BYTES {
            break;
        }
    }
    (answers, producers)
}

fn load(store: &ShuffleStore, producer: AttemptId, partition: u32, located: Located) -> Answer {
    let (segment, bytes) = match located {
        Located::Memory { segment, bytes } => (segment, Ok(bytes)),
        Located::File { segment, start, file } if segment.len_bytes > SHUFFLE_CHUNK_BYTES as u64 => {
            return Answer::Long { producer, partition, segment, start, file };
        }
        Located::File { segment, start, file } => {
            (segment, read_chunk(&file, start, segment.len_bytes as usize))
        }
    };
    let checked =
        bytes.and_then(|bytes| match bytes.is_empty() || crc_fast::crc32_iscsi(&bytes) == segment.crc {
            true => Ok(bytes),
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong")),
        });
    match checked {
        Ok(bytes) => Answer::Whole { producer, segment, bytes },
        Err(error) => {
            store.report_bad(producer, Bad::Partition(partition), &error);
            Answer::Missing { producer, reason: LossReason::Corrupt }
        }
    }
}

fn read_chunk(file: &File, start: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

/// A piece that is sent in several chunks.
struct LongPiece {
    file: Arc<File>,
    start: u64,
    len_bytes: u64,
}

enum LongError {
    Channel(ChannelError),
    Read(io::Error),
}

impl LongPiece {
    fn read(&self, offset: u64) -> Option<JoinHandle<io::Result<Bytes>>> {
        let len = (self.len_bytes - offset).min(SHUFFLE_CHUNK_BYTES as u64) as usize;
        let (file, start) = (Arc::clone(&self.file), self.start + offset);
        (len > 0).then(|| spawn_blocking(move || read_chunk(&file, start, len)))
    }
}

async fn send_frames(channel: &mut Channel, bytes: &[u8]) -> Result<(), ChannelError> {
    for frame in bytes.chunks(SHUFFLE_FRAME_BYTES) {
        patient(channel.send_payload(frame)).await?;
    }
    Ok(())
}

async fn patient<T>(step: impl Future<Output = Result<T, ChannelError>>) -> Result<T, ChannelError> {
    timeout(SHUFFLE_PATIENCE, step).await.unwrap_or(Err(ChannelError::Deadline(SHUFFLE_PATIENCE)))
}

/// The result of a task of this service; a panic in it ends the exchange only.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, ChannelError> {
    result.map_err(|error| {
        tracing::error!(%error, "a task of the shuffle service failed");
        ChannelError::Closed
    })
}
