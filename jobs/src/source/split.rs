//! Cuts files into pieces at block borders, and packs small pieces together so that a directory of small files does not
//! become a task for each.

use super::{SourceError, Split, SplitWork, decompress::Compression};
use crate::limits::SPLIT_BYTES_MIN;
use serde::{Deserialize, Serialize};
use skep_hdfs::{
    WorkerId,
    limits::BLOCK_BYTES_DEFAULT,
    stores::{Extent, FoundFile, Stores},
};

/// A piece of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilePiece {
    pub file: String,
    pub file_bytes: u64,
    pub offset: u64,
    pub len_bytes: u64,
}

impl FilePiece {
    pub fn end(&self) -> u64 {
        self.offset + self.len_bytes
    }
}

/// How large splits shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitSizes {
    /// At most this many bytes (`input.split.bytes`); `None`: a block.
    pub split_bytes: Option<u64>,
    /// At least this many splits, if there is enough input for them (`input.split.min`, or the cluster's slots).
    pub splits_min: u32,
}

impl SplitSizes {
    fn target_bytes(self, total_bytes: u64) -> u64 {
        let most = self.split_bytes.unwrap_or(BLOCK_BYTES_DEFAULT).max(1);
        // An explicit size is the user's word; only the default is made smaller, for the sake of all slots.
        match self.split_bytes {
            Some(_) => most,
            None => total_bytes.div_ceil(u64::from(self.splits_min.max(1))).clamp(SPLIT_BYTES_MIN, most),
        }
    }
}

/// A file and where its bytes lie.
#[derive(Debug, Clone)]
pub struct LocatedFile {
    pub file: FoundFile,
    pub extents: Vec<Extent>,
}

/// Finds the files of all patterns, in the given order; a file that two patterns name is read twice, as the user said.
pub async fn find(stores: &Stores, patterns: &[String]) -> Result<Vec<LocatedFile>, SourceError> {
    let mut located = Vec::new();
    for pattern in patterns {
        for file in stores.expand(pattern, false).await? {
            let extents = stores.extents(&file).await?;
            located.push(LocatedFile { file, extents });
        }
    }
    Ok(located)
}

struct LocatedPiece {
    piece: FilePiece,
    workers: Vec<WorkerId>,
}

/// Cuts the files. Compressed ones stay whole: they can only be read from their beginning.
pub fn cut(files: &[LocatedFile], sizes: SplitSizes) -> Vec<Split> {
    let total_bytes = files.iter().map(|located| located.file.len_bytes).sum();
    let target_bytes = sizes.target_bytes(total_bytes);
    let mut pieces = Vec::new();
    for located in files.iter().filter(|located| located.file.len_bytes > 0) {
        if Compression::of_name(&located.file.text).is_some() {
            let workers = located.extents.first().map(|extent| extent.workers.clone()).unwrap_or_default();
            pieces.push(whole(&located.file, workers));
        } else {
            cut_file(located, target_bytes, &mut pieces);
        }
    }
    let mut splits = pack(pieces, target_bytes);
    if splits.is_empty() {
        // A stage has at least one task: input without a byte still makes its (empty) output.
        splits.push(Split { work: SplitWork::Files(Vec::new()), preferred: Vec::new(), input_bytes: 0 });
    }
    splits
}

fn whole(file: &FoundFile, workers: Vec<WorkerId>) -> LocatedPiece {
    let (file, len_bytes) = (file.text.clone(), file.len_bytes);
    LocatedPiece { piece: FilePiece { file, file_bytes: len_bytes, offset: 0, len_bytes }, workers }
}

fn cut_file(located: &LocatedFile, target_bytes: u64, pieces: &mut Vec<LocatedPiece>) {
    let file = &located.file;
    let everything = [Extent { offset: 0, len_bytes: file.len_bytes, workers: Vec::new() }];
    let extents = if located.extents.is_empty() { &everything[..] } else { &located.extents[..] };
    for extent in extents {
        // Pieces of one extent are equally long (but for rounding) rather than full ones and a short rest.
        let count = extent.len_bytes.div_ceil(target_bytes).max(1);
        for index in 0..count {
            let at = |index: u64| {
                extent.offset + (u128::from(extent.len_bytes) * u128::from(index) / u128::from(count)) as u64
            };
            let (start, end) = (at(index), at(index + 1).min(file.len_bytes));
            if end > start {
                let piece = FilePiece {
                    file: file.text.clone(),
                    file_bytes: file.len_bytes,
                    offset: start,
                    len_bytes: end - start,
                };
                pieces.push(LocatedPiece { piece, workers: extent.workers.clone() });
            }
        }
    }
}

