//! `chmod`, `chown`, `chgrp`, `touch`, `touchz`, `setrep`, `stat`, `test`: what is known about a file.

use super::{
    error::{FsError, Reason},
    modes::{self, ModeChange},
    shell::Shell,
    storage::{Attribute, Found, Status},
    words::UsageError,
};
use chrono::{DateTime, Local, NaiveDateTime, TimeZone, Utc};
use std::time::Duration;

/// How often `setrep -w` looks.
const REPLICAS_LOOK_EVERY: Duration = Duration::from_millis(500);
const REPLICATION_MAX: u16 = skep_hdfs::limits::REPLICATION_MAX;

/// Splits `MODE PATH...` and the like.
fn first_and_rest(shell: &Shell) -> (String, Vec<String>) {
    let mut words = shell.words.paths.clone();
    let first = words.remove(0);
    (first, words)
}

/// The thing itself, or with `-R` everything below it too.
async fn itself_or_all(shell: &Shell, found: Found) -> Result<Vec<Found>, FsError> {
    if shell.has("R") { shell.files.tree(found).await } else { Ok(vec![found]) }
}

pub async fn chmod(shell: &Shell) -> Result<(), FsError> {
    let (mode, paths) = first_and_rest(shell);
    let change = ModeChange::parse(&mode).map_err(|error| FsError::told(&mode, error.to_string()))?;
    shell
        .each(&paths, async |found| {
            for found in itself_or_all(shell, found).await? {
                let mode = change.apply(found.status.mode, found.status.is_directory());
                shell.files.storage(&found.item)?.set(&found.item, Attribute::Mode(mode)).await?;
            }
            Ok(())
        })
        .await;
    Ok(())
}

/// `OWNER`, `OWNER:GROUP`, `:GROUP`.
fn parse_owner(text: &str) -> (Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match text.split_once(':') {
        Some((owner, group)) => (some(owner), some(group)),
        None => (some(text), None),
    }
}

pub async fn chown(shell: &Shell) -> Result<(), FsError> {
    let (text, paths) = first_and_rest(shell);
    let (owner, group) = parse_owner(&text);
    change_owner(shell, &paths, Attribute::Owner { owner, group }).await
}

pub async fn chgrp(shell: &Shell) -> Result<(), FsError> {
    let (group, paths) = first_and_rest(shell);
    change_owner(shell, &paths, Attribute::Owner { owner: None, group: Some(group) }).await
}

async fn change_owner(shell: &Shell, paths: &[String], attribute: Attribute) -> Result<(), FsError> {
    shell
        .each(paths, async |found| {
            for found in itself_or_all(shell, found).await? {
                shell.files.storage(&found.item)?.set(&found.item, attribute.clone()).await?;
            }
            Ok(())
        })
        .await;
    Ok(())
}

/// `20260131:120000` in local time.
fn parse_touch_time(text: &str) -> Option<u64> {
    let time = NaiveDateTime::parse_from_str(text, "%Y%m%d:%H%M%S").ok()?;
    u64::try_from(Local.from_local_datetime(&time).earliest()?.timestamp_millis()).ok()
}

/// `touch`: times of what is there, an empty file where nothing is (unless `-c`).
pub async fn touch(shell: &Shell) -> Result<(), FsError> {
    let now_ms = u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default();
    let time_ms = match shell.words.value("t") {
        None => now_ms,
        Some(text) => parse_touch_time(text).ok_or_else(|| {
            FsError::told(
                text,
                "Unable to parse the specified timestamp. The expected format is yyyyMMdd:HHmmss",
            )
        })?,
    };
    let both = shell.has("a") == shell.has("m");
    let times = Attribute::Times {
        modified_ms: (both || shell.has("m")).then_some(time_ms),
        accessed_ms: (both || shell.has("a")).then_some(time_ms),
    };
    for path in &shell.words.paths {
        if let Err(error) = touch_one(shell, path, &times).await {
            shell.fail(&error);
        }
    }
    Ok(())
}

async fn touch_one(shell: &Shell, path: &str, times: &Attribute) -> Result<(), FsError> {
    let item = shell.files.item(path)?;
    let storage = shell.files.storage(&item)?;
    if storage.look(&item).await?.is_none() {
        if shell.has("c") {
            return Ok(());
        }
        super::copy::parent_must_exist(shell, &item).await?;
        storage.create(&item).await?.finish().await?;
        if shell.words.value("t").is_none() {
            return Ok(());
        }
    }
    storage.set(&item, times.clone()).await
}

/// `touchz`: an empty file, in the place of an empty one.
pub async fn touchz(shell: &Shell) -> Result<(), FsError> {
    for path in &shell.words.paths {
        if let Err(error) = touchz_one(shell, path).await {
            shell.fail(&error);
        }
    }
    Ok(())
}

async fn touchz_one(shell: &Shell, path: &str) -> Result<(), FsError> {
    let item = shell.files.item(path)?;
    let storage = shell.files.storage(&item)?;
    match storage.look(&item).await? {
        Some(status) if status.is_directory() => return Err(item.error(Reason::IsDirectory)),
        Some(status) if status.len_bytes > 0 => {
            return Err(item.error(Reason::Told("Not a zero-length file".to_owned())));
        }
        Some(_) => {}
        None => super::copy::parent_must_exist(shell, &item).await?,
    }
    storage.create(&item).await?.finish().await
}

