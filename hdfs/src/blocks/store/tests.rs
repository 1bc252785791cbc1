//! The store alone: what it keeps, what it refuses, what it finds after a restart.

use super::*;
use crate::{limits::CHECKSUM_CHUNK_BYTES, protocol::blocks::Finish};
use std::{fs, os::unix::fs::FileExt};
use tempfile::TempDir;

const CHUNK: usize = CHECKSUM_CHUNK_BYTES;

fn small() -> StoreOptions {
    StoreOptions { limit_bytes: None, reserve_bytes: 0 }
}

fn open(directory: &TempDir) -> Arc<BlockStore> {
    Arc::new(BlockStore::open_with(directory.path(), small()).unwrap())
}

fn data(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn finish(bytes: &[u8]) -> Finish {
    Finish { len_bytes: bytes.len() as u64, crc: crate::blocks::crc::crc32c(bytes) }
}

fn put(store: &Arc<BlockStore>, block: u64, generation: u64, bytes: &[u8]) -> Replica {
    let mut writer = store.begin_write(BlockId(block), Generation(generation), 0).unwrap();
    for packet in bytes.chunks(100_000) {
        writer.append(packet).unwrap();
    }
    writer.finalise(finish(bytes)).unwrap()
}

fn get(store: &Arc<BlockStore>, block: u64, generation: u64) -> Result<Vec<u8>, BlockError> {
    let reader = store.open_replica(BlockId(block), Generation(generation))?;
    Ok(reader.read(0..u64::MAX)?.to_vec())
}

fn replicas(store: &BlockStore) -> Vec<Replica> {
    match store.report_all() {
        BlockReport::Full { replicas, .. } => replicas,
        other => panic!("not a full report: {other:?}"),
    }
}

fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

fn files_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.file_name().into_string().unwrap()),
        }
    }
    found.sort();
    found
}

#[test]
fn what_was_written_reads_back_at_any_range() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let bytes = data(3 * CHUNK + 777);
    let replica = put(&store, 5, 1, &bytes);
    assert_eq!(replica.len_bytes, bytes.len() as u64);
    let reader = store.open_replica(BlockId(5), Generation(1)).unwrap();
    for range in [0..0, 0..1, 1..CHUNK, CHUNK..2 * CHUNK, 100..bytes.len(), bytes.len() - 1..bytes.len()] {
        assert_eq!(reader.read(range.start as u64..range.end as u64).unwrap(), &bytes[range]);
    }
    assert_eq!(reader.crc().unwrap(), crate::blocks::crc::crc32c(&bytes));
    assert_eq!(store.verify(BlockId(5), Generation(1)).unwrap(), (bytes.len() as u64, reader.crc().unwrap()));
}

#[test]
fn an_empty_replica_is_a_replica() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    put(&store, 1, 1, b"");
    assert_eq!(get(&store, 1, 1).unwrap(), b"");
    assert_eq!(store.verify(BlockId(1), Generation(1)).unwrap(), (0, 0));
}

#[test]
fn a_restart_finds_finalised_and_unfinished_replicas() {
    let directory = TempDir::new().unwrap();
    let bytes = data(2 * CHUNK + 10);
    let before = {
        let store = open(&directory);
        put(&store, 1, 1, &bytes);
        put(&store, 257, 4, b"same directory");
        let mut writer = store.begin_write(BlockId(9), Generation(2), 0).unwrap();
        writer.append(&bytes).unwrap();
        drop(writer);
        replicas(&store)
    };
    let store = open(&directory);
    assert_eq!(replicas(&store), before);
    assert_eq!(
        before[1],
        Replica {
            block: BlockId(9),
            generation: Generation(2),
            len_bytes: bytes.len() as u64,
            finalised: false
        }
    );
    assert_eq!(get(&store, 1, 1).unwrap(), bytes);
    assert_eq!(get(&store, 9, 2), Err(BlockError::NotHere { block: BlockId(9) }));
}

