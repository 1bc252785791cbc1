//! The end of a job: its files become visible together, or every trace is removed. Both may be repeated at any point by
//! another attempt, and end the same.
//!
//! On the cluster one transaction of the namespace renames all files, makes `_SUCCESS` and removes `_temporary`: readers
//! see none of the output or all of it. On a local disk and on S3 files appear one after the other; `_SUCCESS` comes last.

use super::{
    SinkError,
    part::{PartToken, TEMPORARY},
    upload,
};
use crate::model::JobId;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use skep_hdfs::{
    FsPath,
    client::{Client, ClientError},
    protocol::namespace::{Change, Expect, NamespaceError, Transaction},
    stores::{Place, PlaceKind, Stores},
};
use std::{io, path::Path};

const SUCCESS: &str = "_SUCCESS";

/// Where a job writes, for its commit and abort tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputPlan {
    /// Directories, as the user gave them.
    pub directories: Vec<String>,
}

fn in_directory(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// Refuses directories that exist, before anything runs.
pub async fn check_absent(stores: &Stores, directories: &[String]) -> Result<(), SinkError> {
    for (index, directory) in directories.iter().enumerate() {
        let trimmed = directory.trim_end_matches('/');
        if trimmed.is_empty() || trimmed.ends_with(':') {
            let reason = "the root cannot be an output directory".to_owned();
            return Err(SinkError::BadOutput { path: directory.clone(), reason });
        }
        if directories[..index].iter().any(|other| other.trim_end_matches('/') == trimmed) {
            return Err(SinkError::SameOutput(directory.clone()));
        }
        if stores.exists(directory).await? {
            return Err(SinkError::OutputExists(directory.clone()));
        }
    }
    Ok(())
}

/// Makes the output visible: the files of the attempts that won.
pub async fn commit(stores: &Stores, plan: &OutputPlan, tokens: Vec<PartToken>) -> Result<(), SinkError> {
    let mut renames = Vec::new();
    for token in tokens {
        match token {
            PartToken::File { from, to } => renames.push((stores.resolve(&from)?, stores.resolve(&to)?)),
            PartToken::Upload(token) => upload::complete(stores, &token).await?,
        }
    }
    for (from, to) in &renames {
        if let (PlaceKind::Local(from), PlaceKind::Local(to)) = (&from.kind, &to.kind) {
            rename_local(from, to).map_err(|error| commit_error(&to.display().to_string(), &error))?;
        }
    }
    commit_cluster(stores, plan, &renames).await?;
    for directory in &plan.directories {
        let success = stores.resolve(&in_directory(directory, SUCCESS))?;
        match &success.kind {
            PlaceKind::Cluster(_) => {}
            PlaceKind::Local(path) => {
                finish_local(path).map_err(|error| commit_error(directory, &error))?;
            }
            PlaceKind::S3 { .. } => {
                let put = success.store.put(&success.path, PutPayload::new()).await;
                put.map_err(|error| commit_error(&success.text, &error))?;
            }
        }
    }
    Ok(())
}

fn commit_error(path: &str, error: &dyn std::error::Error) -> SinkError {
    SinkError::Commit { path: path.to_owned(), reason: error.to_string() }
}

/// A source that is gone although the target is there was renamed before.
fn rename_local(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && to.exists() => Ok(()),
        other => other,
    }
}

fn finish_local(success: &Path) -> io::Result<()> {
    let Some(directory) = success.parent() else { return Ok(()) };
    std::fs::create_dir_all(directory)?;
    let temporary = directory.join(TEMPORARY);
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary)?;
    }
    // The names of the files are durable before the mark that says so.
    std::fs::File::open(directory)?.sync_all()?;
    std::fs::File::create(success)?.sync_all()?;
    std::fs::File::open(directory)?.sync_all()
}

async fn commit_cluster(
    stores: &Stores,
    plan: &OutputPlan,
    renames: &[(Place, Place)],
) -> Result<(), SinkError> {
    let mut transaction = Transaction::default();
    let mut moved = Vec::new();
    for directory in &plan.directories {
        let PlaceKind::Cluster(path) = stores.resolve(directory)?.kind else { continue };
        transaction.changes.push(Change::MakeDirectories(path));
    }
    for (from, to) in renames {
        if let (PlaceKind::Cluster(from), PlaceKind::Cluster(to)) = (&from.kind, &to.kind) {
            moved.push((from.clone(), to.clone()));
            transaction.changes.push(Change::Rename { from: from.clone(), to: to.clone() });
        }
    }
    for directory in &plan.directories {
        let PlaceKind::Cluster(success) = stores.resolve(&in_directory(directory, SUCCESS))?.kind else {
            continue;
        };
        let PlaceKind::Cluster(temporary) = stores.resolve(&in_directory(directory, TEMPORARY))?.kind else {
            continue;
        };
        transaction.expect.push(Expect::Absent(success.clone()));
        transaction.changes.push(Change::CreateEmpty(success));
        transaction.changes.push(Change::Delete(temporary));
    }
    let Some(client) = stores.client().filter(|_| !transaction.changes.is_empty()) else { return Ok(()) };
    match client.transaction(transaction).await {
        Ok(()) => Ok(()),
        Err(ClientError::Namespace(NamespaceError::ExpectedAbsent(success))) => {
            committed_before(client, &success, &moved).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `_SUCCESS` is there: by an earlier attempt of this commit, if none of its files is where it was written. Otherwise
/// another job was faster.
async fn committed_before(
    client: &Client,
    success: &FsPath,
    moved: &[(FsPath, FsPath)],
) -> Result<(), SinkError> {
    for (from, to) in moved {
        let gone =
            matches!(client.status(from).await, Err(ClientError::Namespace(NamespaceError::NotFound(_))));
        if !gone || client.status(to).await.is_err() {
            return Err(SinkError::Overtaken(success.to_string()));
        }
    }
    Ok(())
}

/// Removes what a job that did not succeed left: the files of its attempts, and directories that are empty then.
pub async fn abort(
    stores: &Stores,
    plan: &OutputPlan,
    job: JobId,
    tokens: Vec<PartToken>,
) -> Result<(), SinkError> {
    for token in tokens {
        if let PartToken::Upload(token) = token {
            upload::abort(stores, &token).await?;
        }
    }
    for directory in &plan.directories {
        let place = stores.resolve(directory)?;
        match &place.kind {
            PlaceKind::Local(path) => {
                abort_local(path, job).map_err(|error| commit_error(directory, &error))?;
            }
            PlaceKind::Cluster(path) => abort_cluster(stores, path, job).await?,
            PlaceKind::S3 { .. } => {}
        }
    }
    Ok(())
}

fn abort_local(directory: &Path, job: JobId) -> io::Result<()> {
    let temporary = directory.join(TEMPORARY);
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    gone(std::fs::remove_dir_all(temporary.join(job.to_string())))?;
    for empty in [&temporary, &directory.to_path_buf()] {
        match gone(std::fs::remove_dir(empty)) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => break,
            other => other?,
        }
    }
    Ok(())
}

async fn abort_cluster(stores: &Stores, directory: &FsPath, job: JobId) -> Result<(), SinkError> {
    let Some(client) = stores.client() else { return Ok(()) };
    let joined =
        |path: &FsPath, name: &str| path.join(name).map_err(|error| commit_error(directory.as_str(), &error));
    let temporary = joined(directory, TEMPORARY)?;
    client.delete(&joined(&temporary, &job.to_string())?, true).await?;
    for empty in [&temporary, directory] {
        match client.delete(empty, false).await {
            Ok(_) => {}
            Err(ClientError::Namespace(NamespaceError::NotEmpty(_))) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
