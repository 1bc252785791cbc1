//! INSERT OVERWRITE DIRECTORY: files that no catalog knows of.
//!
//! They are written to a private folder below the directory and put into place when all are whole; what was there before is
//! deleted last. A kill between leaves old files beside new ones: a directory has no transactions.

use super::{Outcome, TaskAttempt, WriteDescription, WriteError, WriteTable, folders::Folders};
use crate::{
    catalog::StorageDescriptor,
    ddl::DdlContext,
    formats::{FileFormat, StorageWords},
    types::HiveType,
};
use datafusion::{common::Result as QueryResult, execution::SendableRecordBatchStream};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};
use std::{collections::BTreeSet, sync::Arc};

pub struct DirectoryWrite {
    description: WriteDescription,
    store: Arc<dyn ObjectStore>,
    directory: Path,
    /// As the statement names it.
    text: String,
}

impl DirectoryWrite {
    /// `local`: on the machine of this process. `number` is this statement's alone.
    pub fn new(
        context: &DdlContext<'_>,
        path: &str,
        local: bool,
        storage: &StorageDescriptor,
        columns: &[(String, HiveType)],
        number: u64,
    ) -> Result<DirectoryWrite, WriteError> {
        let (store, directory): (Arc<dyn ObjectStore>, Path) = if local {
            let failed = |source| WriteError::File { doing: "writing", path: path.to_owned(), source };
            let plain = path.strip_prefix("file:").unwrap_or(path);
            let absolute = std::path::absolute(plain).map_err(failed)?;
            let found =
                Path::from_absolute_path(&absolute).map_err(|error| failed(std::io::Error::other(error)))?;
            (Arc::new(LocalFileSystem::new().with_automatic_cleanup(true)), found)
        } else {
            context.stores.resolve(path)?
        };
        let properties = crate::catalog::PropertyMap::new();
        let words = StorageWords {
            input_format: &storage.input_format,
            output_format: &storage.output_format,
            serde: &storage.serde,
            serde_properties: &storage.serde_properties,
            table_properties: &properties,
        };
        let format = FileFormat::new(words, columns)?;
        let root = format!("{directory}/.skep-{number}");
        let description = WriteDescription {
            write: number,
            prefix: super::stored::prefix(path, directory.as_ref()),
            root,
            storage: format.definition().0.clone(),
            columns: columns.to_vec(),
            keys: Vec::new(),
            elsewhere: Default::default(),
            buckets: None,
            sorted_by: Vec::new(),
            compression: super::target::compression(context),
            is_plain: true,
            counts_columns: false,
        };
        Ok(DirectoryWrite { description, store, directory, text: path.to_owned() })
    }

    pub fn description(&self) -> &WriteDescription {
        &self.description
    }

    /// What the planner inserts into.
    pub fn table(&self) -> Result<Arc<WriteTable>, WriteError> {
        let format = self.description.format()?;
        Ok(Arc::new(WriteTable::new(self.description.clone(), format, self.store.clone())))
    }

    /// Writes rows in this process.
    pub async fn write(&self, mut rows: SendableRecordBatchStream) -> QueryResult<Outcome> {
        let format = Arc::new(self.description.format()?);
        let description = Arc::new(self.description.clone());
        let mut folders =
            Folders::new(description, format, self.store.clone(), TaskAttempt { task: 0, attempt: 0 })?;
        while let Some(batch) = rows.try_next().await? {
            if batch.num_rows() > 0 {
                folders.write(&batch).await?;
            }
        }
        Ok(Outcome { folders: folders.close().await?.amounts, ..Outcome::default() })
    }

    /// Puts the files into place.
    pub async fn publish(&self) -> Result<(), WriteError> {
        let staging = Path::parse(&self.description.root).unwrap_or_else(|_| self.directory.clone());
        let (new, old): (Vec<ObjectMeta>, Vec<ObjectMeta>) =
            self.list().await?.into_iter().partition(|file| file.location.prefix_matches(&staging));
        let mut kept = BTreeSet::new();
        for file in &new {
            let Some(name) = file.location.filename() else { continue };
            let place = self.directory.clone().join(name);
            self.store.rename(&file.location, &place).await.map_err(|source| self.failed(source))?;
            kept.insert(place);
        }
        for file in old.iter().filter(|file| !kept.contains(&file.location)) {
            match self.store.delete(&file.location).await {
                Err(object_store::Error::NotFound { .. }) => {}
                done => done.map_err(|source| self.failed(source))?,
            }
        }
        Ok(())
    }

    /// Deletes what was written so far.
    pub async fn abandon(&self) -> Result<(), WriteError> {
        let staging = Path::parse(&self.description.root).unwrap_or_else(|_| self.directory.clone());
        for file in self.list().await?.iter().filter(|file| file.location.prefix_matches(&staging)) {
            self.store.delete(&file.location).await.map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ObjectMeta>, WriteError> {
        let listed = self.store.list(Some(&self.directory)).try_collect().await;
        listed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: object_store::Error) -> WriteError {
        WriteError::Store { doing: "writing", location: self.text.clone(), source }
    }
}