#[test]
fn an_unfinished_replica_is_cut_to_what_its_checksums_vouch_for() {
    let directory = TempDir::new().unwrap();
    let bytes = data(4 * CHUNK);
    let store = open(&directory);
    let mut writer = store.begin_write(BlockId(9), Generation(2), 0).unwrap();
    writer.append(&bytes).unwrap();
    drop(writer);
    drop(store);
    flip(&directory.path().join("writing/block-9.data"), 2 * CHUNK as u64 + 5);
    let store = open(&directory);
    assert_eq!(replicas(&store)[0].len_bytes, 2 * CHUNK as u64);
    let writer = store.begin_write(BlockId(9), Generation(3), 2 * CHUNK as u64).unwrap();
    writer.finalise(finish(&bytes[..2 * CHUNK])).unwrap();
    assert_eq!(get(&store, 9, 3).unwrap(), &bytes[..2 * CHUNK]);
}

#[test]
fn a_crash_between_the_two_renames_of_a_finalise_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let bytes = data(CHUNK + 1);
    put(&open(&directory), 3, 1, &bytes);
    fs::rename(
        directory.path().join("finalised/03/block-3-gen-1.data"),
        directory.path().join("writing/block-3.data"),
    )
    .unwrap();
    let store = open(&directory);
    assert_eq!(
        replicas(&store),
        [Replica {
            block: BlockId(3),
            generation: Generation(1),
            len_bytes: bytes.len() as u64,
            finalised: false
        }]
    );
    store.finalise_at(BlockId(3), Generation(2), bytes.len() as u64).unwrap();
    assert_eq!(get(&store, 3, 2).unwrap(), bytes);
}

#[test]
fn two_processes_cannot_open_one_store() {
    let directory = TempDir::new().unwrap();
    let _store = open(&directory);
    let error = BlockStore::open_with(directory.path(), small()).err().unwrap();
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[test]
fn a_flipped_byte_is_never_served_and_the_replica_is_put_aside_and_told_once() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let bytes = data(3 * CHUNK);
    let replica = put(&store, 2, 7, &bytes);
    flip(&directory.path().join("finalised/02/block-2-gen-7.data"), CHUNK as u64 + 100);
    let reader = store.open_replica(BlockId(2), Generation(7)).unwrap();
    assert_eq!(reader.read(0..10).unwrap(), &bytes[..10]);
    assert_eq!(
        reader.read(CHUNK as u64 + 1..CHUNK as u64 + 2),
        Err(BlockError::Corrupt { block: BlockId(2), offset: CHUNK as u64, end: 2 * CHUNK as u64 })
    );
    assert_eq!(get(&store, 2, 7), Err(BlockError::NotHere { block: BlockId(2) }));
    assert_eq!(store.take_bad().into_iter().map(|bad| bad.0).collect::<Vec<_>>(), [replica]);
    assert_eq!(store.take_bad(), []);
    assert_eq!(files_below(&directory.path().join("bad")), ["block-2-gen-7.data", "block-2-gen-7.sums"]);
    assert_eq!(store.capacity().used_bytes, 0);
    store.erase(BlockId(2), Generation(7)).unwrap();
    assert_eq!(files_below(&directory.path().join("bad")), [""; 0]);
}

#[test]
fn a_damaged_checksum_file_or_a_short_data_file_makes_a_replica_bad() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for block in 1..=3 {
        put(&store, block, 1, &data(2 * CHUNK));
    }
    flip(&directory.path().join("finalised/01/block-1-gen-1.sums"), 20);
    let short =
        fs::OpenOptions::new().write(true).open(directory.path().join("finalised/02/block-2-gen-1.data"));
    short.unwrap().set_len(5).unwrap();
    fs::remove_file(directory.path().join("finalised/03/block-3-gen-1.data")).unwrap();
    for block in 1..=3 {
        assert!(matches!(get(&store, block, 1), Err(BlockError::Corrupt { .. })), "block {block}");
    }
    assert_eq!(store.take_bad().len(), 3);
}

