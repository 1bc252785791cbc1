//! Output to S3, which cannot rename: the attempt uploads the parts of a multipart upload to the final key, and the commit
//! completes it. Until then no reader sees anything. Completing twice is harmless.

use super::SinkError;
use object_store::{
    ObjectStoreExt, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    multipart::{MultipartStore, PartId},
    path::Path,
};
use serde::{Deserialize, Serialize};
use skep_hdfs::stores::{PlaceKind, Stores};

/// An upload whose parts are all there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadToken {
    /// The final key, as the user would write it.
    pub to: String,
    pub upload: String,
    pub parts: Vec<String>,
}

pub(super) struct Upload {
    to: String,
    store: AmazonS3,
    key: Path,
    upload: String,
    parts: Vec<PartId>,
}

/// Endpoint, region and credentials come from the usual variables, as everywhere.
fn bucket_store(path: &str, bucket: &str) -> Result<AmazonS3, SinkError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let endpoint = std::env::var("AWS_ENDPOINT_URL_S3").or_else(|_| std::env::var("AWS_ENDPOINT_URL"));
    if let Ok(endpoint) = endpoint {
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    builder.build().map_err(|error| upload_error(path, &error))
}

fn upload_error(path: &str, error: &object_store::Error) -> SinkError {
    SinkError::Write { path: path.to_owned(), reason: error.to_string() }
}

fn open(stores: &Stores, path: &str) -> Result<(AmazonS3, Path), SinkError> {
    let place = stores.resolve(path)?;
    match &place.kind {
        PlaceKind::S3 { bucket } => Ok((bucket_store(path, bucket)?, place.path)),
        _ => Err(SinkError::Write { path: path.to_owned(), reason: "it is not on S3".to_owned() }),
    }
}

impl Upload {
    pub async fn begin(stores: &Stores, to: &str) -> Result<Upload, SinkError> {
        let (store, key) = open(stores, to)?;
        let upload = store.create_multipart(&key).await.map_err(|error| upload_error(to, &error))?;
        Ok(Upload { to: to.to_owned(), store, key, upload, parts: Vec::new() })
    }

    pub fn path(&self) -> &str {
        &self.to
    }

    pub async fn put(&mut self, bytes: Vec<u8>) -> Result<(), SinkError> {
        let payload = PutPayload::from(bytes);
        let part = self.store.put_part(&self.key, &self.upload, self.parts.len(), payload).await;
        self.parts.push(part.map_err(|error| upload_error(&self.to, &error))?);
        Ok(())
    }

    /// An upload needs a part, also when there is nothing in it.
    pub async fn end(&mut self) -> Result<(), SinkError> {
        if self.parts.is_empty() { self.put(Vec::new()).await } else { Ok(()) }
    }

    pub fn token(self) -> UploadToken {
        let parts = self.parts.into_iter().map(|part| part.content_id).collect();
        UploadToken { to: self.to, upload: self.upload, parts }
    }

    pub async fn abort(&mut self) {
        if let Err(error) = self.store.abort_multipart(&self.key, &self.upload).await {
            tracing::warn!(path = self.to, upload = self.upload, %error, "an upload is left behind");
        }
    }
}

/// Makes the object appear. An upload that is gone although the object is there was completed before.
pub(super) async fn complete(stores: &Stores, token: &UploadToken) -> Result<(), SinkError> {
    let (store, key) = open(stores, &token.to)?;
    let parts = token.parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
    match store.complete_multipart(&key, &token.upload, parts).await {
        Ok(_) => Ok(()),
        Err(error) => match store.head(&key).await {
            Ok(_) => Ok(()),
            Err(_) => Err(SinkError::Commit { path: token.to.clone(), reason: error.to_string() }),
        },
    }
}

/// Gives an upload up. One that is gone already is no error.
pub(super) async fn abort(stores: &Stores, token: &UploadToken) -> Result<(), SinkError> {
    let (store, key) = open(stores, &token.to)?;
    match store.abort_multipart(&key, &token.upload).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(SinkError::Commit { path: token.to.clone(), reason: error.to_string() }),
    }
}
