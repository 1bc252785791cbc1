//! `put`, `get`, `cp`, `moveFromLocal`, `moveToLocal`, `getmerge`: what is copied where. How bytes move is `transfer`'s.

use super::{
    error::{FsError, Reason},
    item::Item,
    shell::Shell,
    storage::{Found, local},
    transfer::{Copy, How, Transfer},
};
use std::io::stdin;

/// Where copies go: into a directory, or to this very name.
#[derive(Debug)]
pub struct Into {
    target: Item,
    is_directory: bool,
}

impl Into {
    pub fn for_source(&self, source: &Item) -> Item {
        if self.is_directory { self.target.child(source.name()) } else { self.target.clone() }
    }
}

/// Several sources need a directory; one may also name a new file, whose directory must be there.
pub async fn target_of(
    shell: &Shell,
    target: Item,
    sources: usize,
    overwrite: bool,
) -> Result<Into, FsError> {
    let is_directory = match shell.files.look(&target).await? {
        Some(status) if status.is_directory() => true,
        Some(_) if sources > 1 => return Err(target.error(Reason::NotDirectory)),
        Some(_) if !overwrite => return Err(target.error(Reason::Exists)),
        Some(_) => false,
        // A prefix of an object store becomes a directory by being written into.
        None if sources > 1 && shell.files.storage(&target)?.has_implied_directories() => true,
        None if sources > 1 => return Err(target.error(Reason::NotFound)),
        None => {
            parent_must_exist(shell, &target).await?;
            false
        }
    };
    Ok(Into { target, is_directory })
}

pub async fn parent_must_exist(shell: &Shell, item: &Item) -> Result<(), FsError> {
    let Some(parent) = item.parent() else { return Ok(()) };
    if shell.files.storage(item)?.has_implied_directories() {
        return Ok(());
    }
    match shell.files.look(&parent).await? {
        Some(status) if status.is_directory() => Ok(()),
        Some(_) => Err(parent.error(Reason::NotDirectory)),
        None => Err(item.error(Reason::NotFound)),
    }
}

fn how(shell: &Shell) -> How {
    How { overwrite: shell.has("f"), preserve: shell.has("p"), direct: shell.has("d") }
}

pub async fn put(shell: &Shell) -> Result<(), FsError> {
    put_then(shell, false).await
}

pub async fn move_from_local(shell: &Shell) -> Result<(), FsError> {
    put_then(shell, true).await
}

async fn put_then(shell: &Shell, remove_sources: bool) -> Result<(), FsError> {
    let mut sources = shell.words.paths.clone();
    let Some(target) = sources.pop() else { return Ok(()) };
    let target = shell.files.item(&target)?;
    let how = how(shell);
    if sources == ["-"] {
        return put_standard_input(shell, target, how).await;
    }
    let into = target_of(shell, target, sources.len(), how.overwrite).await?;
    let mut found = Vec::new();
    for source in &sources {
        match shell.files.expand_local(source).await {
            Ok(more) => found.extend(more),
            Err(error) => shell.fail(&error),
        }
    }
    copy_all(shell, found, &into, how, remove_sources).await
}

async fn put_standard_input(shell: &Shell, target: Item, how: How) -> Result<(), FsError> {
    match shell.files.look(&target).await? {
        Some(status) if status.is_directory() => return Err(target.error(Reason::IsDirectory)),
        Some(_) if !how.overwrite => return Err(target.error(Reason::Exists)),
        Some(_) => {}
        None => parent_must_exist(shell, &target).await?,
    }
    let contents = local::contents(stdin(), "-".to_owned());
    Transfer::new(shell, how).write(&target, contents).await
}

pub async fn get(shell: &Shell) -> Result<(), FsError> {
    get_then(shell, false).await
}

pub async fn move_to_local(shell: &Shell) -> Result<(), FsError> {
    get_then(shell, true).await
}

async fn get_then(shell: &Shell, remove_sources: bool) -> Result<(), FsError> {
    let mut sources = shell.words.paths.clone();
    let target = if sources.len() > 1 { sources.pop() } else { None };
    let target = Item::local(target.as_deref().unwrap_or("."))?;
    copy_named(shell, &sources, target, remove_sources).await
}

