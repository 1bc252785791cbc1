//! Moving bytes from file to file, several files at a time. A file appears under its name when it is complete: it is
//! written as `NAME._COPYING_` and renamed.

use super::{
    error::{FsError, Reason},
    item::Item,
    shell::Shell,
    storage::{Attribute, Contents, Found, Writing},
};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    cell::RefCell,
    io::{IsTerminal, stderr},
};

const COPYING: &str = "._COPYING_";
const FILES_AT_ONCE: usize = 8;
/// Less than this is copied before a bar could be read.
const BAR_FROM_BYTES: u64 = 64 << 20;
const BAR: &str = "{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";

#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Replaces files that are there.
    pub overwrite: bool,
    /// Keeps mode, owner and times.
    pub preserve: bool,
    /// Writes under the final name at once.
    pub direct: bool,
}

#[derive(Debug, Clone)]
pub struct Copy {
    pub from: Found,
    pub to: Item,
}

pub struct Transfer<'a> {
    shell: &'a Shell,
    how: How,
    bar: ProgressBar,
}

impl<'a> Transfer<'a> {
    pub fn new(shell: &'a Shell, how: How) -> Transfer<'a> {
        Transfer { shell, how, bar: ProgressBar::hidden() }
    }

    /// Tells failures one by one and returns the sources that were not copied.
    pub async fn copy(mut self, copies: Vec<Copy>) -> Vec<Item> {
        self.bar = bar(copies.iter().map(|copy| copy.from.status.len_bytes).sum());
        let failed = RefCell::new(Vec::new());
        let work = stream::iter(copies).for_each_concurrent(FILES_AT_ONCE, async |copy| {
            if let Err(error) = self.copy_file(&copy).await {
                self.bar.suspend(|| self.shell.fail(&error));
                failed.borrow_mut().push(copy.from.item);
            }
        });
        work.await;
        self.bar.finish_and_clear();
        failed.into_inner()
    }

    async fn copy_file(&self, copy: &Copy) -> Result<(), FsError> {
        let Copy { from, to } = copy;
        let contents = self.shell.files.storage(&from.item)?.read(&from.item, 0, u64::MAX).await?;
        self.write(to, contents).await?;
        if self.how.preserve {
            self.keep_attributes(copy).await?;
        }
        Ok(())
    }

    /// Names of this machine's users mean something in the cluster, and not the other way round.
    async fn keep_attributes(&self, Copy { from, to }: &Copy) -> Result<(), FsError> {
        let storage = self.shell.files.storage(to)?;
        let status = &from.status;
        storage.set(to, Attribute::Mode(status.mode)).await?;
        if to.place == super::item::Place::Cluster {
            let owner =
                Attribute::Owner { owner: Some(status.owner.clone()), group: Some(status.group.clone()) };
            storage.set(to, owner).await?;
        }
        let times =
            Attribute::Times { modified_ms: Some(status.modified_ms), accessed_ms: Some(status.accessed_ms) };
        storage.set(to, times).await
    }

    /// One file from a stream of bytes.
    pub async fn write(&self, to: &Item, contents: Contents) -> Result<(), FsError> {
        self.write_parts(to, stream::once(async { Ok((contents, &b""[..])) }).boxed_local()).await
    }

    /// One file from several, each followed by `after`.
    pub async fn write_all(
        mut self,
        to: &Item,
        files: &[Found],
        after: &'static [u8],
    ) -> Result<(), FsError> {
        self.bar = bar(files.iter().map(|file| file.status.len_bytes).sum());
        let parts = stream::iter(files).then(async |file| {
            let contents = self.shell.files.storage(&file.item)?.read(&file.item, 0, u64::MAX).await?;
            Ok((contents, after))
        });
        let written = self.write_parts(to, parts.boxed_local()).await;
        self.bar.finish_and_clear();
        written
    }

    async fn write_parts(&self, to: &Item, parts: Parts<'_>) -> Result<(), FsError> {
        let storage = self.shell.files.storage(to)?;
        let is_direct = self.how.direct || !storage.needs_temporary_name();
        let name = if is_direct { to.clone() } else { to.with_ending(COPYING) };
        self.shell.begin_unfinished(&name);
        let mut writer = storage.create(&name).await.map_err(|error| about(to, error))?;
        let result = match self.pump(writer.as_mut(), parts).await {
            Ok(()) => writer.finish().await,
            Err(error) => {
                writer.abandon().await;
                Err(error)
            }
        };
        let result = match result {
            Ok(()) if !is_direct => storage.rename(&name, to, self.how.overwrite).await,
            other => other,
        };
        if result.is_err() && !is_direct {
            // Gone already if it was abandoned.
            let _ = storage.delete(&name).await;
        }
        self.shell.end_unfinished(&name);
        result.map_err(|error| if error.shown == name.shown { about(to, error) } else { error })
    }

    async fn pump(&self, writer: &mut dyn Writing, mut parts: Parts<'_>) -> Result<(), FsError> {
        while let Some((mut contents, after)) = parts.try_next().await? {
            while let Some(piece) = contents.try_next().await? {
                writer.write(&piece).await?;
                self.bar.inc(piece.len() as u64);
            }
            if !after.is_empty() {
                writer.write(after).await?;
            }
        }
        Ok(())
    }
}

type Parts<'a> = stream::LocalBoxStream<'a, Result<(Contents, &'static [u8]), FsError>>;

/// The user knows the final name, not the temporary one.
fn about(item: &Item, error: FsError) -> FsError {
    let reason: Reason = error.reason;
    FsError { shown: item.shown.clone(), reason }
}

fn bar(total_bytes: u64) -> ProgressBar {
    if total_bytes < BAR_FROM_BYTES || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total_bytes);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
