//! `du`, `df` and `count`.

use super::{
    error::FsError,
    shell::Shell,
    sizes::{human, size},
    storage::{Found, Room, Totals},
};

/// `du`: size, size with replicas, path.
pub async fn du(shell: &Shell) -> Result<(), FsError> {
    let mut paths = shell.words.paths.clone();
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let is_human = shell.has("h");
    let mut rows: Vec<Vec<String>> = Vec::new();
    if shell.has("v") {
        let heads = ["SIZE", "DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS", "FULL_PATH_NAME"];
        rows.push(heads.map(str::to_owned).to_vec());
    }
    shell
        .each(&paths, async |found| {
            let listed = if found.status.is_directory() && !shell.has("s") {
                shell.files.list(&found.item).await?
            } else {
                vec![found]
            };
            for found in listed {
                let totals = shell.files.storage(&found.item)?.totals(&found.item).await?;
                let sizes = [totals.len_bytes, totals.stored_bytes].map(|bytes| size(bytes, is_human));
                rows.push(sizes.into_iter().chain([found.item.shown]).collect());
            }
            Ok(())
        })
        .await;
    shell.columns(&rows, &[])
}

/// `df`: how much room there is, once per store.
pub async fn df(shell: &Shell) -> Result<(), FsError> {
    let mut paths = shell.words.paths.clone();
    if paths.is_empty() {
        paths.push("/".to_owned());
    }
    let heads = ["Filesystem", "Size", "Used", "Available", "Use%"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    shell
        .each(&paths, async |found| {
            let room = shell.files.storage(&found.item)?.room(&found.item).await?;
            rows.push(room_row(&room, shell.has("h")));
            Ok(())
        })
        .await;
    if rows.len() == 1 {
        return Ok(());
    }
    shell.columns(&rows, &[1, 2, 3, 4])
}

fn room_row(room: &Room, is_human: bool) -> Vec<String> {
    let percent = match room.capacity_bytes {
        0 => 0,
        capacity => (u128::from(room.used_bytes) * 200 + u128::from(capacity)) / (u128::from(capacity) * 2),
    };
    let sizes = [room.capacity_bytes, room.used_bytes, room.free_bytes].map(|bytes| size(bytes, is_human));
    [room.name.clone()].into_iter().chain(sizes).chain([format!("{percent}%")]).collect()
}

/// `count`: directories, files, bytes, path. There are no quotas: `-q` says so in its columns.
pub async fn count(shell: &Shell) -> Result<(), FsError> {
    let (quotas, is_human) = (shell.has("q"), shell.has("h"));
    if shell.has("v") {
        shell.line(&count_head(quotas))?;
    }
    shell
        .each(&shell.words.paths, async |Found { item, .. }| {
            let totals = shell.files.storage(&item)?.totals(&item).await?;
            shell.line(&format!("{}{}", count_columns(&totals, quotas, is_human), item.shown))
        })
        .await;
    Ok(())
}

fn quota_columns(cells: [&str; 4]) -> String {
    format!("{:>12} {:>15} {:>15} {:>15} ", cells[0], cells[1], cells[2], cells[3])
}

fn count_head(quotas: bool) -> String {
    let heads = ["QUOTA", "REM_QUOTA", "SPACE_QUOTA", "REM_SPACE_QUOTA"];
    let quota = if quotas { quota_columns(heads) } else { String::new() };
    format!("{quota}{:>12} {:>12} {:>18} PATHNAME", "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE")
}

fn count_columns(totals: &Totals, quotas: bool, is_human: bool) -> String {
    let quota = if quotas { quota_columns(["none", "inf", "none", "inf"]) } else { String::new() };
    let number = |count: u64| if is_human { human(count) } else { count.to_string() };
    format!(
        "{quota}{:>12} {:>12} {:>18} ",
        number(totals.directories),
        number(totals.files),
        size(totals.len_bytes, is_human)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_hadoops_columns() {
        let totals = Totals { directories: 2, files: 3, len_bytes: 4096, stored_bytes: 8192 };
        assert_eq!(count_columns(&totals, false, false), "           2            3               4096 ");
        assert_eq!(count_columns(&totals, false, true), "           2            3                4 K ");
        assert_eq!(count_head(false), "   DIR_COUNT   FILE_COUNT       CONTENT_SIZE PATHNAME");
        let quotas = count_columns(&totals, true, false);
        assert!(
            quotas.starts_with("        none             inf            none             inf "),
            "{quotas}"
        );
    }

    #[test]
    fn use_is_rounded_and_an_empty_cluster_uses_nothing() {
        let room = |used_bytes, capacity_bytes| Room {
            name: "x".to_owned(),
            capacity_bytes,
            used_bytes,
            free_bytes: 0,
        };
        assert_eq!(room_row(&room(1, 3), false).last().unwrap(), "33%");
        assert_eq!(room_row(&room(2, 3), false).last().unwrap(), "67%");
        assert_eq!(room_row(&room(0, 0), false).last().unwrap(), "0%");
    }
}
