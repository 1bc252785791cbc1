//! Where a block store keeps what: the only place that knows names of files and directories.
//!
//! ```text
//! DIR/
//!   lock                                        held (flock) by the process that has the store open
//!   writing/block-ID.data, block-ID.sums        a replica that grows; its generation is in the header of `.sums`
//!   finalised/XX/block-ID-gen-G.data, .sums     durable and unchanging; XX is the low byte of the id in hexadecimal
//!   bad/block-ID-gen-G.data, .sums              failed its checksum: served to nobody, kept for a look, at most a few
//! ```
//!
//! Orders that make a crash at any instant harmless:
//!
//! * finalise: sync both files, rename `.sums`, rename `.data`, sync the directory. `.data` in `finalised/` therefore
//!   implies its `.sums`; `.sums` alone there belongs to the `.data` that is still in `writing/`, and goes back to it.
//! * reopen (a pipeline is rebuilt): rename `.data`, then `.sums`: the same states in reverse.
//! * erase: remove `.data`, then `.sums`. A `.sums` without any `.data` is litter.

use crate::{BlockId, Generation};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const DATA: &str = "data";
const SUMS: &str = "sums";

#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

/// The two files of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub data: PathBuf,
    pub sums: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Data,
    Sums,
}

impl Layout {
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Makes what is missing.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(self.writing_directory())?;
        fs::create_dir_all(self.bad_directory())?;
        for directory in self.finalised_directories() {
            fs::create_dir_all(directory)?;
        }
        sync_directory(&self.root.join("finalised"))?;
        sync_directory(&self.root)
    }

    pub fn writing_directory(&self) -> PathBuf {
        self.root.join("writing")
    }

    pub fn bad_directory(&self) -> PathBuf {
        self.root.join("bad")
    }

    pub fn finalised_directories(&self) -> impl Iterator<Item = PathBuf> {
        (0..=u8::MAX).map(|low| self.root.join("finalised").join(format!("{low:02x}")))
    }

    fn finalised_directory(&self, block: BlockId) -> PathBuf {
        self.root.join("finalised").join(format!("{:02x}", block.0 as u8))
    }

    pub fn writing(&self, block: BlockId) -> Files {
        Files::named(&self.writing_directory(), &block.to_string())
    }

    pub fn finalised(&self, block: BlockId, generation: Generation) -> Files {
        Files::named(&self.finalised_directory(block), &format!("{block}-{generation}"))
    }

    pub fn bad(&self, block: BlockId, generation: Generation) -> Files {
        Files::named(&self.bad_directory(), &format!("{block}-{generation}"))
    }
}

impl Files {
    fn named(directory: &Path, stem: &str) -> Files {
        Files {
            data: directory.join(format!("{stem}.{DATA}")),
            sums: directory.join(format!("{stem}.{SUMS}")),
        }
    }

    /// Makes this replica lie at `to`, durably: `.sums` first, so that `.data` there implies `.sums` there.
    pub fn publish_at(&self, to: &Files) -> io::Result<()> {
        fs::rename(&self.sums, &to.sums)?;
        fs::rename(&self.data, &to.data)?;
        to.data.parent().map_or(Ok(()), sync_directory)
    }

    /// Takes it back from where `publish_at` has put it: `.data` first.
    pub fn withdraw_to(&self, to: &Files) -> io::Result<()> {
        fs::rename(&self.data, &to.data)?;
        fs::rename(&self.sums, &to.sums)
    }

    /// Removes what there is of both.
    pub fn remove(&self) -> io::Result<()> {
        remove_if_there(&self.data)?;
        remove_if_there(&self.sums)
    }
}

pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Reads `block-ID.data`.
pub fn parse_writing(name: &str) -> Option<(BlockId, Part)> {
    let (stem, part) = parse_part(name)?;
    Some((BlockId(parse_number(stem, "block-")?), part))
}

/// Reads `block-ID-gen-G.data`.
pub fn parse_finalised(name: &str) -> Option<(BlockId, Generation, Part)> {
    let (stem, part) = parse_part(name)?;
    let (block, generation) = stem.split_once("-gen-")?;
    Some((BlockId(parse_number(block, "block-")?), Generation(parse_number(generation, "")?), part))
}

fn parse_part(name: &str) -> Option<(&str, Part)> {
    match name.rsplit_once('.')? {
        (stem, DATA) => Some((stem, Part::Data)),
        (stem, SUMS) => Some((stem, Part::Sums)),
        _ => None,
    }
}

/// Only the one spelling that `Display` gives, so that no two names mean one replica.
fn parse_number(text: &str, prefix: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?;
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(path: &Path) -> &str {
        path.file_name().unwrap().to_str().unwrap()
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_the_replica_it_was_made_for(block in any::<u64>(), generation in any::<u64>()) {
            let (block, generation) = (BlockId(block), Generation(generation));
            let layout = Layout::new(Path::new("/x"));
            let finalised = layout.finalised(block, generation);
            prop_assert_eq!(parse_finalised(name(&finalised.data)), Some((block, generation, Part::Data)));
            prop_assert_eq!(parse_finalised(name(&finalised.sums)), Some((block, generation, Part::Sums)));
            prop_assert_eq!(parse_writing(name(&layout.writing(block).sums)), Some((block, Part::Sums)));
        }

        #[test]
        fn any_other_name_belongs_to_nobody(text in "[a-z0-9.-]{0,30}") {
            if let Some((block, generation, _)) = parse_finalised(&text) {
                let expected = format!("{block}-{generation}.");
                prop_assert!(text.starts_with(&expected));
            }
        }
    }
}