pub async fn setrep(shell: &Shell) -> Result<(), FsError> {
    let (count, paths) = first_and_rest(shell);
    let replication = match count.parse::<u16>() {
        Ok(count) if (1..=REPLICATION_MAX).contains(&count) => count,
        _ => {
            let limits = format!("replication must be between 1 and {REPLICATION_MAX}");
            return Err(FsError::told(&count, limits));
        }
    };
    let mut waited_for = Vec::new();
    shell
        .each(&paths, async |found| {
            // A directory means all files below it, with or without -R.
            for found in shell.files.tree(found).await? {
                if found.status.is_directory() {
                    continue;
                }
                let storage = shell.files.storage(&found.item)?;
                storage.set(&found.item, Attribute::Replication(replication)).await?;
                shell.line(&format!("Replication {replication} set: {}", found.item.shown))?;
                waited_for.push(found);
            }
            Ok(())
        })
        .await;
    if shell.has("w") {
        for found in waited_for {
            if let Err(error) = wait_for_replicas(shell, &found, replication).await {
                shell.fail(&error);
            }
        }
    }
    Ok(())
}

async fn wait_for_replicas(shell: &Shell, found: &Found, replication: u16) -> Result<(), FsError> {
    shell.write(format!("Waiting for {} ...", found.item.shown).as_bytes())?;
    shell.flush()?;
    let storage = shell.files.storage(&found.item)?;
    while !storage.has_replicas(&found.item, replication).await? {
        tokio::time::sleep(REPLICAS_LOOK_EVERY).await;
        shell.write(b".")?;
        shell.flush()?;
    }
    shell.line(" done")
}

pub async fn stat(shell: &Shell) -> Result<(), FsError> {
    let mut paths = shell.words.paths.clone();
    let format = if paths[0].contains('%') { paths.remove(0) } else { "%y".to_owned() };
    if paths.is_empty() {
        return Err(FsError::told(&format, UsageError::NotEnough { expected: 2, got: 1 }.to_string()));
    }
    shell.each(&paths, async |found| shell.line(&formatted(&format, &found))).await;
    Ok(())
}

/// UTC, as `2026-01-31 12:00:00`.
fn utc(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn formatted(format: &str, Found { item, status }: &Found) -> String {
    let mut text = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            None => break,
            Some('a') => text.push_str(&format!("{:o}", status.mode)),
            Some('A') => text.push_str(&modes::symbolic(status.mode)),
            Some('b') => text.push_str(&status.len_bytes.to_string()),
            Some('F') => text.push_str(if status.is_directory() { "directory" } else { "regular file" }),
            Some('g') => text.push_str(&status.group),
            Some('n') => text.push_str(item.name()),
            Some('o') => text.push_str(&status.block_bytes.to_string()),
            Some('r') => text.push_str(&status.replication.to_string()),
            Some('u') => text.push_str(&status.owner),
            Some('x') => text.push_str(&utc(status.accessed_ms)),
            Some('X') => text.push_str(&status.accessed_ms.to_string()),
            Some('y') => text.push_str(&utc(status.modified_ms)),
            Some('Y') => text.push_str(&status.modified_ms.to_string()),
            Some(other) => text.push(other),
        }
    }
    text
}

/// `test`: says nothing; the exit code is the answer.
pub async fn test(shell: &Shell) -> Result<(), FsError> {
    let item = shell.files.item(&shell.words.paths[0])?;
    let status = shell.files.look(&item).await?;
    let flag = shell.words.flags().first().map(String::as_str).unwrap_or_default();
    if !passes(flag, status.as_ref(), &shell.files.user) {
        shell.fail_silently();
    }
    Ok(())
}

fn passes(flag: &str, status: Option<&Status>, user: &str) -> bool {
    let Some(status) = status else { return false };
    match flag {
        "e" => true,
        "d" => status.is_directory(),
        "f" => !status.is_directory(),
        "s" => status.len_bytes > 0,
        "z" => status.len_bytes == 0,
        "r" => may(status, user, 4),
        "w" => may(status, user, 2),
        _ => false,
    }
}

/// By the mode; group membership is not kept, so the group's rights count as everybody's.
fn may(status: &Status, user: &str, bit: u16) -> bool {
    let rights = if status.owner == user { status.mode >> 6 } else { (status.mode >> 3) | status.mode };
    rights & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fs::{item::Item, storage::Kind};

    fn found() -> Found {
        let status = Status {
            kind: Kind::File,
            len_bytes: 5,
            replication: 3,
            block_bytes: 1 << 27,
            modified_ms: 1_000,
            accessed_ms: 0,
            owner: "ada".to_owned(),
            group: "team".to_owned(),
            mode: 0o640,
        };
        Found { item: Item::parse("/a/b", "ada").unwrap(), status }
    }

    #[test]
    fn stat_knows_hadoops_letters() {
        let text = formatted("%a %A %b %F %g %n %o %r %u %x %X %y %Y %% %z %", &found());
        assert_eq!(
            text,
            "640 rw-r----- 5 regular file team b 134217728 3 ada 1970-01-01 00:00:00 0 1970-01-01 00:00:01 1000 % z "
        );
    }

    #[test]
    fn owners_are_split_at_the_colon() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse_owner("ada"), (some("ada"), None));
        assert_eq!(parse_owner("ada:team"), (some("ada"), some("team")));
        assert_eq!(parse_owner(":team"), (None, some("team")));
    }

    #[test]
    fn test_answers_by_kind_size_and_rights() {
        let status = found().status;
        let answers = |user: &str| -> String {
            let flags = ["e", "d", "f", "s", "z", "r", "w"];
            flags.into_iter().filter(|flag| passes(flag, Some(&status), user)).collect()
        };
        assert_eq!(answers("ada"), "efsrw");
        assert_eq!(answers("bob"), "efsr");
        assert!(!passes("e", None, "ada"));
    }

    #[test]
    fn times_of_touch_are_local() {
        assert!(parse_touch_time("20260131:120000").is_some());
        for text in ["2026-01-31", "20261301:000000", ""] {
            assert_eq!(parse_touch_time(text), None, "{text}");
        }
    }
}
