//! Writing one file: bytes into packets, packets into a pipeline, blocks one after another.
//!
//! ```text
//!                 first packet                     block full, or finish
//!   between blocks ───────────► in a block ────────────────────────────► between blocks
//!                              ▲        │ the pipeline breaks
//!                              └────────┘ survivors agree on a length, the unacknowledged tail goes out again
//! ```
//!
//! The writer keeps a copy of what it sent and nobody has acknowledged, and no more: that is enough, because every
//! survivor has what was acknowledged.

use super::{Client, ClientError, CreateOptions, Tried, leases::LeaseHold};
use crate::{
    FileId, FsPath, Generation, WorkerId,
    blocks::{
        crc::{crc32c, join},
        remote::{self, Pipeline, PipelineFailure},
    },
    limits::{PACKET_BYTES, WRITE_ATTEMPTS_MAX, WRITE_WINDOW_BYTES},
    protocol::{
        blocks::Finish,
        namespace::{FileStatus, Location, NamespaceError, NewBlock, Operation, Reply, WrittenBlock},
    },
};
use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// How long to wait before workers that failed are tried again, because there are no others.
const PAUSE_WITHOUT_TARGETS: Duration = Duration::from_millis(300);

/// Writes one file. Dropped without `finish`: the file is abandoned (in the background, or by its lease's end).
pub struct FileWriter {
    client: Client,
    path: FsPath,
    file: FileId,
    block_bytes: u64,
    /// Bytes that do not fill a packet yet.
    buffer: BytesMut,
    block: Option<OpenBlock>,
    /// The block before the one that is being written, until the master is told of it.
    previous: Option<WrittenBlock>,
    /// Workers that failed under this writer.
    exclude: BTreeSet<WorkerId>,
    tried: Tried,
    /// From the beginning of each step to its success. A step that failed, or was cancelled, leaves it set: how much of
    /// the caller's bytes was taken is not known then, and a file with a hole must never be finished.
    broken: bool,
    closed: bool,
    _lease: LeaseHold,
}

/// The block that is being written.
struct OpenBlock {
    new: NewBlock,
    /// `None` after a failure, until it is rebuilt.
    pipeline: Option<Pipeline>,
    sent_bytes: u64,
    crc: u32,
    /// Sent and not acknowledged by all.
    tail: Tail,
}

/// The last packets of a block.
#[derive(Default)]
struct Tail {
    /// Where the first packet begins in the block.
    start: u64,
    packets: VecDeque<Bytes>,
}

impl Tail {
    fn push(&mut self, packet: Bytes) {
        self.packets.push_back(packet);
    }

    /// Forgets packets that lie wholly before `offset`.
    fn forget_before(&mut self, offset: u64) {
        while let Some(first) = self.packets.front() {
            let end = self.start + first.len() as u64;
            if end > offset {
                break;
            }
            self.start = end;
            self.packets.pop_front();
        }
    }

    /// The bytes from `offset` on, in pieces.
    fn from(&self, offset: u64) -> Vec<Bytes> {
        let mut at = self.start;
        let mut pieces = Vec::with_capacity(self.packets.len());
        for packet in &self.packets {
            let skip = offset.saturating_sub(at).min(packet.len() as u64);
            if skip < packet.len() as u64 {
                pieces.push(packet.slice(skip as usize..));
            }
            at += packet.len() as u64;
        }
        pieces
    }
}

impl FileWriter {
    pub(super) async fn create(
        client: &Client,
        path: &FsPath,
        options: CreateOptions,
    ) -> Result<FileWriter, ClientError> {
        let CreateOptions { overwrite, replication, block_bytes } = options;
        let operation = Operation::Create { path: path.clone(), overwrite, replication, block_bytes };
        let reply = client.call(operation).await?;
        let (file, block_bytes) =
            expect_reply!(reply, Reply::Created { file, block_bytes, .. } => (file, block_bytes))?;
        Ok(FileWriter {
            client: client.clone(),
            path: path.clone(),
            file,
            block_bytes,
            buffer: BytesMut::new(),
            block: None,
            previous: None,
            exclude: BTreeSet::new(),
            tried: Tried::default(),
            broken: false,
            closed: false,
            _lease: client.hold_lease(),
        })
    }

