//! Object stores whose requests run on the host's I/O runtime.
//!
//! Connections live on the runtime that opened them, and an attempt's own runtime ends with the attempt; nor shall a
//! request wait until an operator gives the thread back.

use crate::codec::{ObjectStores, root_of};
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result as QueryResult};
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    path::Path,
};
use skep_hdfs::stores::Stores;
use skep_jobs::task_program::TaskProgress;
use std::{
    fmt,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tokio::{runtime::Handle, sync::mpsc};

/// Pieces of an answer that wait for whoever reads it.
const STREAM_AHEAD: usize = 2;

/// The stores of a task's host.
pub struct HostStores {
    stores: Stores,
    runtime: Handle,
    progress: Arc<TaskProgress>,
}

impl HostStores {
    pub fn new(stores: Stores, runtime: Handle, progress: Arc<TaskProgress>) -> HostStores {
        HostStores { stores, runtime, progress }
    }

    pub(super) fn on_host(&self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        let (runtime, progress) = (self.runtime.clone(), Arc::clone(&self.progress));
        Arc::new(HostStore { store, runtime, progress })
    }
}

impl fmt::Debug for HostStores {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HostStores").finish_non_exhaustive()
    }
}

impl ObjectStores for HostStores {
    fn store(&self, prefix: &str) -> QueryResult<Arc<dyn ObjectStore>> {
        let place = self.stores.resolve(&root_of(prefix));
        let place = place.map_err(|error| DataFusionError::External(error.into()))?;
        Ok(self.on_host(place.store))
    }
}

#[derive(Clone)]
struct HostStore {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    progress: Arc<TaskProgress>,
}

impl HostStore {
    async fn run<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
        &self,
        ask: impl FnOnce(Arc<dyn ObjectStore>) -> F,
    ) -> Result<T> {
        self.runtime.spawn(ask(Arc::clone(&self.store))).await?
    }

    /// A stream that is driven on the host's runtime, a little ahead of its reader.
    fn drive<T: Send + 'static>(&self, mut stream: BoxStream<'static, T>) -> BoxStream<'static, T> {
        let (sender, receiver) = mpsc::channel(STREAM_AHEAD);
        self.runtime.spawn(async move {
            while let Some(item) = stream.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        let receive = |mut receiver: mpsc::Receiver<T>| async move {
            receiver.recv().await.map(|item| (item, receiver))
        };
        futures::stream::unfold(receiver, receive).boxed()
    }

    fn count(&self, bytes: usize) {
        self.progress.input_bytes.fetch_add(bytes as u64, Relaxed);
    }
}

impl fmt::Debug for HostStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HostStore").field("store", &self.store).finish_non_exhaustive()
    }
}

impl fmt::Display for HostStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.store)
    }
}

#[async_trait]
impl ObjectStore for HostStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let location = location.clone();
        self.run(|store| async move { store.put_opts(&location, payload, options).await }).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let location = location.clone();
        let upload = self.run(|store| async move { store.put_multipart_opts(&location, options).await });
        Ok(Box::new(HostUpload { upload: Some(upload.await?), runtime: self.runtime.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        let mut got = self.run(|store| async move { store.get_opts(&location, options).await }).await?;
        self.count((got.range.end - got.range.start) as usize);
        got.payload = match got.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(self.drive(stream)),
            file => file,
        };
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (location, ranges) = (location.clone(), ranges.to_vec());
        let got = self.run(|store| async move { store.get_ranges(&location, &ranges).await }).await?;
        self.count(got.iter().map(Bytes::len).sum());
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.drive(self.store.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.drive(self.store.list(prefix))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned();
        self.run(|store| async move { store.list_with_delimiter(prefix.as_ref()).await }).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        self.run(|store| async move { store.copy_opts(&from, &to, options).await }).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        self.run(|store| async move { store.rename_opts(&from, &to, options).await }).await
    }
}

#[derive(Debug)]
struct HostUpload {
    /// None after an end that did not come.
    upload: Option<Box<dyn MultipartUpload>>,
    runtime: Handle,
}

impl HostUpload {
    fn gone() -> object_store::Error {
        object_store::Error::Generic { store: "host", source: "the upload was broken off".into() }
    }
}

#[async_trait]
impl MultipartUpload for HostUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(upload) = &mut self.upload else { return Box::pin(async { Err(HostUpload::gone()) }) };
        let inside = self.runtime.enter();
        let part = upload.put_part(data);
        drop(inside);
        let part = self.runtime.spawn(part);
        Box::pin(async move { part.await? })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let mut upload = self.upload.take().ok_or_else(HostUpload::gone)?;
        self.runtime.spawn(async move { upload.complete().await }).await?
    }

    async fn abort(&mut self) -> Result<()> {
        let mut upload = self.upload.take().ok_or_else(HostUpload::gone)?;
        self.runtime.spawn(async move { upload.abort().await }).await?
    }
}
