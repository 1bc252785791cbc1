//! Fetching from holders that misbehave, over loopback.

use super::{super::tests::*, *};
use crate::{
    model::{AttemptId, Segment, outcome::LossReason},
    protocol::shuffle::{ShuffleReply, ShuffleRequest},
    shuffle::{Partition, ShuffleError, ShuffleWriter},
};
use bytes::Bytes;
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Endpoint, Identity, Listener, Mode, Secret, handshake,
};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio_util::sync::CancellationToken;

/// What a holder does with one piece that it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Serve,
    OtherBytes,
    OtherRecords,
    OtherPiece,
    Missing,
    /// Closes after half of the bytes.
    Close,
    Silent,
    Garbage,
}

/// Serves one stored segment for every piece, as a script says: one deed per piece that is asked for, then `Serve`.
struct Holder {
    stored: Bytes,
    segment: Segment,
    script: Mutex<Vec<Deed>>,
    connections: AtomicUsize,
}

impl Holder {
    async fn answer(&self, channel: &mut Channel, producer: AttemptId) -> Option<()> {
        let deed = {
            let mut script = self.script.lock().unwrap();
            if script.is_empty() { Deed::Serve } else { script.remove(0) }
        };
        let mut segment = self.segment;
        let mut bytes = self.stored.to_vec();
        match deed {
            Deed::OtherBytes => bytes[30] ^= 1,
            Deed::OtherRecords => segment.records += 1,
            Deed::Missing => {
                let reply = ShuffleReply::Missing { producer, reason: LossReason::NotThere };
                return channel.send(&reply).await.ok();
            }
            Deed::Silent => std::future::pending().await,
            Deed::Garbage => {
                channel.send(&ShuffleReply::Delivered).await.ok()?;
                return None;
            }
            Deed::Serve | Deed::OtherPiece | Deed::Close => {}
        }
        let named = AttemptId {
            part: crate::model::PartId(producer.part.0 + u32::from(deed == Deed::OtherPiece)),
            ..producer
        };
        channel.send(&ShuffleReply::Piece { producer: named, segment }).await.ok()?;
        let half = bytes.len() / 2;
        channel.send_payload(&bytes[..half]).await.ok()?;
        channel.flush().await.ok()?;
        if deed == Deed::Close {
            return None;
        }
        channel.send_payload(&bytes[half..]).await.ok()?;
        channel.flush().await.ok()
    }
}

impl Acceptor for Holder {
    fn admit(&self, _: &str, _: Mode, _: &Identity) -> Result<(), handshake::Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        self.connections.fetch_add(1, Relaxed);
        let mut channel = Channel::new(connection);
        while let Ok(Some(ShuffleRequest::Fetch { producers, .. })) = channel.receive_or_end().await {
            for producer in producers {
                if self.answer(&mut channel, producer).await.is_none() {
                    return;
                }
            }
        }
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    scratch: tempfile::TempDir,
    dialer: Dialer,
    holder: Arc<Holder>,
    location: Location,
    cancel: Cancel,
    patience: Duration,
    memory_bytes: usize,
}

const RECORDS: u64 = 20_000;

impl World {
    fn new(script: &[Deed]) -> World {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut writer =
            ShuffleWriter::new(options(scratch.path(), 1, 8 << 20), Partition::Hash, None).unwrap();
        for number in 0..RECORDS {
            writer
                .push(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(), &number.to_le_bytes())
                .unwrap();
        }
        let output = writer.finish().unwrap();
        let stored = stored(&output).remove(0);
        if let crate::shuffle::OutputData::File(path) = output.data {
            std::fs::remove_file(path).unwrap();
        }
        let holder = Arc::new(Holder {
            stored,
            segment: output.segments[0],
            script: Mutex::new(script.to_vec()),
            connections: AtomicUsize::new(0),
        });
        let secret = Secret::random();
        let listener = runtime.block_on(Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned()))).unwrap();
        let endpoint = listener.endpoint.clone();
        runtime.spawn(listener.serve(secret.clone(), Arc::clone(&holder), CancellationToken::new()));
        World {
            runtime,
            scratch,
            dialer: Dialer::new(Credential::Cluster(secret)),
            holder,
            location: Location { worker: WorkerId(1), endpoint, host: "here".to_owned(), socket: None },
            cancel: Cancel::default(),
            patience: Duration::from_millis(300),
            memory_bytes: 16 << 20,
        }
    }

    fn pieces(&self, count: u32) -> Vec<Piece> {
        (0..count).map(|part| piece(part, self.holder.segment)).collect()
    }

    fn open(&self, pieces: &[Piece], holders: &[Location]) -> Result<MergeReader, ShuffleError> {
        let options = FetchOptions {
            dialer: &self.dialer,
            runtime: self.runtime.handle(),
            host: "here",
            memory_bytes: self.memory_bytes,
            scratch: self.scratch.path(),
            stem: "input",
            patience: self.patience,
            cancel: &self.cancel,
            moved_bytes: &AtomicU64::new(0),
        };
        open(pieces, holders, 0, &options)
    }

    fn fetch(&self, count: u32) -> Result<MergeReader, ShuffleError> {
        self.open(&self.pieces(count), std::slice::from_ref(&self.location))
    }

    /// Parts of the pieces that are lost, each with the reason.
    fn lost(&self, count: u32) -> Vec<(u32, LossReason)> {
        lost(self.fetch(count))
    }
}