    pub fn path(&self) -> &FsPath {
        &self.path
    }

    /// Takes the bytes; returns when they are on their way, or in this writer's buffer. After an error, or when the
    /// future was dropped before its end, the file can only be abandoned.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.step()?;
        self.take_bytes(bytes).await?;
        self.broken = false;
        Ok(())
    }

    fn step(&mut self) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.broken, true) {
            false => Ok(()),
            true => Err(ClientError::Broken { path: self.path.clone() }),
        }
    }

    async fn take_bytes(&mut self, mut bytes: &[u8]) -> Result<(), ClientError> {
        while !bytes.is_empty() {
            let room = self.packet_bytes() - self.buffer.len();
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            self.buffer.extend_from_slice(piece);
            bytes = rest;
            if piece.len() == room {
                self.send_buffer().await?;
            }
        }
        Ok(())
    }

    /// Durable on every replica and in the journal when this returns.
    pub async fn finish(mut self) -> Result<FileStatus, ClientError> {
        self.step()?;
        if !self.buffer.is_empty() {
            self.send_buffer().await?;
        }
        if self.block.is_some() {
            self.finish_block().await?;
        }
        let last = self.previous.take();
        let reply = self.client.call(Operation::Complete { file: self.file, last }).await?;
        self.closed = true;
        expect_reply!(reply, Reply::Status(status) => status)
    }

    /// Gives the file up: it is removed.
    pub async fn abandon(mut self) -> Result<(), ClientError> {
        self.closed = true;
        self.block = None;
        self.client.done(Operation::Abandon { file: self.file }).await
    }

    /// How many bytes the packet in the buffer may have: no packet reaches over a block's end.
    fn packet_bytes(&self) -> usize {
        let sent_bytes = self.block.as_ref().map_or(0, |block| block.sent_bytes);
        let left = self.block_bytes.saturating_sub(sent_bytes).max(1);
        usize::try_from(left).map_or(PACKET_BYTES, |left| left.min(PACKET_BYTES))
    }

    async fn send_buffer(&mut self) -> Result<(), ClientError> {
        if self.block.is_none() {
            self.block = Some(self.add_block().await?);
        }
        let packet = self.buffer.split().freeze();
        let Some(block) = &mut self.block else {
            return Ok(());
        };
        block.crc = join(block.crc, crc32c(&packet), packet.len() as u64);
        block.sent_bytes += packet.len() as u64;
        block.tail.push(packet.clone());
        let is_full = block.sent_bytes >= self.block_bytes;
        let sent = match block.pipeline.take() {
            None => Err(None),
            Some(pipeline) => match send(pipeline, &[packet], block.sent_bytes).await {
                Ok(pipeline) => {
                    block.tail.forget_before(pipeline.acknowledged());
                    block.pipeline = Some(pipeline);
                    Ok(())
                }
                Err(failure) => Err(Some(failure)),
            },
        };
        if let Err(failure) = sent {
            self.rebuild(failure).await?;
        }
        if is_full { self.finish_block().await } else { Ok(()) }
    }

    /// Ends the block: durable on the workers named in `previous` afterwards.
    async fn finish_block(&mut self) -> Result<(), ClientError> {
        for _ in 0..=WRITE_ATTEMPTS_MAX {
            let Some(block) = &mut self.block else {
                return Ok(());
            };
            let finish = Finish { len_bytes: block.sent_bytes, crc: block.crc };
            let failure = match block.pipeline.take() {
                None => None,
                Some(pipeline) => match pipeline.finish(finish).await {
                    Ok(replicas) => {
                        self.previous = Some(WrittenBlock {
                            block: block.new.block,
                            generation: block.new.generation,
                            len_bytes: block.sent_bytes,
                            replicas,
                        });
                        self.block = None;
                        return Ok(());
                    }
                    Err(failure) => Some(failure),
                },
            };
            self.rebuild(failure).await?;
        }
        Err(self.unwritable())
    }

    /// Asks the master for the next block and builds its pipeline; workers that fail are left out.
    async fn add_block(&mut self) -> Result<OpenBlock, ClientError> {
        for _ in 0..WRITE_ATTEMPTS_MAX {
            let Some(new) = self.allocate().await? else { continue };
            let opened = match new.targets.split_first() {
                Some((first, rest)) => {
                    let channels = &self.client.shared.channels;
                    Pipeline::open(channels, new.block, new.generation, 0, first, rest.to_vec()).await
                }
                None => return Err(ClientError::Protocol("a block without targets")),
            };
            match opened {
                Ok(pipeline) => {
                    let pipeline = Some(pipeline);
                    return Ok(OpenBlock { new, pipeline, sent_bytes: 0, crc: 0, tail: Tail::default() });
                }
                Err(failure) => {
                    self.failed(&failure);
                    let block = new.block;
                    self.client.done(Operation::AbandonBlock { file: self.file, block }).await?;
                }
            }
        }
        Err(self.unwritable())
    }

    /// `None`: no worker is left but those that failed; they get another chance.
    async fn allocate(&mut self) -> Result<Option<NewBlock>, ClientError> {
        let exclude = self.exclude.iter().copied().collect();
        let operation = Operation::AddBlock { file: self.file, previous: self.previous.clone(), exclude };
        match self.client.call(operation).await {
            Ok(reply) => {
                let new = expect_reply!(reply, Reply::Block(new) => new)?;
                self.previous = None;
                Ok(Some(new))
            }
            Err(ClientError::Namespace(NamespaceError::NoTarget { .. })) if !self.exclude.is_empty() => {
                self.exclude.clear();
                tokio::time::sleep(PAUSE_WITHOUT_TARGETS).await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Goes on with the block after its pipeline broke: with its survivors, or anew if all of it is still here.
    /// `failure` is `None` when the reason is known already.
    async fn rebuild(&mut self, failure: Option<PipelineFailure>) -> Result<(), ClientError> {
        if let Some(failure) = failure {
            self.failed(&failure);
        }
        for _ in 0..WRITE_ATTEMPTS_MAX {
            let Some(mut block) = self.block.take() else {
                return Ok(());
            };
            let outcome = match self.survivors(&mut block).await {
                Some(resume_at) => self.resume(&mut block, resume_at).await,
                None if block.tail.start == 0 => self.start_over(&mut block).await,
                None => {
                    self.tried.0.push("no worker is left that has what was acknowledged".to_owned());
                    return Err(self.unwritable());
                }
            };
            self.block = Some(block);
            match outcome? {
                Ok(()) => return Ok(()),
                Err(failure) => self.failed(&failure),
            }
        }
        Err(self.unwritable())
    }

    /// Keeps the targets that still hold what was acknowledged; the length up to which all of them agree.
    async fn survivors(&self, block: &mut OpenBlock) -> Option<u64> {
        block.pipeline = None;
        block.new.targets.retain(|target| !self.exclude.contains(&target.worker));
        let (channels, id) = (&self.client.shared.channels, block.new.block);
        let answers =
            join_all(block.new.targets.iter().map(|target| remote::describe(channels, target, id))).await;
        let mut targets = Vec::new();
        let mut lengths = Vec::new();
        for (target, answer) in block.new.targets.drain(..).zip(answers) {
            match answer {
                Ok(Some(replica)) if replica.len_bytes >= block.tail.start => {
                    targets.push(target);
                    lengths.push(replica.len_bytes);
                }
                Ok(held) => tracing::warn!(worker = %target.worker, ?held, "lost bytes of a pipeline"),
                Err(error) => tracing::warn!(worker = %target.worker, %error, "does not answer a writer"),
            }
        }
        block.new.targets = targets;
        lengths.into_iter().min().map(|len_bytes| len_bytes.min(block.sent_bytes))
    }

    async fn resume(
        &mut self,
        block: &mut OpenBlock,
        resume_at: u64,
    ) -> Result<Result<(), PipelineFailure>, ClientError> {
        let survivors = block.new.targets.iter().map(|target| target.worker).collect();
        let operation = Operation::RenewPipeline { file: self.file, block: block.new.block, survivors };
        let reply = self.client.call(operation).await?;
        block.new.generation = expect_reply!(reply, Reply::Generation(generation) => generation)?;
        Ok(self.fill(block, resume_at).await)
    }

    /// Nothing of the block is needed from anybody: another block takes its place.
    async fn start_over(
        &mut self,
        block: &mut OpenBlock,
    ) -> Result<Result<(), PipelineFailure>, ClientError> {
        let abandoned = block.new.block;
        self.client.done(Operation::AbandonBlock { file: self.file, block: abandoned }).await?;
        let fresh = self.add_block().await?;
        block.new = fresh.new;
        block.pipeline = fresh.pipeline;
        Ok(self.fill(block, 0).await)
    }

    /// Builds a pipeline through the block's targets, if there is none, and sends the tail again.
    async fn fill(&mut self, block: &mut OpenBlock, resume_at: u64) -> Result<(), PipelineFailure> {
        let channels = &self.client.shared.channels;
        let (id, generation) = (block.new.block, block.new.generation);
        let pipeline = match block.pipeline.take() {
            Some(pipeline) => pipeline,
            None => open(channels, id, generation, resume_at, &block.new.targets).await?,
        };
        let pipeline = send(pipeline, &block.tail.from(resume_at), block.sent_bytes).await?;
        block.tail.forget_before(pipeline.acknowledged());
        block.pipeline = Some(pipeline);
        Ok(())
    }

    fn failed(&mut self, failure: &PipelineFailure) {
        tracing::warn!(path = %self.path, worker = %failure.worker, cause = %failure.cause, "a write pipeline failed");
        self.exclude.insert(failure.worker);
        self.tried.add(failure.worker, &failure.cause);
    }

    fn unwritable(&self) -> ClientError {
        ClientError::Unwritable { path: self.path.clone(), tried: self.tried.text() }
    }
}

async fn open(
    channels: &remote::Channels,
    block: crate::BlockId,
    generation: Generation,
    resume_at: u64,
    targets: &[Location],
) -> Result<Pipeline, PipelineFailure> {
    let Some((first, rest)) = targets.split_first() else {
        // `survivors` leaves at least one, and the master gives at least one.
        return Err(PipelineFailure::new(WorkerId(0), remote::RemoteError::OutOfTurn));
    };
    Pipeline::open(channels, block, generation, resume_at, first, rest.to_vec()).await
}

/// Sends packets, the last of which ends at `sent_bytes`, and keeps to the window.
async fn send(
    mut pipeline: Pipeline,
    packets: &[Bytes],
    sent_bytes: u64,
) -> Result<Pipeline, PipelineFailure> {
    let mut at = sent_bytes - packets.iter().map(|packet| packet.len() as u64).sum::<u64>();
    for packet in packets {
        at += packet.len() as u64;
        pipeline.await_window(at, WRITE_WINDOW_BYTES).await?;
        pipeline.send(packet).await?;
    }
    Ok(pipeline)
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        // Outside a runtime nothing can be sent: the lease's end removes the file's claim.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, file, path) = (self.client.clone(), self.file, self.path.clone());
            runtime.spawn(async move {
                if let Err(error) = client.done(Operation::Abandon { file }).await {
                    tracing::warn!(%path, %error, "a file that was given up stays open until its lease ends");
                }
            });
        }
    }
}
