//! Output to S3, which cannot rename: the attempt uploads the parts of a multipart upload to the final key, and the commit
//! completes it. Until then no reader sees anything. Completing twice is harmless.

use super::SinkError;
use object_store::{
    MultipartId, ObjectStoreExt, PutPayload,
    multipart::{MultipartStore, PartId},
};
use serde::{Deserialize, Serialize};
use skep_hdfs::stores::{Place, Stores};
use std::sync::Arc;

/// An upload whose parts are all there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadToken {
    /// The final key, as the user would write it.
    pub to: String,
    pub upload: String,
    pub parts: Vec<String>,
}

pub(super) struct Upload {
    target: Target,
    upload: MultipartId,
    parts: Vec<PartId>,
}

/// A key of a store that can be uploaded to in parts.
struct Target {
    place: Place,
    parts: Arc<dyn MultipartStore>,
}

fn open(stores: &Stores, path: &str) -> Result<Target, SinkError> {
    let place = stores.resolve(path)?;
    match place.multipart() {
        Some(parts) => Ok(Target { place, parts }),
        None => Err(SinkError::Write { path: path.to_owned(), reason: "it is not on S3".to_owned() }),
    }
}

fn upload_error(path: &str, error: &object_store::Error) -> SinkError {
    SinkError::Write { path: path.to_owned(), reason: error.to_string() }
}

impl Upload {
    pub async fn begin(stores: &Stores, to: &str) -> Result<Upload, SinkError> {
        let target = open(stores, to)?;
        let upload = target.parts.create_multipart(&target.place.path).await;
        Ok(Upload { upload: upload.map_err(|error| upload_error(to, &error))?, target, parts: Vec::new() })
    }

    pub fn path(&self) -> &str {
        &self.target.place.text
    }

    pub async fn put(&mut self, bytes: Vec<u8>) -> Result<(), SinkError> {
        let Target { place, parts } = &self.target;
        let part = parts.put_part(&place.path, &self.upload, self.parts.len(), PutPayload::from(bytes)).await;
        self.parts.push(part.map_err(|error| upload_error(&place.text, &error))?);
        Ok(())
    }

    /// An upload needs a part, also when there is nothing in it.
    pub async fn end(&mut self) -> Result<(), SinkError> {
        if self.parts.is_empty() { self.put(Vec::new()).await } else { Ok(()) }
    }

    pub fn token(self) -> UploadToken {
        let parts = self.parts.into_iter().map(|part| part.content_id).collect();
        UploadToken { to: self.target.place.text, upload: self.upload, parts }
    }

    pub async fn abort(&mut self) {
        let Target { place, parts } = &self.target;
        if let Err(error) = parts.abort_multipart(&place.path, &self.upload).await {
            tracing::warn!(path = place.text, upload = self.upload, %error, "an upload is left behind");
        }
    }
}

/// Makes the object appear. An upload that is gone although the object is there was completed before.
pub(super) async fn complete(stores: &Stores, token: &UploadToken) -> Result<(), SinkError> {
    let Target { place, parts: store } = open(stores, &token.to)?;
    let parts = token.parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
    match store.complete_multipart(&place.path, &token.upload, parts).await {
        Ok(_) => Ok(()),
        Err(error) => match place.store.head(&place.path).await {
            Ok(_) => Ok(()),
            Err(_) => Err(SinkError::Commit { path: token.to.clone(), reason: error.to_string() }),
        },
    }
}

/// Gives an upload up. One that is gone already is no error.
pub(super) async fn abort(stores: &Stores, token: &UploadToken) -> Result<(), SinkError> {
    let Target { place, parts: store } = open(stores, &token.to)?;
    match store.abort_multipart(&place.path, &token.upload).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(SinkError::Commit { path: token.to.clone(), reason: error.to_string() }),
    }
}
