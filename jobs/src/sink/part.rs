//! One attempt's output file. The task's thread fills buffers; the I/O runtime writes them where nobody reads yet.

use super::{
    SinkError,
    compress::{Encoder, OutputCompression},
    upload::{Upload, UploadToken},
};
use crate::{
    limits::{SINK_BUFFER_BYTES, SINK_BUFFERS_MAX, UPLOAD_PART_BYTES},
    plan::fault::TaskFault,
    source::block_on,
    task_program::{Cancel, TaskContext},
};
use serde::{Deserialize, Serialize};
use skep_hdfs::{
    FsPath,
    client::{CreateOptions, FileWriter},
    stores::PlaceKind,
};
use std::{path::PathBuf, time::Duration};
use tokio::{io::AsyncWriteExt, sync::mpsc, task::JoinHandle};

const CANCEL_POLL: Duration = Duration::from_millis(100);

/// What the commit must know of one attempt's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartToken {
    /// A file to be renamed, both as the user would write them.
    File { from: String, to: String },
    /// An upload to be completed.
    Upload(UploadToken),
}

/// Below the output directory: what is not output yet.
pub(super) const TEMPORARY: &str = "_temporary";

pub(super) struct PartWriter<'a> {
    context: &'a TaskContext,
    path: String,
    encoder: Encoder,
    buffer_bytes: usize,
    /// `None` once the writing task has ended.
    sender: Option<mpsc::Sender<Vec<u8>>>,
    writer: Option<JoinHandle<Result<PartToken, SinkError>>>,
}

impl<'a> PartWriter<'a> {
    pub fn create(
        context: &'a TaskContext,
        directory: &str,
        number: u32,
    ) -> Result<PartWriter<'a>, TaskFault> {
        let compression = OutputCompression::of(&context.conf);
        let name = format!("part-{number:05}{}", compression.ending());
        let directory = directory.trim_end_matches('/');
        let to = format!("{directory}/{name}");
        let place = context.stores.resolve(&to).map_err(SinkError::Store)?;
        let is_upload = matches!(place.kind, PlaceKind::S3 { .. });
        let attempt = context.attempt;
        let from = format!("{directory}/{TEMPORARY}/{}/{}/{name}", attempt.job, attempt.file_stem());
        let encoder = Encoder::new(compression, &to)?;
        let (sender, receiver) = mpsc::channel(SINK_BUFFERS_MAX);
        let stores = context.stores.clone();
        let token = PartToken::File { from: from.clone(), to: to.clone() };
        let writer = context.runtime.spawn(async move {
            if is_upload {
                let mut upload = Upload::begin(&stores, &to).await?;
                return match feed_upload(&mut upload, receiver).await {
                    Ok(()) => Ok(PartToken::Upload(upload.token())),
                    Err(error) => {
                        upload.abort().await;
                        Err(error)
                    }
                };
            }
            let target = Target::create(&stores, &from).await?;
            target.write_all(receiver).await?;
            Ok(token)
        });
        let path = format!("{directory}/{name}");
        let buffer_bytes = if is_upload { UPLOAD_PART_BYTES } else { SINK_BUFFER_BYTES };
        Ok(PartWriter { context, path, encoder, buffer_bytes, sender: Some(sender), writer: Some(writer) })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TaskFault> {
        self.encoder.write(bytes, &self.path)?;
        if self.encoder.buffer().len() >= self.buffer_bytes {
            let full = std::mem::take(self.encoder.buffer());
            self.send(full)?;
        }
        Ok(())
    }

    fn send(&mut self, buffer: Vec<u8>) -> Result<(), TaskFault> {
        let Some(sender) = &self.sender else { return Err(self.ended_early()) };
        if block_on(self.context, send(sender, buffer, &self.context.cancel))? {
            return Ok(());
        }
        Err(self.ended_early())
    }

    /// The writing task is gone: why.
    fn ended_early(&mut self) -> TaskFault {
        self.sender = None;
        match self.join() {
            Err(fault) => fault,
            Ok(_) => self.broken("the writer ended early").into(),
        }
    }

    fn broken(&self, reason: &str) -> SinkError {
        SinkError::Write { path: self.path.clone(), reason: reason.to_owned() }
    }

    fn join(&mut self) -> Result<PartToken, TaskFault> {
        let Some(writer) = self.writer.take() else {
            return Err(self.broken("it has failed before").into());
        };
        match block_on(self.context, writer) {
            Ok(token) => Ok(token?),
            Err(error) => Err(self.broken(&error.to_string()).into()),
        }
    }

