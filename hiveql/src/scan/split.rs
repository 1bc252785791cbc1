//! Files shared out among partitions by their bytes.

use super::{FileSplit, ScanParts};
use crate::formats::FileRange;

/// Below this, a second reader costs more than it brings.
const SMALLEST_BYTES: u64 = 4 << 20;

/// At most `partitions` groups of about the same size. Ranges stay in the order of the files.
pub(super) fn split(parts: &ScanParts, partitions: usize) -> Vec<Vec<FileSplit>> {
    let files = || {
        parts
            .parts
            .iter()
            .enumerate()
            .flat_map(|(index, part)| part.files.iter().map(move |file| (index, file)))
    };
    let total = parts.bytes();
    let share = total.div_ceil(partitions.max(1) as u64).max(SMALLEST_BYTES);
    let mut groups: Vec<Vec<FileSplit>> = vec![Vec::new()];
    let mut room = share;
    for (part, (path, size)) in files() {
        let splits = parts.parts[part].format.splits(path);
        let mut start = 0;
        while start < *size {
            if room == 0 {
                groups.push(Vec::new());
                room = share;
            }
            let left = size - start;
            // A rest that is hardly worth a request goes with what is before it.
            let end = if splits && left > room + SMALLEST_BYTES / 4 { start + room } else { *size };
            let range = FileRange { path: path.clone(), size: *size, start, end };
            if let Some(group) = groups.last_mut() {
                group.push(FileSplit { part, range });
            }
            room = room.saturating_sub(end - start);
            start = end;
        }
    }
    groups
}
