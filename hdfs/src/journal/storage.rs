//! Tables and transactions of the journal's redb file.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `log` | position, u64 | CRC32C (4 bytes, little-endian) of the rest, then the encoded `Vec<(Section, Vec<u8>)>` |
//! | `snapshot` | (section, chunk), (u8, u32) | CRC32C of the rest, then at most 8 MiB of the state |
//! | `meta` | name | u64: `version`, `newest` (highest position ever durable), `snapshot-<section>`, `chunks-<section>` |

use super::{JournalError, Lsn, Replay, Section, writer::Lag};
use crate::limits::{JOURNAL_CACHE_BYTES, JOURNAL_CHUNK_BYTES};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::{collections::BTreeMap, fmt::Display, path::Path};

const VERSION: u64 = 1;
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const SNAPSHOT: TableDefinition<'_, (u8, u32), &[u8]> = TableDefinition::new("snapshot");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

pub struct Storage {
    database: Database,
    path: String,
}

impl Storage {
    pub fn open(directory: &Path) -> Result<(Storage, BTreeMap<Section, Replay>, Lsn), JournalError> {
        let file = directory.join("journal.redb");
        let path = file.display().to_string();
        let failed =
            |reason: &dyn Display| JournalError::Storage { path: path.clone(), reason: reason.to_string() };
        std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
        let database = match Database::builder().set_cache_size(JOURNAL_CACHE_BYTES).create(&file) {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(JournalError::Locked { path }),
            Err(error) => return Err(failed(&error)),
        };
        let storage = Storage { database, path };
        storage.check_version()?;
        let (replays, newest) = storage.replay()?;
        Ok((storage, replays, newest))
    }

    fn failed(&self, reason: impl Display) -> JournalError {
        JournalError::Storage { path: self.path.clone(), reason: reason.to_string() }
    }

    fn check_version(&self) -> Result<(), JournalError> {
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        {
            let mut meta = transaction.open_table(META).map_err(|error| self.failed(error))?;
            transaction.open_table(LOG).map_err(|error| self.failed(error))?;
            transaction.open_table(SNAPSHOT).map_err(|error| self.failed(error))?;
            let found = meta.get("version").map_err(|error| self.failed(error))?.map(|value| value.value());
            match found {
                Some(VERSION) => {}
                None => {
                    meta.insert("version", VERSION).map_err(|error| self.failed(error))?;
                }
                Some(other) => {
                    let reason = format!(
                        "it has format {other}, this release reads {VERSION}: use the release that wrote it"
                    );
                    return Err(self.failed(reason));
                }
            }
        }
        transaction.commit().map_err(|error| self.failed(error))
    }

    fn replay(&self) -> Result<(BTreeMap<Section, Replay>, Lsn), JournalError> {
        let read = self.database.begin_read().map_err(|error| self.failed(error))?;
        let meta = read.open_table(META).map_err(|error| self.failed(error))?;
        let meta = |name: &str| -> Result<Option<u64>, JournalError> {
            Ok(meta.get(name).map_err(|error| self.failed(error))?.map(|value| value.value()))
        };
        let mut replays = BTreeMap::new();
        let snapshots = read.open_table(SNAPSHOT).map_err(|error| self.failed(error))?;
        for section in Section::ALL {
            let mut replay = Replay::default();
            if let Some(lsn) = meta(&snapshot_name(section))? {
                let mut state = Vec::new();
                for chunk in 0..meta(&chunks_name(section))?.unwrap_or(0) {
                    let found =
                        snapshots.get((section as u8, chunk as u32)).map_err(|error| self.failed(error))?;
                    let corrupt = || JournalError::Corrupt { path: self.path.clone(), lsn };
                    state.extend_from_slice(unseal(found.ok_or_else(corrupt)?.value()).ok_or_else(corrupt)?);
                }
                replay.snapshot = Some((lsn, state));
            }
            replays.insert(section, replay);
        }
        let log = read.open_table(LOG).map_err(|error| self.failed(error))?;
        let mut newest = meta("newest")?.unwrap_or(0);
        for record in log.iter().map_err(|error| self.failed(error))? {
            let (lsn, bytes) = record.map_err(|error| self.failed(error))?;
            let lsn = lsn.value();
            newest = newest.max(lsn);
            let corrupt = || JournalError::Corrupt { path: self.path.clone(), lsn };
            let body = unseal(bytes.value()).ok_or_else(corrupt)?;
            let entries: Vec<(Section, Vec<u8>)> =
                skep_wire::codec::decode_stored(body).map_err(|_| corrupt())?;
            for (section, entry) in entries {
                let replay = replays.entry(section).or_default();
                if replay.snapshot.as_ref().is_none_or(|(taken, _)| *taken < lsn) {
                    replay.entries.push((lsn, entry));
                }
            }
        }
        Ok((replays, Lsn(newest)))
    }

