//! The cluster's files as an [`ObjectStore`].
//!
//! An object is a closed file. What is put becomes visible whole, by a rename at its end: see [`super::upload`]. A rename
//! is one journal record. Empty directories show as common prefixes, as a file system's do. An object's e-tag is its file
//! id: it changes whenever the object is put anew.

use super::upload::{self, ClusterUpload, Target};
use crate::{
    FsPath,
    client::{Client, ClientError, FileReader},
    limits::{OBJECT_READ_AHEAD, OBJECT_READ_BYTES},
    path::PathError,
    protocol::namespace::{
        Change, Expect, FileKind, FileStatus, NamespaceError, Operation, Reply, Transaction,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, RenameTargetMode, Result, path::Path,
};
use std::{fmt, ops::Range, sync::Arc};

pub(super) const STORE: &str = "hdfs";

/// The cluster's [`ObjectStore`].
#[derive(Clone)]
pub struct ClusterStore {
    client: Client,
}

impl fmt::Debug for ClusterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterStore({})", self.client.options().master)
    }
}

impl fmt::Display for ClusterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hdfs://{}/", self.client.options().master)
    }
}

impl ClusterStore {
    pub fn new(client: Client) -> ClusterStore {
        ClusterStore { client }
    }

    async fn object(&self, location: &Path) -> Result<ObjectMeta> {
        let path = fs_path(location)?;
        let status = self.client.status(&path).await.map_err(|error| store_error(location, error))?;
        if !is_object(&status) {
            return Err(not_found(location, "it is a directory, or is being written"));
        }
        meta(&status)
    }

    async fn open(&self, location: &Path) -> Result<FileReader> {
        let path = fs_path(location)?;
        let reader = self.client.open(&path).await.map_err(|error| match error {
            ClientError::Namespace(NamespaceError::IsDirectory(_)) => {
                not_found(location, "it is a directory")
            }
            error => store_error(location, error),
        })?;
        match is_object(reader.status()) {
            true => Ok(reader),
            false => Err(not_found(location, "it is a directory, or is being written")),
        }
    }

    /// Moves a file into place in one step, with the directories above it.
    pub(super) async fn place(
        client: &Client,
        from: &FsPath,
        to: &FsPath,
        target: Target,
    ) -> Result<(), ClientError> {
        let expect = match target {
            Target::Replace => Vec::new(),
            Target::Create => vec![Expect::Absent(to.clone())],
        };
        let mut changes: Vec<Change> = to.parent().map(Change::MakeDirectories).into_iter().collect();
        changes.push(Change::Rename { from: from.clone(), to: to.clone() });
        client.transaction(Transaction { expect, changes }).await
    }

    async fn delete_one(&self, location: Path) -> Result<Path> {
        self.object(&location).await?;
        let path = fs_path(&location)?;
        match self.client.delete(&path, false).await {
            Ok(true) => Ok(location),
            Ok(false) => Err(not_found(&location, "nothing is there")),
            Err(error) => Err(store_error(&location, error)),
        }
    }

    /// One page of everything below a directory.
    async fn page(&self, path: &FsPath, after: Option<FsPath>) -> Result<(Vec<FileStatus>, bool)> {
        let call = self.client.call(Operation::ListTree { path: path.clone(), after });
        match call.await {
            Ok(Reply::Listing { entries, more }) => Ok((entries, more)),
            Ok(other) => Err(generic(ClientError::Protocol(other.name()))),
            Err(error) if is_nothing(&error) => Ok((Vec::new(), false)),
            Err(error) => Err(generic(error)),
        }
    }
}

