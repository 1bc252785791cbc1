//! `mkdir`, `mv`, `rm`, `rmdir`: the shape of the tree.

use super::{
    copy::{parent_must_exist, target_of},
    error::{FsError, Reason},
    shell::Shell,
    storage::{Found, Storage},
};
use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

/// `rm -safely` asks above this many files, as `hadoop.shell.delete.limit.num.files` has it.
const SAFE_FILES: u64 = 100;

pub async fn mkdir(shell: &Shell) -> Result<(), FsError> {
    for path in &shell.words.paths {
        if let Err(error) = mkdir_one(shell, path).await {
            shell.fail(&error);
        }
    }
    Ok(())
}

async fn mkdir_one(shell: &Shell, path: &str) -> Result<(), FsError> {
    let item = shell.files.item(path)?;
    let storage = shell.files.storage(&item)?;
    match storage.look(&item).await? {
        Some(status) if !status.is_directory() => return Err(item.error(Reason::NotDirectory)),
        Some(_) if shell.has("p") => return Ok(()),
        Some(_) if storage.has_implied_directories() && item.is_root() => return Ok(()),
        Some(_) => return Err(item.error(Reason::Exists)),
        None => {}
    }
    if !shell.has("p") {
        parent_must_exist(shell, &item).await?;
    }
    storage.make_directories(&item).await
}

pub async fn mv(shell: &Shell) -> Result<(), FsError> {
    let mut sources = shell.words.paths.clone();
    let Some(target) = sources.pop() else { return Ok(()) };
    let target = shell.files.item(&target)?;
    let into = target_of(shell, target, sources.len(), false).await?;
    shell
        .each(&sources, async |Found { item, .. }| {
            let to = into.for_source(&item);
            if item.place != to.place {
                return Err(item.error(Reason::Told("Does not match target filesystem".to_owned())));
            }
            if to == item || shell.files.look(&to).await?.is_some() {
                return Err(to.error(Reason::Exists));
            }
            if to.is_within(&item) {
                return Err(item.error(Reason::Told("a directory cannot be moved into itself".to_owned())));
            }
            shell.files.storage(&item)?.rename(&item, &to, false).await
        })
        .await;
    Ok(())
}

pub async fn rm(shell: &Shell) -> Result<(), FsError> {
    let recursive = shell.has("r") || shell.has("R");
    for path in &shell.words.paths {
        let found = match shell.files.expand(path).await {
            Ok(found) => found,
            Err(error) if shell.has("f") && error.is_not_found() => continue,
            Err(error) => {
                shell.fail(&error);
                continue;
            }
        };
        for found in found {
            if let Err(error) = rm_one(shell, found, recursive).await {
                shell.fail(&error);
            }
        }
    }
    Ok(())
}

async fn rm_one(shell: &Shell, found: Found, recursive: bool) -> Result<(), FsError> {
    let Found { item, status } = found;
    if status.is_directory() && !recursive {
        return Err(item.error(Reason::IsDirectory));
    }
    if item.is_root() {
        return Err(item.error(Reason::Told("the root directory cannot be deleted".to_owned())));
    }
    let storage = shell.files.storage(&item)?;
    if shell.has("safely") && status.is_directory() && !is_confirmed(storage.as_ref(), &item).await? {
        return Err(item.error(Reason::Told("Delete aborted at user request.".to_owned())));
    }
    match storage.delete(&item).await {
        // Somebody else was faster.
        Err(error) if error.is_not_found() && shell.has("f") => Ok(()),
        Err(error) => Err(error),
        Ok(()) => shell.line(&format!("Deleted {}", item.shown)),
    }
}

async fn is_confirmed(storage: &dyn Storage, item: &super::item::Item) -> Result<bool, FsError> {
    let files = storage.totals(item).await?.files;
    if files <= SAFE_FILES {
        return Ok(true);
    }
    if !stdin().is_terminal() {
        tracing::info!("the answer is read from standard input");
    }
    let _ = write!(stderr(), "Proceed deleting {files} files? (Y or N) ");
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(|error| FsError::from_io(&item.shown, error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

pub async fn rmdir(shell: &Shell) -> Result<(), FsError> {
    shell
        .each(&shell.words.paths, async |Found { item, status }| {
            if !status.is_directory() {
                return Err(item.error(Reason::NotDirectory));
            }
            if !shell.files.list(&item).await?.is_empty() {
                if shell.has("-ignore-fail-on-non-empty") {
                    return Ok(());
                }
                return Err(item.error(Reason::NotEmpty));
            }
            shell.files.storage(&item)?.delete_empty(&item).await
        })
        .await;
    Ok(())
}