#[test]
fn a_restart_puts_a_replica_aside_whose_files_do_not_fit_each_other() {
    let directory = TempDir::new().unwrap();
    put(&open(&directory), 1, 1, &data(2 * CHUNK));
    fs::remove_file(directory.path().join("finalised/01/block-1-gen-1.sums")).unwrap();
    let store = open(&directory);
    assert_eq!(replicas(&store), []);
    assert_eq!(store.take_bad().len(), 1);
}

#[test]
fn only_few_bad_replicas_are_kept() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for block in 1..=10 {
        let replica = put(&store, block, 1, b"some bytes");
        store.put_aside(replica, "for the test");
    }
    assert_eq!(files_below(&directory.path().join("bad")).len(), 2 * crate::limits::BAD_REPLICAS_KEPT_MAX);
}

#[test]
fn bytes_that_differ_from_the_writers_checksum_are_not_kept() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let mut writer = store.begin_write(BlockId(1), Generation(1), 0).unwrap();
    writer.append(b"what arrived").unwrap();
    assert_eq!(writer.finalise(finish(b"what was sent")), Err(BlockError::Damaged { block: BlockId(1) }));
    assert_eq!(replicas(&store), []);
    assert_eq!(files_below(directory.path()), ["lock"]);
}

#[test]
fn a_newer_generation_takes_over_and_the_old_writer_changes_nothing_any_more() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let bytes = data(CHUNK + CHUNK / 2);
    let mut old = store.begin_write(BlockId(1), Generation(1), 0).unwrap();
    old.append(&bytes).unwrap();
    // In the middle of a chunk.
    let mut new = store.begin_write(BlockId(1), Generation(2), CHUNK as u64 + 7).unwrap();
    assert_eq!(old.append(b"late"), Err(BlockError::Superseded { block: BlockId(1) }));
    drop(old);
    new.append(&bytes[CHUNK + 7..]).unwrap();
    new.finalise(finish(&bytes)).unwrap();
    assert_eq!(get(&store, 1, 2).unwrap(), bytes);
    assert_eq!(
        get(&store, 1, 1),
        Err(BlockError::Generation { block: BlockId(1), have: Generation(2), wanted: Generation(1) })
    );
}

#[test]
fn a_finalised_replica_is_continued_under_a_newer_generation_only() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let bytes = data(2 * CHUNK);
    put(&store, 1, 2, &bytes);
    let refused = |generation| store.begin_write(BlockId(1), Generation(generation), 0).err().unwrap();
    assert_eq!(
        refused(1),
        BlockError::Generation { block: BlockId(1), have: Generation(2), wanted: Generation(1) }
    );
    assert_eq!(refused(2), BlockError::Exists { block: BlockId(1), len_bytes: bytes.len() as u64 });
    let writer = store.begin_write(BlockId(1), Generation(3), 100).unwrap();
    writer.finalise(finish(&bytes[..100])).unwrap();
    assert_eq!(get(&store, 1, 3).unwrap(), &bytes[..100]);
    assert_eq!(
        files_below(&directory.path().join("finalised")),
        ["block-1-gen-3.data", "block-1-gen-3.sums"]
    );
}

#[test]
fn two_writers_of_one_generation_do_not_mix() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let first = store.begin_write(BlockId(1), Generation(1), 0).unwrap();
    assert_eq!(
        store.begin_write(BlockId(1), Generation(1), 0).err(),
        Some(BlockError::Busy { block: BlockId(1) })
    );
    drop(first);
    store.begin_write(BlockId(1), Generation(1), 0).unwrap();
}

#[test]
fn continuing_where_nothing_is_fails() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    assert_eq!(
        store.begin_write(BlockId(1), Generation(1), 10).err(),
        Some(BlockError::NotHere { block: BlockId(1) })
    );
    let mut writer = store.begin_write(BlockId(2), Generation(1), 0).unwrap();
    writer.append(b"12345").unwrap();
    assert_eq!(
        store.begin_write(BlockId(2), Generation(2), 6).err(),
        Some(BlockError::OutOfRange { block: BlockId(2), offset: 6, len_bytes: 5 })
    );
}