pub async fn cp(shell: &Shell) -> Result<(), FsError> {
    let mut sources = shell.words.paths.clone();
    let Some(target) = sources.pop() else { return Ok(()) };
    let target = shell.files.item(&target)?;
    copy_named(shell, &sources, target, false).await
}

async fn copy_named(
    shell: &Shell,
    sources: &[String],
    target: Item,
    remove_sources: bool,
) -> Result<(), FsError> {
    let how = how(shell);
    let mut found = Vec::new();
    for source in sources {
        match shell.files.expand(source).await {
            Ok(more) => found.extend(more),
            Err(error) => shell.fail(&error),
        }
    }
    let into = target_of(shell, target, found.len().max(sources.len()), how.overwrite).await?;
    copy_all(shell, found, &into, how, remove_sources).await
}

/// Directories first, then all files, several at a time.
async fn copy_all(
    shell: &Shell,
    sources: Vec<Found>,
    into: &Into,
    how: How,
    remove_sources: bool,
) -> Result<(), FsError> {
    let transfer = Transfer::new(shell, how);
    let mut copies = Vec::new();
    let mut tops = Vec::new();
    for found in sources {
        let to = into.for_source(&found.item);
        match plan_copy(shell, &found, &to, how).await {
            Ok(planned) => {
                copies.extend(planned);
                tops.push(found);
            }
            Err(error) => shell.fail(&error),
        }
    }
    let failed = transfer.copy(copies).await;
    if remove_sources {
        for top in tops.iter().filter(|top| !failed.iter().any(|failed| failed.is_within(&top.item))) {
            if let Err(error) = shell.files.storage(&top.item)?.delete(&top.item).await {
                shell.fail(&error);
            }
        }
    }
    Ok(())
}

/// Makes the directories of a copy and lists its files.
async fn plan_copy(shell: &Shell, from: &Found, to: &Item, how: How) -> Result<Vec<Copy>, FsError> {
    if to.is_within(&from.item) {
        let why = if *to == from.item { "are the same file" } else { "is a subdirectory of itself" };
        return Err(from.item.error(Reason::Told(format!("to `{}': {why}", to.shown))));
    }
    let mut copies = Vec::new();
    let mut open = vec![(from.clone(), to.clone())];
    while let Some((from, to)) = open.pop() {
        let there = shell.files.look(&to).await?;
        if !from.status.is_directory() {
            match there {
                Some(status) if status.is_directory() => return Err(to.error(Reason::IsDirectory)),
                Some(_) if !how.overwrite => {
                    shell.fail(&to.error(Reason::Exists));
                    continue;
                }
                _ => copies.push(Copy { from, to }),
            }
            continue;
        }
        match there {
            Some(status) if !status.is_directory() => return Err(to.error(Reason::NotDirectory)),
            Some(_) => {}
            None => shell.files.storage(&to)?.make_directories(&to).await?,
        }
        for child in shell.files.list(&from.item).await? {
            let to = to.child(child.item.name());
            open.push((child, to));
        }
    }
    Ok(copies)
}

/// Files of directories (not of those below), one after the other, into one local file.
pub async fn getmerge(shell: &Shell) -> Result<(), FsError> {
    let mut sources = shell.words.paths.clone();
    let Some(target) = sources.pop() else { return Ok(()) };
    let target = Item::local(&target)?;
    let mut files = Vec::new();
    for source in &sources {
        for found in shell.files.expand(source).await? {
            if found.status.is_directory() {
                let listed = shell.files.list(&found.item).await?;
                files.extend(listed.into_iter().filter(|child| !child.status.is_directory()));
            } else {
                files.push(found);
            }
        }
    }
    let between: &'static [u8] = if shell.has("nl") { b"\n" } else { b"" };
    if shell.has("skip-empty-file") {
        files.retain(|file| file.status.len_bytes > 0);
    }
    let how = How { overwrite: true, preserve: false, direct: false };
    Transfer::new(shell, how).write_all(&target, &files, between).await
}

/// Files are written once here.
pub async fn append_to_file(shell: &Shell) -> Result<(), FsError> {
    let target = shell.words.paths.last().cloned().unwrap_or_default();
    Err(FsError::new(
        &target,
        Reason::Unsupported(
            "a file is written once; put the new lines into a file of their own in the same directory",
        ),
    ))
}