    /// Everything is durable when this returns.
    pub fn finish(mut self) -> Result<PartToken, TaskFault> {
        let encoder = std::mem::replace(&mut self.encoder, Encoder::Plain(Vec::new()));
        let mut rest = encoder.finish(&self.path)?;
        while rest.len() > self.buffer_bytes * 2 {
            let after = rest.split_off(self.buffer_bytes);
            self.send(std::mem::replace(&mut rest, after))?;
        }
        if !rest.is_empty() {
            self.send(rest)?;
        }
        self.send(Vec::new())?;
        self.sender = None;
        self.join()
    }
}

impl Drop for PartWriter<'_> {
    /// A part that is not finished: the writing task sees its channel end without the mark of a whole file, and gives up.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(writer) = self.writer.take() {
            // What it leaves is removed with the job's temporary directory; an upload is aborted by the task itself.
            drop(writer);
        }
    }
}

/// `false`: the receiver is gone.
async fn send(sender: &mpsc::Sender<Vec<u8>>, buffer: Vec<u8>, cancel: &Cancel) -> Result<bool, TaskFault> {
    let permit = loop {
        if cancel.is_raised() {
            return Err(TaskFault::Cancelled);
        }
        match tokio::time::timeout(CANCEL_POLL, sender.reserve()).await {
            Ok(Ok(permit)) => break permit,
            Ok(Err(_)) => return Ok(false),
            Err(_) => {}
        }
    };
    permit.send(buffer);
    Ok(true)
}

/// An empty buffer marks the end; a channel that ends without it belongs to a task that failed.
async fn next_buffer(receiver: &mut mpsc::Receiver<Vec<u8>>) -> Option<Vec<u8>> {
    receiver.recv().await
}

fn given_up(path: &str) -> SinkError {
    SinkError::Write { path: path.to_owned(), reason: "the task ended before its output".to_owned() }
}

async fn feed_upload(upload: &mut Upload, mut receiver: mpsc::Receiver<Vec<u8>>) -> Result<(), SinkError> {
    loop {
        match next_buffer(&mut receiver).await {
            None => return Err(given_up(upload.path())),
            Some(buffer) if buffer.is_empty() => return upload.end().await,
            Some(buffer) => upload.put(buffer).await?,
        }
    }
}

/// A file of the cluster or of this machine.
enum Target {
    Cluster(String, Box<FileWriter>),
    Local(PathBuf, tokio::fs::File),
}

impl Target {
    async fn create(stores: &skep_hdfs::stores::Stores, path: &str) -> Result<Target, SinkError> {
        let place = stores.resolve(path)?;
        match &place.kind {
            PlaceKind::Cluster(fs_path) => Self::create_in_cluster(stores, path, fs_path).await,
            PlaceKind::Local(file) => {
                let failed = |error| write_error(path, &error);
                if let Some(parent) = file.parent() {
                    tokio::fs::create_dir_all(parent).await.map_err(failed)?;
                }
                Ok(Target::Local(file.clone(), tokio::fs::File::create(file).await.map_err(failed)?))
            }
            PlaceKind::S3 { .. } => {
                Err(SinkError::Write { path: path.to_owned(), reason: "S3 has no renaming".to_owned() })
            }
        }
    }

    async fn create_in_cluster(
        stores: &skep_hdfs::stores::Stores,
        path: &str,
        fs_path: &FsPath,
    ) -> Result<Target, SinkError> {
        let client = stores.client().ok_or_else(|| SinkError::Write {
            path: path.to_owned(),
            reason: "there is no cluster".to_owned(),
        })?;
        let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
        Ok(Target::Cluster(path.to_owned(), Box::new(client.create(fs_path, options).await?)))
    }

    async fn write_all(self, mut receiver: mpsc::Receiver<Vec<u8>>) -> Result<(), SinkError> {
        match self {
            Target::Cluster(path, mut writer) => loop {
                match next_buffer(&mut receiver).await {
                    None => {
                        // Dropped anyway if this fails; the lease runs out then.
                        let _ = writer.abandon().await;
                        return Err(given_up(&path));
                    }
                    Some(buffer) if buffer.is_empty() => {
                        writer.finish().await?;
                        return Ok(());
                    }
                    Some(buffer) => writer.write(&buffer).await?,
                }
            },
            Target::Local(path, mut file) => {
                let path = path.display().to_string();
                loop {
                    match next_buffer(&mut receiver).await {
                        None => return Err(given_up(&path)),
                        Some(buffer) if buffer.is_empty() => {
                            let ended = async {
                                file.flush().await?;
                                file.sync_all().await
                            };
                            return ended.await.map_err(|error| write_error(&path, &error));
                        }
                        Some(buffer) => {
                            file.write_all(&buffer).await.map_err(|error| write_error(&path, &error))?;
                        }
                    }
                }
            }
        }
    }
}

fn write_error(path: &str, error: &std::io::Error) -> SinkError {
    SinkError::Write { path: path.to_owned(), reason: error.to_string() }
}