#[async_trait]
impl ObjectStore for ClusterStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        refuse_attributes(&options.attributes)?;
        let target = match options.mode {
            PutMode::Overwrite => Target::Replace,
            PutMode::Create => Target::Create,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "put with PutMode::Update".to_owned(),
                    implementer: self.to_string(),
                });
            }
        };
        let path = fs_path(location)?;
        let pieces = stream::iter(payload).map(Ok::<_, ClientError>);
        let placed = upload::put(&self.client, &path, target, pieces).await;
        placed.map(|status| put_result(&status)).map_err(|error| match error {
            upload::PutError::Client(error) | upload::PutError::Source(error) => store_error(location, error),
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        refuse_attributes(&options.attributes)?;
        let upload = ClusterUpload::start(&self.client, location.clone(), fs_path(location)?).await;
        Ok(Box::new(upload.map_err(|error| store_error(location, error))?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.version.is_some() {
            return Err(Error::NotImplemented {
                operation: "get of a version".to_owned(),
                implementer: self.to_string(),
            });
        }
        if options.head {
            let meta = self.object(location).await?;
            options.check_preconditions(&meta)?;
            let payload = GetResultPayload::Stream(stream::empty().boxed());
            return Ok(GetResult { payload, range: 0..meta.size, meta, attributes: Attributes::new() });
        }
        let reader = self.open(location).await?;
        let meta = meta(reader.status())?;
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => range.as_range(meta.size).map_err(generic)?,
            None => 0..meta.size,
        };
        let bytes = read_ahead(reader, range.clone(), location.clone());
        let payload = GetResultPayload::Stream(bytes.boxed());
        Ok(GetResult { payload, range, meta, attributes: Attributes::new() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let reader = &self.open(location).await?;
        let reads = ranges.iter().map(|range| async move {
            if range.start >= range.end || range.start >= reader.len_bytes() {
                let len_bytes = reader.len_bytes();
                return Err(generic(ClientError::OutOfRange {
                    path: reader.status().path.clone(),
                    start: range.start,
                    len_bytes,
                }));
            }
            reader.read(range.clone()).await.map_err(|error| store_error(location, error))
        });
        // Built before it is polled: a lazily mapped stream of borrowing futures is not general enough to be sent.
        let reads: Vec<_> = reads.collect();
        stream::iter(reads).buffered(OBJECT_READ_AHEAD).try_collect().await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .map(move |location| {
                let store = store.clone();
                async move { store.delete_one(location?).await }
            })
            .buffered(OBJECT_READ_AHEAD)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let path = match prefix.map_or_else(|| Ok(FsPath::root()), fs_path) {
            Ok(path) => path,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let start = Some((self.clone(), path, None::<FsPath>));
        let pages = stream::try_unfold(start, |state| async move {
            let Some((store, path, after)) = state else { return Ok::<_, Error>(None) };
            let (entries, more) = store.page(&path, after).await?;
            let last = entries.last().map(|last| last.path.clone());
            // An object does not lie below itself.
            let below = entries.into_iter().filter(|entry| entry.path != path && is_listed(entry));
            let metas: Vec<Result<ObjectMeta>> = below.map(|entry| meta(&entry)).collect();
            let next = last.filter(|_| more).map(|last| (store, path, Some(last)));
            Ok(Some((stream::iter(metas), next)))
        });
        pages.try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.map_or_else(|| Ok(FsPath::root()), fs_path)?;
        let entries = match self.client.list(&path).await {
            Ok(entries) => entries,
            Err(error) if is_nothing(&error) => Vec::new(),
            Err(error) => return Err(generic(error)),
        };
        let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
        for entry in entries.iter().filter(|entry| entry.path != path) {
            match entry.kind {
                FileKind::Directory if !upload::is_own_directory(&entry.path) => {
                    result.common_prefixes.push(object_path(&entry.path)?);
                }
                FileKind::File if is_listed(entry) => result.objects.push(meta(entry)?),
                _ => {}
            }
        }
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let target = match options.mode {
            CopyMode::Overwrite => Target::Replace,
            CopyMode::Create => Target::Create,
        };
        let reader = self.open(from).await?;
        let len_bytes = reader.len_bytes();
        let bytes = read_ahead(reader, 0..len_bytes, from.clone());
        let placed = upload::put(&self.client, &fs_path(to)?, target, bytes).await;
        placed.map(|_| ()).map_err(|error| match error {
            upload::PutError::Source(error) => error,
            upload::PutError::Client(error) => store_error(to, error),
        })
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let target = match options.target_mode {
            RenameTargetMode::Overwrite => Target::Replace,
            RenameTargetMode::Create => Target::Create,
        };
        self.object(from).await?;
        let placed = ClusterStore::place(&self.client, &fs_path(from)?, &fs_path(to)?, target).await;
        placed.map_err(|error| store_error(to, error))
    }
}

/// The bytes of a range in order, a few reads ahead of who takes them.
fn read_ahead(
    reader: FileReader,
    range: Range<u64>,
    location: Path,
) -> impl futures::Stream<Item = Result<Bytes>> + Send {
    let reader = Arc::new(reader);
    stream::iter(pieces(range))
        .map(move |piece| {
            let (reader, location) = (reader.clone(), location.clone());
            async move { reader.read(piece).await.map_err(|error| store_error(&location, error)) }
        })
        .buffered(OBJECT_READ_AHEAD)
}

fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range.step_by(OBJECT_READ_BYTES as usize).map(move |start| start..end.min(start + OBJECT_READ_BYTES))
}

fn is_object(status: &FileStatus) -> bool {
    status.kind == FileKind::File && !status.open
}

/// Uploads under way are not objects yet.
fn is_listed(status: &FileStatus) -> bool {
    is_object(status) && !upload::is_own(&status.path)
}

fn meta(status: &FileStatus) -> Result<ObjectMeta> {
    let modified = i64::try_from(status.modified_ms).unwrap_or(i64::MAX);
    Ok(ObjectMeta {
        location: object_path(&status.path)?,
        last_modified: DateTime::from_timestamp_millis(modified).unwrap_or_default(),
        size: status.len_bytes,
        e_tag: Some(e_tag(status)),
        version: None,
    })
}

pub(super) fn put_result(status: &FileStatus) -> PutResult {
    PutResult { e_tag: Some(e_tag(status)), version: None }
}

fn e_tag(status: &FileStatus) -> String {
    format!("\"{}\"", status.id.0)
}

pub(super) fn object_path(path: &FsPath) -> Result<Path, object_store::path::Error> {
    Path::parse(path.as_str())
}

fn fs_path(path: &Path) -> Result<FsPath> {
    format!("/{path}").parse().map_err(|error: PathError| generic(error))
}

fn refuse_attributes(attributes: &Attributes) -> Result<()> {
    match attributes.is_empty() {
        true => Ok(()),
        false => Err(Error::NotImplemented {
            operation: "attributes of objects".to_owned(),
            implementer: STORE.to_owned(),
        }),
    }
}

fn is_nothing(error: &ClientError) -> bool {
    matches!(error, ClientError::Namespace(NamespaceError::NotFound(_) | NamespaceError::NotDirectory(_)))
}

fn not_found(location: &Path, reason: &str) -> Error {
    Error::NotFound { path: location.to_string(), source: reason.into() }
}

fn generic(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: STORE, source: Box::new(error) }
}

pub(super) fn store_error(location: &Path, error: ClientError) -> Error {
    let path = location.to_string();
    match error {
        ClientError::Namespace(
            refusal @ (NamespaceError::NotFound(_)
            | NamespaceError::NotDirectory(_)
            | NamespaceError::ExpectedPresent(_)),
        ) => Error::NotFound { path, source: Box::new(refusal) },
        ClientError::Namespace(refusal @ (NamespaceError::Exists(_) | NamespaceError::ExpectedAbsent(_))) => {
            Error::AlreadyExists { path, source: Box::new(refusal) }
        }
        error => generic(error),
    }
}
