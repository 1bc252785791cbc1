//! A task worker's output on its way to a core worker, which keeps it from then on.

use super::ShuffleError;
use crate::{
    limits::{DELIVER_PATIENCE, DELIVER_ROUNDS, FETCH_PAUSE_MAX, SCRATCH_WRITE_BYTES, SHUFFLE_FRAME_BYTES},
    model::{AttemptId, Segment},
    protocol::{
        SHUFFLE_SERVICE,
        shuffle::{DeliverEnd, ShuffleReply, ShuffleRequest},
        task::KeptData,
    },
    task_program::ShuffleFault,
};
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_wire::{Channel, ChannelError, DialError, Dialer};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    time::{sleep, timeout},
};

/// No core worker took the output.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    #[error("there is no core worker to deliver shuffle output to; start one with `skep resize --core`")]
    Nowhere,
    /// The output could not be read here.
    #[error(transparent)]
    Unreadable(#[from] ShuffleError),
    #[error("no core worker took the shuffle output{}", list(.0))]
    Refused(Vec<(WorkerId, DeliverFailure)>),
}

fn list(failures: &[(WorkerId, DeliverFailure)]) -> String {
    failures.iter().map(|(worker, failure)| format!("; {worker}: {failure}")).collect()
}

/// Why one core worker did not take it.
#[derive(Debug, thiserror::Error)]
pub enum DeliverFailure {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("no progress for {0:?}")]
    Silent(Duration),
    #[error("{reason}")]
    Failed { reason: String, disk_full: bool },
    #[error("it answered what was not asked")]
    Unexpected,
}

impl From<DeliverError> for ShuffleFault {
    fn from(error: DeliverError) -> ShuffleFault {
        match error {
            DeliverError::Unreadable(error) => error.into(),
            DeliverError::Nowhere | DeliverError::Refused(_) => ShuffleFault::Worker(error.to_string()),
        }
    }
}

/// Hands an output to the first of `locations` that takes it, in their order and `limits::DELIVER_ROUNDS` times; says which
/// one did. A file stays where it is: the caller removes it. `moved_bytes` is raised by what was sent.
pub async fn deliver(
    dialer: &Dialer,
    locations: &[Location],
    attempt: AttemptId,
    segments: &[Segment],
    data: &KeptData,
    moved_bytes: &AtomicU64,
) -> Result<WorkerId, DeliverError> {
    let mut failures = Vec::new();
    for round in 0..DELIVER_ROUNDS {
        if round > 0 && !locations.is_empty() {
            sleep(FETCH_PAUSE_MAX).await;
        }
        failures.clear();
        for location in locations {
            let delivered = match dialer.channel(&location.endpoint, SHUFFLE_SERVICE).await {
                Ok(channel) => {
                    let request = ShuffleRequest::Deliver { attempt, segments: segments.to_vec() };
                    Delivery { channel, moved_bytes }.run(request, data).await?
                }
                Err(error) => Err(error.into()),
            };
            match delivered {
                Ok(()) => return Ok(location.worker),
                Err(failure) => {
                    tracing::warn!(%attempt, worker = %location.worker, %failure, "shuffle output not delivered");
                    failures.push((location.worker, failure));
                }
            }
        }
    }
    Err(if failures.is_empty() { DeliverError::Nowhere } else { DeliverError::Refused(failures) })
}

/// One core worker that was reached.
struct Delivery<'a> {
    channel: Channel,
    moved_bytes: &'a AtomicU64,
}

impl Delivery<'_> {
    /// The outer error is this machine's, the inner one the other's.
    async fn run(
        mut self,
        request: ShuffleRequest,
        data: &KeptData,
    ) -> Result<Result<(), DeliverFailure>, ShuffleError> {
        if let Err(failure) = patient(self.channel.send(&request)).await {
            return Ok(Err(failure));
        }
        let sent = match data {
            KeptData::Memory(bytes) => self.send_frames(bytes).await,
            KeptData::File(path) => self.send_file(path).await?,
        };
        match sent {
            Ok(()) => Ok(self.end().await),
            Err(failure) => Ok(Err(failure)),
        }
    }

    async fn send_file(&mut self, path: &Path) -> Result<Result<(), DeliverFailure>, ShuffleError> {
        let unreadable = |error| ShuffleError::disk("read the shuffle output", path, error);
        let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let mut buffer = vec![0; SCRATCH_WRITE_BYTES];
        loop {
            let count = file.read(&mut buffer).await.map_err(unreadable)?;
            if count == 0 {
                return Ok(Ok(()));
            }
            if let Err(failure) = self.send_frames(&buffer[..count]).await {
                return Ok(Err(failure));
            }
        }
    }

    async fn send_frames(&mut self, bytes: &[u8]) -> Result<(), DeliverFailure> {
        for frame in bytes.chunks(SHUFFLE_FRAME_BYTES) {
            patient(self.channel.send_payload(frame)).await?;
            self.moved_bytes.fetch_add(frame.len() as u64, Relaxed);
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), DeliverFailure> {
        patient(self.channel.send(&DeliverEnd)).await?;
        match patient(self.channel.receive()).await? {
            ShuffleReply::Delivered => Ok(()),
            ShuffleReply::Failed { reason, disk_full } => Err(DeliverFailure::Failed { reason, disk_full }),
            _ => Err(DeliverFailure::Unexpected),
        }
    }
}

async fn patient<T>(step: impl Future<Output = Result<T, ChannelError>>) -> Result<T, DeliverFailure> {
    match timeout(DELIVER_PATIENCE, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(DeliverFailure::Silent(DELIVER_PATIENCE)),
    }
}