#[test]
fn recovery_cuts_and_finalises_and_may_be_told_twice() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let bytes = data(2 * CHUNK);
    let mut writer = store.begin_write(BlockId(1), Generation(1), 0).unwrap();
    writer.append(&bytes).unwrap();
    for _ in 0..2 {
        let replica = store.finalise_at(BlockId(1), Generation(2), 1000).unwrap();
        assert!(replica.finalised);
    }
    assert_eq!(writer.append(b"late"), Err(BlockError::Superseded { block: BlockId(1) }));
    assert_eq!(get(&store, 1, 2).unwrap(), &bytes[..1000]);
    assert_eq!(
        store.finalise_at(BlockId(8), Generation(2), 0),
        Err(BlockError::NotHere { block: BlockId(8) })
    );
}

#[test]
fn erasing_spares_a_newer_replica_and_may_be_told_twice() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let replica = put(&store, 1, 5, b"bytes");
    assert_eq!(store.erase(BlockId(1), Generation(4)), Ok(change::Erased::Newer(replica)));
    assert_eq!(get(&store, 1, 5).unwrap(), b"bytes");
    for _ in 0..2 {
        assert_eq!(store.erase(BlockId(1), Generation(5)), Ok(change::Erased::Gone));
    }
    let mut writer = store.begin_write(BlockId(2), Generation(1), 0).unwrap();
    writer.append(b"bytes").unwrap();
    assert_eq!(store.erase(BlockId(2), Generation(1)), Ok(change::Erased::Gone));
    assert_eq!(writer.append(b"more"), Err(BlockError::Superseded { block: BlockId(2) }));
    assert_eq!(files_below(directory.path()), ["lock"]);
    assert_eq!(store.capacity().used_bytes, 0);
}

#[test]
fn a_store_over_its_limit_says_full_and_leaves_nothing_of_the_write() {
    let directory = TempDir::new().unwrap();
    let options = StoreOptions { limit_bytes: Some(300_000), reserve_bytes: 0 };
    let store = Arc::new(BlockStore::open_with(directory.path(), options).unwrap());
    put(&store, 1, 1, &data(200_000));
    let mut writer = store.begin_write(BlockId(2), Generation(1), 0).unwrap();
    writer.append(&data(60_000)).unwrap();
    assert!(matches!(writer.append(&data(60_000)), Err(BlockError::DiskFull { .. })));
    drop(writer);
    assert_eq!(replicas(&store).len(), 1);
    assert_eq!(files_below(&directory.path().join("writing")), [""; 0]);
    let capacity = store.capacity();
    assert_eq!(capacity.total_bytes, 300_000);
    assert!(capacity.free_bytes < 100_000 && capacity.used_bytes >= 200_000, "{capacity:?}");
}

#[test]
fn a_full_disk_is_an_error_of_its_own_and_the_store_goes_on() {
    let directory = TempDir::new().unwrap();
    let Some(_disk) = Tmpfs::mount(directory.path(), "2m") else {
        eprintln!("skipped: cannot mount a tmpfs (needs root)");
        return;
    };
    let store = Arc::new(BlockStore::open_with(directory.path(), small()).unwrap());
    put(&store, 1, 1, &data(500_000));
    let mut writer = store.begin_write(BlockId(2), Generation(1), 0).unwrap();
    let error = (0..10).find_map(|_| writer.append(&data(300_000)).err()).unwrap();
    assert!(matches!(error, BlockError::DiskFull { .. }), "{error}");
    drop(writer);
    assert_eq!(get(&store, 1, 1).unwrap(), data(500_000));
    put(&store, 3, 1, &data(900_000));
}

/// A small disk that can run full.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn mount(path: &Path, size: &str) -> Option<Tmpfs> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        mount.output().ok().filter(|output| output.status.success()).map(|_| Tmpfs(path.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
