//! Files shared out among partitions by their bytes.

use super::{FileSplit, ScanParts, sample::Extent};
use crate::formats::FileRange;

/// Below this, a second reader costs more than it brings.
const SMALLEST_BYTES: u64 = 4 << 20;

/// At most `partitions` groups of about the same size. Ranges stay in the order of the files.
pub(super) fn split(parts: &ScanParts, files: &[Extent<'_>], partitions: usize) -> Vec<Vec<FileSplit>> {
    let total: u64 = files.iter().map(|file| file.end).sum();
    let share = total.div_ceil(partitions.max(1) as u64).max(SMALLEST_BYTES);
    let mut groups: Vec<Vec<FileSplit>> = vec![Vec::new()];
    let mut room = share;
    for file in files {
        let splits = parts.parts[file.part].format.splits(file.path);
        let mut start = 0;
        while start < file.end {
            if room == 0 {
                groups.push(Vec::new());
                room = share;
            }
            let left = file.end - start;
            // A rest that is hardly worth a request goes with what is before it.
            let end = if splits && left > room + SMALLEST_BYTES / 4 { start + room } else { file.end };
            let range = FileRange { path: file.path.to_owned(), size: file.size, start, end };
            if let Some(group) = groups.last_mut() {
                group.push(FileSplit { part: file.part, range });
            }
            room = room.saturating_sub(end - start);
            start = end;
        }
    }
    groups
}
