//! The scheduler's section of the journal: how records and snapshots are stored there.
//!
//! | what | layout |
//! | --- | --- |
//! | record | a [`StoredRecord`]: its variant is the version |
//! | snapshot | one byte [`FORMAT`], then the [`Ledger`] |

use crate::{
    MasterError,
    core::{
        Core,
        event::Tick,
        ledger::Ledger,
        record::{Record, StoredRecord},
    },
};
use serde::de::DeserializeOwned;
use skep_hdfs::journal::{Lsn, Replay};
use skep_wire::codec;

/// Format of snapshots. Raised with each change of the ledger's layout.
const FORMAT: u8 = 1;

pub fn encode_record(record: Record) -> Vec<u8> {
    codec::encode(&StoredRecord::V1(record))
}

pub fn encode_snapshot(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    codec::encode_into(ledger, &mut bytes);
    bytes
}

/// The scheduler as the journal remembers it.
pub struct Restored {
    pub core: Core,
    /// Its newest record.
    pub newest: Lsn,
    /// Up to where the state was stored whole.
    pub snapshot_at: Lsn,
}

pub fn restore(now: Tick, replay: Replay) -> Result<Restored, MasterError> {
    let snapshot_at = replay.snapshot.as_ref().map_or(0, |(lsn, _)| *lsn);
    let snapshot = replay.snapshot.map(|(lsn, bytes)| decode_snapshot(lsn, &bytes)).transpose()?;
    let mut newest = snapshot_at;
    let mut log = Vec::with_capacity(replay.entries.len());
    for (lsn, bytes) in replay.entries {
        newest = newest.max(lsn);
        let StoredRecord::V1(record) = decode(lsn, &bytes)?;
        log.push(record);
    }
    let core = Core::restore(now, snapshot, log);
    Ok(Restored { core, newest: Lsn(newest), snapshot_at: Lsn(snapshot_at) })
}

fn decode_snapshot(lsn: u64, bytes: &[u8]) -> Result<Ledger, MasterError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => decode(lsn, body),
        Some((&found, _)) => Err(MasterError::Format { found, known: FORMAT }),
        None => Err(MasterError::Record { lsn, reason: "it is empty".to_owned() }),
    }
}

fn decode<T: DeserializeOwned>(lsn: u64, bytes: &[u8]) -> Result<T, MasterError> {
    codec::decode_stored(bytes).map_err(|error| MasterError::Record { lsn, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(bytes: Vec<u8>) -> Result<Restored, MasterError> {
        restore(Tick(1), Replay { snapshot: Some((3, bytes)), entries: Vec::new() })
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was() {
        let ledger = Ledger { term: 4, next_job: 17, ..Ledger::default() };
        let restored = snapshot(encode_snapshot(&ledger)).unwrap();
        assert_eq!(restored.core.ledger().next_job, 17);
        assert_eq!((restored.newest, restored.snapshot_at), (Lsn(3), Lsn(3)));
    }

    #[test]
    fn snapshots_of_another_format_and_damaged_ones_are_refused_by_their_kind() {
        let error = snapshot(vec![9, 1, 2]).err().unwrap();
        assert!(matches!(error, MasterError::Format { found: 9, known: FORMAT }), "{error}");
        for bytes in [vec![], vec![FORMAT], vec![FORMAT, 1, 2]] {
            let error = snapshot(bytes).err().unwrap();
            assert!(matches!(error, MasterError::Record { lsn: 3, .. }), "{error}");
        }
    }

    #[test]
    fn a_record_of_a_version_to_come_is_refused() {
        let entries = vec![(8, vec![77, 1, 2])];
        let error = restore(Tick(1), Replay { snapshot: None, entries }).err().unwrap();
        assert!(matches!(error, MasterError::Record { lsn: 8, .. }), "{error}");
    }
}