    /// How long the log after each section's snapshot is.
    pub fn lag(&self) -> Result<BTreeMap<Section, Lag>, JournalError> {
        let read = self.database.begin_read().map_err(|error| self.failed(error))?;
        let meta = read.open_table(META).map_err(|error| self.failed(error))?;
        let mut lags = Vec::new();
        for section in Section::ALL {
            let taken = meta.get(snapshot_name(section).as_str()).map_err(|error| self.failed(error))?;
            lags.push((section, taken.map_or(0, |taken| taken.value()), Lag::default()));
        }
        let log = read.open_table(LOG).map_err(|error| self.failed(error))?;
        for record in log.iter().map_err(|error| self.failed(error))? {
            let (lsn, bytes) = record.map_err(|error| self.failed(error))?;
            for (_, taken, lag) in &mut lags {
                if lsn.value() > *taken {
                    lag.grow(bytes.value().len());
                }
            }
        }
        Ok(lags.into_iter().map(|(section, _, lag)| (section, lag)).collect())
    }

    /// Makes these records durable, in one transaction.
    pub fn append(&self, records: &[(Lsn, Vec<u8>)]) -> Result<(), JournalError> {
        let Some((newest, _)) = records.last() else { return Ok(()) };
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        {
            let mut log = transaction.open_table(LOG).map_err(|error| self.failed(error))?;
            for (lsn, body) in records {
                log.insert(lsn.0, seal(body).as_slice()).map_err(|error| self.failed(error))?;
            }
        }
        self.set(&transaction, "newest", newest.0)?;
        transaction.commit().map_err(|error| self.failed(error))
    }

    /// Replaces a section's snapshot and removes the records that no section needs any more.
    pub fn snapshot(&self, section: Section, lsn: Lsn, state: &[u8]) -> Result<(), JournalError> {
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        let mut needed_after = lsn.0;
        let before = {
            let meta = transaction.open_table(META).map_err(|error| self.failed(error))?;
            let taken = meta.get(snapshot_name(section).as_str()).map_err(|error| self.failed(error))?;
            taken.map_or(0, |taken| taken.value())
        };
        // The log between it and the newer one may be gone.
        if lsn.0 < before {
            return Ok(());
        }
        {
            let mut snapshots = transaction.open_table(SNAPSHOT).map_err(|error| self.failed(error))?;
            snapshots
                .retain_in((section as u8, 0)..=(section as u8, u32::MAX), |_, _| false)
                .map_err(|error| self.failed(error))?;
            for (chunk, bytes) in state.chunks(JOURNAL_CHUNK_BYTES).enumerate() {
                let key = (section as u8, u32::try_from(chunk).unwrap_or(u32::MAX));
                snapshots.insert(key, seal(bytes).as_slice()).map_err(|error| self.failed(error))?;
            }
        }
        self.set(&transaction, &snapshot_name(section), lsn.0)?;
        self.set(&transaction, &chunks_name(section), state.chunks(JOURNAL_CHUNK_BYTES).count() as u64)?;
        {
            let meta = transaction.open_table(META).map_err(|error| self.failed(error))?;
            for other in Section::ALL {
                let taken = meta.get(snapshot_name(other).as_str()).map_err(|error| self.failed(error))?;
                needed_after = needed_after.min(taken.map_or(0, |taken| taken.value()));
            }
            let mut log = transaction.open_table(LOG).map_err(|error| self.failed(error))?;
            log.retain_in(0..=needed_after, |_, _| false).map_err(|error| self.failed(error))?;
        }
        transaction.commit().map_err(|error| self.failed(error))
    }

    fn set(&self, transaction: &WriteTransaction, name: &str, value: u64) -> Result<(), JournalError> {
        let mut meta = transaction.open_table(META).map_err(|error| self.failed(error))?;
        meta.insert(name, value).map_err(|error| self.failed(error))?;
        Ok(())
    }
}

fn snapshot_name(section: Section) -> String {
    format!("snapshot-{}", section as u8)
}

fn chunks_name(section: Section) -> String {
    format!("chunks-{}", section as u8)
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    (crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32).to_le_bytes()
}

fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(bytes.len() + 4);
    sealed.extend_from_slice(&checksum(bytes));
    sealed.extend_from_slice(bytes);
    sealed
}

fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (sum, bytes) = sealed.split_first_chunk::<4>()?;
    (*sum == checksum(bytes)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_in_a_record_is_noticed() {
        let mut sealed = seal(b"record");
        assert_eq!(unseal(&sealed), Some(&b"record"[..]));
        sealed[6] ^= 1;
        assert_eq!(unseal(&sealed), None);
        assert_eq!(unseal(b"abc"), None);
    }

    #[test]
    fn a_damaged_record_is_reported_with_its_position() {
        let folder = tempfile::tempdir().unwrap();
        let (storage, ..) = Storage::open(folder.path()).unwrap();
        let body = skep_wire::codec::encode(&vec![(Section::Namespace, b"x".to_vec())]);
        storage.append(&[(Lsn(1), body)]).unwrap();
        let transaction = storage.database.begin_write().unwrap();
        transaction.open_table(LOG).unwrap().insert(1, &b"garbage"[..]).unwrap();
        transaction.commit().unwrap();
        drop(storage);
        assert!(matches!(Storage::open(folder.path()), Err(JournalError::Corrupt { lsn: 1, .. })));
    }
}
