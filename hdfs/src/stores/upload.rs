//! How an object gets into the cluster: written where nobody looks, and moved into place in one step when it is whole.
//!
//! Uploads lie in [`DIRECTORY`], each under a random name. One that its process abandons is removed then; one whose process
//! was killed is removed by later uploads, once it is days old.

use super::cluster::{ClusterStore, put_result, store_error};
use crate::{
    FsPath,
    client::{Client, ClientError, CreateOptions, FileWriter},
    limits::UPLOAD_LEFTOVER,
    protocol::namespace::FileStatus,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture};
use object_store::{Error, MultipartUpload, PutPayload, PutResult, Result, UploadPart, path::Path};
use std::{
    fmt,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::{mpsc, oneshot};

/// Hidden from listings by its name, and left out of the object store's.
const DIRECTORY: &str = "/.uploads";

/// What to do about an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Replace,
    Create,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PutError<E> {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Source(E),
}

pub(super) fn is_own(path: &FsPath) -> bool {
    path.as_str().strip_prefix(DIRECTORY).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn is_own_directory(path: &FsPath) -> bool {
    path.as_str() == DIRECTORY
}

/// A file that is being uploaded.
struct Upload {
    client: Client,
    writer: FileWriter,
    temporary: FsPath,
    to: FsPath,
}

impl Upload {
    async fn start(client: &Client, to: &FsPath) -> Result<Upload, ClientError> {
        sweep_once(client);
        let temporary: FsPath = format!("{DIRECTORY}/{:032x}", rand::random::<u128>())
            .parse()
            .map_err(|_| ClientError::Protocol("a path that is not one"))?;
        let writer = client.create(&temporary, CreateOptions::default()).await?;
        Ok(Upload { client: client.clone(), writer, temporary, to: to.clone() })
    }

    /// Durable, and visible whole at its place, when this returns.
    async fn finish(self, target: Target) -> Result<FileStatus, ClientError> {
        let status = self.writer.finish().await?;
        let placed = ClusterStore::place(&self.client, &self.temporary, &self.to, target).await;
        if placed.is_err()
            && let Err(error) = self.client.delete(&self.temporary, false).await
        {
            tracing::warn!(path = %self.temporary, %error, "an upload that came to nothing stays for a later sweep");
        }
        placed.map(|()| status)
    }
}

/// Writes the pieces and moves the file into place.
pub(super) async fn put<E>(
    client: &Client,
    to: &FsPath,
    target: Target,
    pieces: impl Stream<Item = Result<Bytes, E>>,
) -> Result<FileStatus, PutError<E>> {
    let mut upload = Upload::start(client, to).await?;
    let mut pieces = pin!(pieces);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(bytes) => upload.writer.write(&bytes).await?,
            Err(error) => {
                upload.writer.abandon().await?;
                return Err(PutError::Source(error));
            }
        }
    }
    Ok(upload.finish(target).await?)
}

/// Parts in the order in which they were given, whichever future is waited for first: a task of its own writes them.
/// Who gives parts bounds the memory, by waiting for some before giving more.
pub(super) struct ClusterUpload {
    location: Path,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    Part(PutPayload, oneshot::Sender<Result<(), ClientError>>),
    Complete(oneshot::Sender<Result<FileStatus, ClientError>>),
    Abort(oneshot::Sender<Result<(), ClientError>>),
}

impl fmt::Debug for ClusterUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterUpload({})", self.location)
    }
}

impl ClusterUpload {
    pub async fn start(client: &Client, location: Path, to: FsPath) -> Result<ClusterUpload, ClientError> {
        let upload = Upload::start(client, &to).await?;
        let (orders, queue) = mpsc::unbounded_channel();
        tokio::spawn(write_parts(upload, queue));
        Ok(ClusterUpload { location, orders })
    }

    fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, ClientError>>) -> Order,
    ) -> BoxFuture<'static, Result<T>> {
        let (answer, answered) = oneshot::channel();
        let location = self.location.clone();
        // Once the task has ended, by an error or with the upload, no answer comes.
        let _ = self.orders.send(order(answer));
        let outcome = async move {
            match answered.await {
                Ok(outcome) => outcome.map_err(|error| store_error(&location, error)),
                Err(_) => Err(Error::Generic {
                    store: super::cluster::STORE,
                    source: format!("the upload of {location} has ended already").into(),
                }),
            }
        };
        outcome.boxed()
    }
}

/// Ends without completing when the other side is dropped: the writer, dropped with it, abandons its file.
async fn write_parts(mut upload: Upload, mut queue: mpsc::UnboundedReceiver<Order>) {
    while let Some(order) = queue.recv().await {
        match order {
            Order::Part(payload, answer) => {
                let mut outcome = Ok(());
                for bytes in payload {
                    outcome = upload.writer.write(&bytes).await;
                    if outcome.is_err() {
                        break;
                    }
                }
                let failed = outcome.is_err();
                let _ = answer.send(outcome);
                if failed {
                    return;
                }
            }
            Order::Complete(answer) => {
                let _ = answer.send(upload.finish(Target::Replace).await);
                return;
            }
            Order::Abort(answer) => {
                let _ = answer.send(upload.writer.abandon().await);
                return;
            }
        }
    }
}

#[async_trait]
impl MultipartUpload for ClusterUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.order(|answer| Order::Part(payload, answer))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let status = self.order(Order::Complete).await?;
        Ok(put_result(&status))
    }

    async fn abort(&mut self) -> Result<()> {
        self.order(Order::Abort).await
    }
}

/// Removes what killed processes left behind, once in the life of this one.
fn sweep_once(client: &Client) {
    static SWEPT: AtomicBool = AtomicBool::new(false);
    if SWEPT.swap(true, Ordering::Relaxed) {
        return;
    }
    let client = client.clone();
    tokio::spawn(async move {
        if let Err(error) = sweep(&client).await {
            tracing::debug!(%error, "did not sweep old uploads");
        }
    });
}

async fn sweep(client: &Client) -> Result<(), ClientError> {
    let Ok(directory) = DIRECTORY.parse::<FsPath>() else { return Ok(()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for file in client.list(&directory).await? {
        let age_ms = (now.as_millis() as u64).saturating_sub(file.modified_ms);
        if u128::from(age_ms) > UPLOAD_LEFTOVER.as_millis() {
            client.delete(&file.path, false).await?;
        }
    }
    Ok(())
}