fn lost(fetched: Result<MergeReader, ShuffleError>) -> Vec<(u32, LossReason)> {
    match fetched {
        Err(ShuffleError::Lost(pieces)) => {
            pieces.into_iter().map(|piece| (piece.producer.part.0, piece.reason)).collect()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("nothing is lost"),
    }
}

fn count(mut reader: MergeReader) -> u64 {
    let mut records = 0;
    while reader.next().unwrap().is_some() {
        records += 1;
    }
    records
}

#[test]
fn pieces_of_one_holder_are_merged_whole_in_memory_and_through_scratch() {
    let mut world = World::new(&[]);
    for memory_bytes in [64 << 20, 1 << 20, 256 << 10] {
        world.memory_bytes = memory_bytes;
        let reader = world.fetch(8).unwrap();
        assert_eq!(reader.spilled_bytes() > 0, memory_bytes < 2 << 20);
        assert_eq!(count(reader), 8 * RECORDS);
        assert_eq!(std::fs::read_dir(world.scratch.path()).unwrap().count(), 0, "scratch is left clean");
    }
}

#[test]
fn a_piece_that_came_damaged_once_is_asked_for_again() {
    let world = World::new(&[Deed::Serve, Deed::OtherBytes]);
    assert_eq!(count(world.fetch(3).unwrap()), 3 * RECORDS);
}

#[test]
fn a_piece_that_comes_damaged_twice_is_corrupt_and_the_only_one_lost() {
    let world = World::new(&[Deed::Serve, Deed::OtherBytes, Deed::Serve, Deed::OtherBytes]);
    assert_eq!(world.lost(3), [(1, LossReason::Corrupt)]);
}

#[test]
fn a_connection_that_breaks_in_the_middle_is_made_again() {
    let world =
        World::new(&[Deed::Serve, Deed::Close, Deed::Close, Deed::Serve, Deed::Garbage, Deed::OtherPiece]);
    assert_eq!(count(world.fetch(5).unwrap()), 5 * RECORDS);
    assert_eq!(world.holder.connections.load(Relaxed), 5);
}

#[test]
fn a_piece_with_other_numbers_than_reported_is_a_mismatch() {
    let world = World::new(&[Deed::OtherRecords]);
    assert_eq!(world.lost(2), [(0, LossReason::Mismatch)]);
}

#[test]
fn every_missing_piece_is_reported_at_once() {
    let world = World::new(&[Deed::Missing, Deed::Serve, Deed::Missing]);
    assert_eq!(world.lost(4), [(0, LossReason::NotThere), (2, LossReason::NotThere)]);
}

#[test]
fn a_holder_that_falls_silent_is_given_up_after_the_patience() {
    let world = World::new(&[Deed::Serve, Deed::Silent, Deed::Silent, Deed::Silent]);
    assert_eq!(world.lost(3), [(1, LossReason::Unreachable), (2, LossReason::Unreachable)]);
}

#[test]
fn pieces_of_unknown_and_vanished_holders_are_unreachable_and_the_others_are_not() {
    let world = World::new(&[]);
    let mut pieces = world.pieces(4);
    pieces[1].holder = WorkerId(2);
    pieces[3].holder = WorkerId(3);
    let vanished = world.runtime.block_on(Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned()))).unwrap();
    let gone =
        Location { worker: WorkerId(2), endpoint: vanished.endpoint.clone(), ..world.location.clone() };
    drop(vanished);
    let found = lost(world.open(&pieces, &[world.location.clone(), gone]));
    assert_eq!(found, [(1, LossReason::Unreachable), (3, LossReason::Unreachable)]);
}

#[test]
fn pieces_without_records_are_not_asked_for() {
    let world = World::new(&[]);
    let empty = [piece(0, Segment::default()), piece(1, Segment::default())];
    assert_eq!(count(world.open(&empty, &[]).unwrap()), 0);
    let contradictory = [piece(0, Segment { records: 5, ..Segment::default() })];
    assert_eq!(lost(world.open(&contradictory, &[])), [(0, LossReason::Unreachable)]);
}

#[test]
fn a_cancelled_fetch_ends_at_once() {
    let mut world = World::new(&[Deed::Silent]);
    world.patience = Duration::from_secs(3600);
    let cancel = world.cancel.clone();
    let fetching = std::thread::spawn(move || world.fetch(2).map(count));
    cancel.raise();
    assert!(matches!(fetching.join().unwrap(), Err(ShuffleError::Cancelled)));
}