/// Neighbours that are together no larger than the target, and small each, share a split.
fn pack(pieces: Vec<LocatedPiece>, target_bytes: u64) -> Vec<Split> {
    let mut splits: Vec<Split> = Vec::new();
    let mut open_bytes = u64::MAX;
    for LocatedPiece { piece, workers } in pieces {
        let len_bytes = piece.len_bytes;
        let small = len_bytes <= target_bytes / 4;
        let fits = small && open_bytes.saturating_add(len_bytes) <= target_bytes;
        match splits.last_mut() {
            Some(Split { work: SplitWork::Files(packed), preferred, input_bytes }) if fits => {
                packed.push(piece);
                *input_bytes += len_bytes;
                open_bytes += len_bytes;
                // Where all of it lies, if there is such a place; else where the first piece lies.
                let shared: Vec<_> =
                    preferred.iter().copied().filter(|worker| workers.contains(worker)).collect();
                if !shared.is_empty() {
                    *preferred = shared;
                }
            }
            _ => {
                let work = SplitWork::Files(vec![piece]);
                splits.push(Split { work, preferred: workers, input_bytes: len_bytes });
                open_bytes = if small { len_bytes } else { u64::MAX };
            }
        }
    }
    splits
}

/// A few short pieces, evenly spread, instead of all of them. Says how many bytes they have and stand for.
pub(super) fn sample(pieces: &[FilePiece], places: u64, place_bytes: u64) -> (SplitWork, u64, u64) {
    let total: u64 = pieces.iter().map(|piece| piece.len_bytes).sum();
    let compressed = pieces.iter().any(|piece| Compression::of_name(&piece.file).is_some());
    if compressed || total <= places * place_bytes {
        return (SplitWork::Files(pieces.to_vec()), total, total);
    }
    let mut sampled = Vec::new();
    for place in 0..places {
        let mut skip = (u128::from(total) * u128::from(place) / u128::from(places)) as u64;
        for piece in pieces {
            if skip >= piece.len_bytes {
                skip -= piece.len_bytes;
                continue;
            }
            let len_bytes = place_bytes.min(piece.len_bytes - skip);
            sampled.push(FilePiece { offset: piece.offset + skip, len_bytes, ..piece.clone() });
            break;
        }
    }
    let read = sampled.iter().map(|piece| piece.len_bytes).sum();
    (SplitWork::Files(sampled), read, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: String, len_bytes: u64, block_bytes: u64) -> LocatedFile {
        let extents = (0..len_bytes.div_ceil(block_bytes))
            .map(|block| Extent {
                offset: block * block_bytes,
                len_bytes: block_bytes.min(len_bytes - block * block_bytes),
                workers: vec![WorkerId(block as u32 % 3)],
            })
            .collect();
        LocatedFile { file: FoundFile { text: name, len_bytes }, extents }
    }

    fn pieces(splits: &[Split]) -> Vec<FilePiece> {
        splits
            .iter()
            .flat_map(|split| match &split.work {
                SplitWork::Files(pieces) => pieces.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn splits_cover_every_byte_once_and_stay_below_the_target(
            lengths in prop::collection::vec(0u64..5_000_000, 0..12),
            split_bytes in prop::option::of(10_000u64..3_000_000),
            splits_min in 0u32..20,
        ) {
            let files: Vec<_> =
                lengths.iter().enumerate().map(|(index, len)| file(format!("/f{index:02}"), *len, 1 << 20)).collect();
            let sizes = SplitSizes { split_bytes, splits_min };
            let splits = cut(&files, sizes);
            let target = sizes.target_bytes(lengths.iter().sum());
            for split in &splits {
                prop_assert!(split.input_bytes <= target);
            }
            let mut covered = pieces(&splits);
            covered.sort();
            for (index, len) in lengths.iter().enumerate() {
                let mut at = 0;
                for piece in covered.iter().filter(|piece| piece.file == format!("/f{index:02}")) {
                    prop_assert_eq!(piece.offset, at);
                    at = piece.end();
                }
                prop_assert_eq!(at, *len);
            }
        }

        #[test]
        fn a_sample_lies_inside_the_split(lengths in prop::collection::vec(1u64..100_000, 1..6)) {
            let pieces: Vec<_> = lengths.iter().map(|len| FilePiece {
                file: "/f".to_owned(), file_bytes: 1 << 30, offset: 500, len_bytes: *len,
            }).collect();
            let (work, read, of) = sample(&pieces, 8, 1_000);
            let SplitWork::Files(sampled) = work else { panic!() };
            prop_assert!(read <= of && read > 0);
            prop_assert!(sampled.iter().all(|s| pieces.iter().any(|p| s.offset >= p.offset && s.end() <= p.end())));
        }
    }

    #[test]
    fn a_compressed_file_is_one_split() {
        let splits = cut(
            &[file("/big.gz".to_owned(), 10 << 20, 1 << 20)],
            SplitSizes { split_bytes: Some(1 << 20), splits_min: 8 },
        );
        assert_eq!(splits.len(), 1);
        assert_eq!(splits[0].input_bytes, 10 << 20);
    }

    #[test]
    fn many_small_files_share_splits() {
        let files: Vec<_> = (0..1000).map(|index| file(format!("/f{index:04}"), 1000, 1 << 20)).collect();
        let splits = cut(&files, SplitSizes { split_bytes: None, splits_min: 4 });
        assert!(splits.len() >= 4 && splits.len() < 20, "{}", splits.len());
    }
}
