//! What a store finds when it is opened: the inventory from the directories, whatever instant the last process died at.
//!
//! Finalised replicas are found by name and size alone. Replicas that were being written are read and cut to what
//! their checksums vouch for.

use super::{BlockStore, Entry, Inventory, Slot, StoreOptions, Writing, lock};
use crate::{
    BlockId, Generation,
    blocks::{
        layout::{Files, Layout, Part, parse_finalised, parse_writing, sync_directory},
        sums::{self, Header, Sums},
    },
    limits::CHECKSUM_CHUNK_BYTES,
    protocol::control::Replica,
};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex},
};

pub(super) fn open(directory: &Path, options: StoreOptions) -> io::Result<BlockStore> {
    let layout = Layout::new(directory);
    fs::create_dir_all(directory)?;
    let lock_file = take_lock(&layout)?;
    layout.create()?;
    let store = BlockStore { layout, options, inventory: Mutex::new(Inventory::default()), _lock: lock_file };
    store.find_kept()?;
    store.find_finalised()?;
    store.find_writing()?;
    Ok(store)
}

fn take_lock(layout: &Layout) -> io::Result<File> {
    let path = layout.lock();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!("{}: the block store is in use by another process", path.display()),
        ),
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(file)
}

/// Sizes of the data file and of the checksum file, as far as they are there.
type Pair = (Option<u64>, Option<u64>);

/// The files of one directory that `parse` knows, with their sizes.
fn scan<K: Ord>(
    directory: &Path,
    parse: impl Fn(&str) -> Option<(K, Part)>,
) -> io::Result<BTreeMap<K, Pair>> {
    let mut found = BTreeMap::<K, Pair>::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Some((key, part)) = entry.file_name().to_str().and_then(&parse) else {
            tracing::warn!(path = %entry.path().display(), "a file in the block store is not the store's; it is left alone");
            continue;
        };
        let len_bytes = entry.metadata()?.len();
        let (data, sums) = found.entry(key).or_default();
        match part {
            Part::Data => *data = Some(len_bytes),
            Part::Sums => *sums = Some(len_bytes),
        }
    }
    Ok(found)
}

fn parse_finalised_pair(name: &str) -> Option<((BlockId, Generation), Part)> {
    parse_finalised(name).map(|(block, generation, part)| ((block, generation), part))
}

impl BlockStore {
    fn find_kept(&self) -> io::Result<()> {
        let found = scan(&self.layout.bad_directory(), parse_finalised_pair)?;
        lock(&self.inventory).kept.extend(found.into_keys());
        Ok(())
    }

    fn find_finalised(&self) -> io::Result<()> {
        for directory in self.layout.finalised_directories() {
            for ((block, generation), lens) in scan(&directory, parse_finalised_pair)? {
                let files = self.layout.finalised(block, generation);
                match lens {
                    (Some(len_bytes), sums) => self.found_finalised(block, generation, len_bytes, sums),
                    (None, _) => self.found_sums_alone(block, &files)?,
                }
            }
        }
        Ok(())
    }

    fn found_finalised(&self, block: BlockId, generation: Generation, len_bytes: u64, sums: Option<u64>) {
        let older = self.describe(block).filter(|other| other.finalised);
        if let Some(older) = older {
            // Two generations of one block: only a stray copy of files can do this. The newer one counts.
            let stale = older.generation.min(generation);
            tracing::warn!(%block, %stale, "two generations of one replica; the older is put aside");
            self.move_aside(block, stale);
            if stale == generation {
                return;
            }
        }
        self.insert(block, Slot::Finalised { generation, len_bytes });
        if sums != Some(sums::file_len(len_bytes)) {
            let replica = Replica { block, generation, len_bytes, finalised: true };
            self.put_aside(replica, "its checksum file is missing or does not fit its length");
        }
    }

    /// A crash while the pair was moved, or erased.
    fn found_sums_alone(&self, block: BlockId, files: &Files) -> io::Result<()> {
        let writing = self.layout.writing(block);
        if writing.data.try_exists()? && !writing.sums.try_exists()? {
            fs::rename(&files.sums, &writing.sums)?;
            return sync_directory(&self.layout.writing_directory());
        }
        files.remove()
    }

    fn find_writing(&self) -> io::Result<()> {
        for (block, lens) in scan(&self.layout.writing_directory(), parse_writing)? {
            let files = self.layout.writing(block);
            let held = self.describe(block).is_some();
            let recovered = match lens {
                (Some(_), Some(_)) if !held => recover(block, &files)?,
                _ => None,
            };
            match recovered {
                Some(writing) => self.insert(block, Slot::Writing(writing)),
                None => files.remove()?,
            }
        }
        Ok(())
    }

    fn insert(&self, block: BlockId, mut slot: Slot) {
        let entry = Entry { slot: Arc::new(Mutex::new(Slot::Empty)), replica: None };
        let shared = entry.slot.clone();
        lock(&self.inventory).replicas.entry(block).or_insert(entry);
        self.publish(block, &mut slot);
        *lock(&shared) = slot;
    }
}

/// Reads a replica that was being written and cuts it to the longest beginning that its checksums vouch for.
fn recover(block: BlockId, files: &Files) -> io::Result<Option<Writing>> {
    let stored = fs::read(&files.sums)?;
    let header = match Header::decode(&stored) {
        Ok(header) if header.block == block => header,
        _ => return Ok(None),
    };
    let mut data = OpenOptions::new().read(true).write(true).open(&files.data)?;
    let sums = vouched(&mut data, &sums::entries(&stored))?;
    data.set_len(sums.len_bytes())?;
    OpenOptions::new().write(true).open(&files.sums)?.set_len(sums::file_len(sums.len_bytes()))?;
    Ok(Some(Writing { generation: header.generation, sums, writer: None, files: None }))
}

fn vouched(data: &mut File, entries: &[u32]) -> io::Result<Sums> {
    let mut sums = Sums::default();
    let mut chunk = Vec::with_capacity(CHECKSUM_CHUNK_BYTES);
    for expected in entries {
        chunk.clear();
        data.take(CHECKSUM_CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        let found = Sums::of(&chunk);
        if found.chunks() != [*expected] {
            break;
        }
        sums.extend(&chunk);
    }
    Ok(sums)
}
