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
use std::{path::Path, time::Duration};
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
/// one did. A file stays where it is: the caller removes it.
pub async fn deliver(
    dialer: &Dialer,
    locations: &[Location],
    attempt: AttemptId,
    segments: &[Segment],
    data: &KeptData,
) -> Result<WorkerId, DeliverError> {
    let mut failures = Vec::new();
    for round in 0..DELIVER_ROUNDS {
        if round > 0 && !locations.is_empty() {
            sleep(FETCH_PAUSE_MAX).await;
        }
        failures.clear();
        for location in locations {
            match deliver_to(dialer, location, attempt, segments, data).await? {
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

/// The outer error is this machine's, the inner one the other's.
async fn deliver_to(
    dialer: &Dialer,
    location: &Location,
    attempt: AttemptId,
    segments: &[Segment],
    data: &KeptData,
) -> Result<Result<(), DeliverFailure>, ShuffleError> {
    let mut channel = match dialer.channel(&location.endpoint, SHUFFLE_SERVICE).await {
        Ok(channel) => channel,
        Err(error) => return Ok(Err(error.into())),
    };
    let request = ShuffleRequest::Deliver { attempt, segments: segments.to_vec() };
    if let Err(failure) = patient(channel.send(&request)).await {
        return Ok(Err(failure));
    }
    match data {
        KeptData::Memory(bytes) => {
            if let Err(failure) = send_frames(&mut channel, bytes).await {
                return Ok(Err(failure));
            }
        }
        KeptData::File(path) => {
            if let Err(failure) = send_file(&mut channel, path).await? {
                return Ok(Err(failure));
            }
        }
    }
    Ok(end(&mut channel).await)
}

async fn end(channel: &mut Channel) -> Result<(), DeliverFailure> {
    patient(channel.send(&DeliverEnd)).await?;
    match patient(channel.receive()).await? {
        ShuffleReply::Delivered => Ok(()),
        ShuffleReply::Failed { reason, disk_full } => Err(DeliverFailure::Failed { reason, disk_full }),
        _ => Err(DeliverFailure::Unexpected),
    }
}

async fn send_file(channel: &mut Channel, path: &Path) -> Result<Result<(), DeliverFailure>, ShuffleError> {
    let unreadable = |error| ShuffleError::disk("read the shuffle output", path, error);
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut buffer = vec![0; SCRATCH_WRITE_BYTES];
    loop {
        let count = file.read(&mut buffer).await.map_err(unreadable)?;
        if count == 0 {
            return Ok(Ok(()));
        }
        if let Err(failure) = send_frames(channel, &buffer[..count]).await {
            return Ok(Err(failure));
        }
    }
}

async fn send_frames(channel: &mut Channel, bytes: &[u8]) -> Result<(), DeliverFailure> {
    for frame in bytes.chunks(SHUFFLE_FRAME_BYTES) {
        patient(channel.send_payload(frame)).await?;
    }
    Ok(())
}

async fn patient<T>(step: impl Future<Output = Result<T, ChannelError>>) -> Result<T, DeliverFailure> {
    match timeout(DELIVER_PATIENCE, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(DeliverFailure::Silent(DELIVER_PATIENCE)),
    }
}
