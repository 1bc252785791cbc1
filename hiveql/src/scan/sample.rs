//! Which files of a table a scan reads, and how far: all of them, or what TABLESAMPLE leaves.

use super::ScanParts;
use crate::catalog::{Stem, WrittenName};

/// What a sample reads at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScanSample {
    /// Of the bytes of all files that are read otherwise.
    Percent(f64),
    Bytes(u64),
    /// What is in the bucket `bucket` (from 0) out of `of`. Rows of others may come too; a filter above takes them out.
    Bucket {
        bucket: u32,
        of: u32,
    },
}

/// The start of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent<'a> {
    /// Index of its part.
    pub part: usize,
    pub path: &'a str,
    pub size: u64,
    /// How far it is read.
    pub end: u64,
}

/// What is read of the parts, in the order of the files.
pub(super) fn extents(parts: &ScanParts, sample: Option<ScanSample>) -> Vec<Extent<'_>> {
    let files = parts.parts.iter().enumerate().flat_map(|(part, of)| {
        of.files.iter().map(move |(path, size)| Extent { part, path, size: *size, end: *size })
    });
    match sample {
        None => files.collect(),
        Some(ScanSample::Bucket { bucket, of }) => {
            files.filter(|file| may_hold(file.path, parts.parts[file.part].buckets, bucket, of)).collect()
        }
        Some(ScanSample::Bytes(bytes)) => first(files.collect(), bytes),
        Some(ScanSample::Percent(percent)) => {
            let files: Vec<Extent<'_>> = files.collect();
            let total: u64 = files.iter().map(|file| file.size).sum();
            // As in Java, what is beyond the numbers is the largest of them.
            let bytes = (total as f64 * percent / 100.0) as u64;
            first(files, bytes)
        }
    }
}

/// The first bytes of all files: whole files, and the start of one.
fn first(files: Vec<Extent<'_>>, mut bytes: u64) -> Vec<Extent<'_>> {
    let cut = files.into_iter().map(|file| {
        let end = file.size.min(bytes);
        bytes -= end;
        Extent { end, ..file }
    });
    cut.filter(|file| file.end > 0).collect()
}

/// Whether a file of a table with `buckets` buckets can have rows of one bucket out of `of`. Only the names that our writes
/// give are believed.
fn may_hold(path: &str, buckets: u32, bucket: u32, of: u32) -> bool {
    let Some(WrittenName { stem: Stem::Number { number, .. }, .. }) = WrittenName::of_path(path) else {
        return true;
    };
    // Both are remainders of the same number.
    let common = common_divisor(buckets, of);
    buckets == 0 || number >= buckets || number % common == bucket % common
}

fn common_divisor(left: u32, right: u32) -> u32 {
    if right == 0 { left } else { common_divisor(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_left_out_only_where_its_bucket_cannot_fit() {
        let file = |number: u32| format!("t/{number:06}_0-w1");
        let held = |buckets, bucket, of| {
            (0..buckets).filter(|number| may_hold(&file(*number), buckets, bucket, of)).collect::<Vec<_>>()
        };
        assert_eq!(held(4, 1, 2), [1, 3]);
        assert_eq!(held(4, 5, 8), [1]);
        assert_eq!(held(4, 2, 3), [0, 1, 2, 3]);
        assert!(may_hold("t/000001_0", 4, 0, 4) && may_hold(&file(1), 0, 0, 4));
    }

    #[test]
    fn the_first_bytes_end_inside_of_a_file() {
        let file = |size| Extent { part: 0, path: "", size, end: size };
        let ends =
            |bytes| first(vec![file(10), file(20)], bytes).iter().map(|file| file.end).collect::<Vec<_>>();
        assert_eq!(ends(15), [10, 5]);
        assert_eq!(ends(100), [10, 20]);
        assert!(ends(0).is_empty());
    }
}
