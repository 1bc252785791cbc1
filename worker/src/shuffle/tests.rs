//! The store and its service with real producers and consumers, over loopback.

use super::*;
use crate::limits::SHUFFLE_CHUNK_BYTES;
use proptest::prelude::*;
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, JobId, PartId, Round, Segment, StageId,
        outcome::{LossReason, LostPiece},
    },
    protocol::{task::KeptData, worker::Piece},
    shuffle::{
        DeliverError, FetchOptions, MergeReader, OutputData, Partition, ShuffleError, ShuffleOutput,
        ShuffleWriter, WriterOptions, deliver, fetch,
    },
    task_program::Cancel,
};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Endpoint, Identity, Listener, Mode, Secret,
    handshake::Refusal,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const JOB: JobId = JobId(1);

fn attempt(job: JobId, part: u32) -> AttemptId {
    AttemptId { job, stage: StageId(0), round: Round(0), part: PartId(part), attempt: AttemptNumber(0) }
}

/// A core worker as far as shuffle goes.
struct Holder {
    store: Arc<ShuffleStore>,
    location: Location,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

struct Door(ShuffleService);

impl Acceptor for Door {
    fn admit(&self, _: &str, _: Mode, _: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        self.0.serve(Channel::new(connection)).await;
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
    secret: Secret,
    cancel: Cancel,
    patience: Duration,
}

impl World {
    fn new() -> World {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("scratch")).unwrap();
        let (secret, cancel) = (Secret::random(), Cancel::default());
        World { runtime, directory, secret, cancel, patience: Duration::from_millis(500) }
    }

    fn scratch(&self) -> PathBuf {
        self.directory.path().join("scratch")
    }

    fn root(&self, worker: u32) -> PathBuf {
        self.directory.path().join(format!("worker-{worker}"))
    }

    fn holder(&self, worker: u32, memory_budget_bytes: u64) -> Holder {
        self.holder_at(worker, memory_budget_bytes, "127.0.0.1:0")
    }

    fn holder_at(&self, worker: u32, memory_budget_bytes: u64, address: &str) -> Holder {
        let store = Arc::new(ShuffleStore::open(&self.root(worker), memory_budget_bytes).unwrap());
        let stop = CancellationToken::new();
        let listener = self.runtime.block_on(Listener::bind(&Endpoint::Tcp(address.to_owned()))).unwrap();
        let endpoint = listener.endpoint.clone();
        let door = Arc::new(Door(ShuffleService::new(Arc::clone(&store))));
        let ended = self.runtime.spawn(listener.serve(self.secret.clone(), door, stop.clone()));
        let location =
            Location { worker: WorkerId(worker), endpoint, host: "there".to_owned(), socket: None };
        Holder { store, location, stop, ended }
    }

    fn stop(&self, holder: Holder) -> Location {
        holder.stop.cancel();
        self.runtime.block_on(holder.ended).unwrap();
        holder.location
    }

    fn dialer(&self, job: JobId) -> Dialer {
        let job = job.to_string();
        Dialer::new(Credential::Job { token: self.secret.token_for(&job), job })
    }

    /// The output of one task: `records` records whose keys and values tell the task.
    fn output(&self, part: u32, records: u64, partitions: u32, value_bytes: usize) -> ShuffleOutput {
        let options = WriterOptions {
            partitions,
            memory_bytes: 64 << 20,
            scratch: self.scratch(),
            stem: format!("part-{part}"),
            keep_in_memory_bytes: 16 << 10,
        };
        let mut writer = ShuffleWriter::new(options, Partition::Hash, None).unwrap();
        for (key, value) in records_of(part, records, value_bytes) {
            writer.push(&key, &value).unwrap();
        }
        writer.finish().unwrap()
    }

    fn open(
        &self,
        pieces: &[Piece],
        holders: &[Location],
        memory_bytes: usize,
        moved_bytes: &AtomicU64,
    ) -> Result<MergeReader, ShuffleError> {
        let options = FetchOptions {
            dialer: &self.dialer(JOB),
            runtime: self.runtime.handle(),
            host: "here",
            memory_bytes,
            scratch: &self.scratch(),
            stem: "input",
            patience: self.patience,
            cancel: &self.cancel,
            moved_bytes,
        };
        fetch::open(pieces, holders, 0, &options)
    }

    fn lost(&self, pieces: &[Piece], holders: &[Location]) -> Vec<LostPiece> {
        match self.open(pieces, holders, 4 << 20, &AtomicU64::new(0)) {
            Err(ShuffleError::Lost(lost)) => lost,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("nothing is lost"),
        }
    }
}

/// Keys and values that do not compress, so that stored lengths are those of the data.
fn records_of(part: u32, records: u64, value_bytes: usize) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let mut state = (u64::from(part) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..records).map(move |_| {
        let key = xorshift(&mut state).to_be_bytes().to_vec();
        (key, (0..value_bytes).map(|_| xorshift(&mut state) as u8).collect())
    })
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn keep(holder: &Holder, part: u32, output: ShuffleOutput) -> Piece {
    let segment = output.segments[0];
    holder.store.keep(attempt(JOB, part), output.segments, output.data.into()).unwrap();
    Piece { producer: attempt(JOB, part), holder: holder.location.worker, segment }
}

fn read(mut reader: MergeReader) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((key, value)) = reader.next().unwrap() {
        records.push((key.to_vec(), value.to_vec()));
    }
    records
}

fn sorted(parts: impl Iterator<Item = u32>, records: u64, value_bytes: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut expected: Vec<_> = parts.flat_map(|part| records_of(part, records, value_bytes)).collect();
    expected.sort();
    expected
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

fn flip_in_the_middle(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn data_path(world: &World, worker: u32, part: u32) -> PathBuf {
    world.root(worker).join(format!("job-1/0.0.{part}.0.data"))
}

#[test]
fn five_thousand_pieces_of_three_holders_are_merged_in_one_mebibyte() {
    let mut world = World::new();
    world.patience = Duration::from_secs(60);
    let holders: Vec<Holder> = (1..=3).map(|worker| world.holder(worker, 256 << 10)).collect();
    let pieces: Vec<Piece> = (0..5_000)
        .map(|part| keep(&holders[part as usize % 3], part, world.output(part, 4, 1, 100)))
        .collect();
    for holder in &holders {
        assert!(holder.store.memory_bytes() <= 256 << 10);
    }
    let locations: Vec<Location> = holders.iter().map(|holder| holder.location.clone()).collect();
    let moved = AtomicU64::new(0);
    let reader = world.open(&pieces, &locations, 1 << 20, &moved).unwrap();
    assert!(reader.spilled_bytes() > 0, "two megabytes do not fit into one");
    let fetched: u64 = pieces.iter().map(|piece| piece.segment.len_bytes).sum();
    assert!(moved.load(Relaxed) > fetched, "what is merged ahead counts as well");
    let found = read(reader);
    assert!(found.is_sorted_by_key(|(key, _)| key));
    assert!(found == sorted(0..5_000, 4, 100));
}

#[test]
fn a_flipped_byte_in_a_short_piece_is_reported_by_holder_and_consumer() {
    let world = World::new();
    let holder = world.holder(1, 0);
    let pieces: Vec<Piece> = (0..4).map(|part| keep(&holder, part, world.output(part, 500, 1, 50))).collect();
    flip_in_the_middle(&data_path(&world, 1, 2));
    let lost = world.lost(&pieces, std::slice::from_ref(&holder.location));
    let expected = LostPiece {
        producer: attempt(JOB, 2),
        stage: StageId(0),
        holder: WorkerId(1),
        reason: LossReason::Corrupt,
    };
    assert_eq!(lost, [expected]);
    assert_eq!(world.runtime.block_on(holder.store.next_lost()), [attempt(JOB, 2)]);
    assert_eq!(holder.store.outputs(), [0, 1, 3].map(|part| attempt(JOB, part)));
    // The producer ran again under the same name: the good output replaces the bad one.
    let again = keep(&holder, 2, world.output(2, 500, 1, 50));
    assert_eq!(
        read(world.open(&[again], &[holder.location], 1 << 20, &AtomicU64::new(0)).unwrap()).len(),
        500
    );
}

#[test]
fn a_flipped_byte_in_a_long_piece_is_reported_by_holder_and_consumer() {
    let world = World::new();
    let holder = world.holder(1, 0);
    let pieces: Vec<Piece> =
        (0..3).map(|part| keep(&holder, part, world.output(part, 3_000, 1, 1_000))).collect();
    assert!(pieces[1].segment.len_bytes > 2 * SHUFFLE_CHUNK_BYTES as u64);
    flip_in_the_middle(&data_path(&world, 1, 1));
    let lost = world.lost(&pieces, std::slice::from_ref(&holder.location));
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].producer, &lost[0].reason), (attempt(JOB, 1), &LossReason::Corrupt));
    assert_eq!(world.runtime.block_on(holder.store.next_lost()), [attempt(JOB, 1)]);
}

#[test]
fn vanished_files_and_damaged_indexes_lose_their_outputs_only() {
    let world = World::new();
    let holder = world.holder(1, 0);
    let pieces: Vec<Piece> = (0..4).map(|part| keep(&holder, part, world.output(part, 50, 1, 50))).collect();
    fs::remove_file(data_path(&world, 1, 0)).unwrap();
    fs::write(data_path(&world, 1, 1).with_extension("index"), b"garbage").unwrap();
    let bytes = fs::read(data_path(&world, 1, 3)).unwrap();
    fs::write(data_path(&world, 1, 3), &bytes[..bytes.len() - 1]).unwrap();
    let lost = world.lost(&pieces, std::slice::from_ref(&holder.location));
    let found: Vec<_> = lost.into_iter().map(|piece| (piece.producer.part.0, piece.reason)).collect();
    assert_eq!(found, [(0, LossReason::NotThere), (1, LossReason::Corrupt), (3, LossReason::Corrupt)]);
    assert_eq!(holder.store.outputs(), [attempt(JOB, 2)]);
}

#[test]
fn a_holder_that_is_killed_in_the_middle_costs_what_had_not_arrived() {
    let world = World::new();
    let (first, second) = (world.holder(1, 0), world.holder(2, 0));
    let pieces: Vec<Piece> = (0..12)
        .map(|part| keep(if part < 6 { &first } else { &second }, part, world.output(part, 3_000, 1, 1_000)))
        .collect();
    let locations = [first.location.clone(), second.location.clone()];
    let received = AtomicU64::new(0);
    let lost = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| world.open(&pieces, &locations, 64 << 20, &received).err());
        let started = Instant::now();
        while received.load(Relaxed) == 0 && started.elapsed() < Duration::from_secs(60) {
            std::thread::yield_now();
        }
        world.stop(second);
        fetching.join().unwrap()
    });
    match lost {
        Some(ShuffleError::Lost(lost)) => {
            assert!(
                lost.iter()
                    .all(|piece| piece.holder == WorkerId(2) && piece.reason == LossReason::Unreachable)
            );
        }
        // The fetch was faster than the kill.
        None => assert_eq!(
            received.load(Relaxed),
            pieces.iter().map(|piece| piece.segment.len_bytes).sum::<u64>()
        ),
        Some(error) => panic!("{error}"),
    }
}

#[test]
fn a_holder_that_comes_back_in_time_costs_nothing() {
    let mut world = World::new();
    world.patience = Duration::from_secs(60);
    let holder = world.holder(1, 0);
    let pieces: Vec<Piece> =
        (0..8).map(|part| keep(&holder, part, world.output(part, 3_000, 1, 1_000))).collect();
    let locations = [holder.location.clone()];
    let Endpoint::Tcp(address) = holder.location.endpoint.clone() else { panic!("not TCP") };
    let received = AtomicU64::new(0);
    let found = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| read(world.open(&pieces, &locations, 1 << 20, &received).unwrap()));
        let started = Instant::now();
        while received.load(Relaxed) == 0 && started.elapsed() < Duration::from_secs(60) {
            std::thread::yield_now();
        }
        world.stop(holder);
        let _again = world.holder_at(1, 0, &address);
        fetching.join().unwrap()
    });
    assert!(found == sorted(0..8, 3_000, 1_000));
}

#[test]
fn a_reopened_store_holds_what_is_whole_in_files_and_removes_the_rest() {
    let world = World::new();
    let holder = world.holder(1, 1 << 20);
    let in_file = keep(&holder, 0, world.output(0, 500, 2, 100));
    keep(&holder, 1, world.output(1, 5, 2, 10));
    for part in 2..6 {
        keep(&holder, part, world.output(part, 500, 2, 100));
    }
    assert!(holder.store.memory_bytes() > 0, "a small output stays in memory");
    assert_eq!(holder.store.outputs().len(), 6);
    world.stop(holder);
    let data = |part| data_path(&world, 1, part);
    fs::remove_file(data(2)).unwrap();
    fs::remove_file(data(3).with_extension("index")).unwrap();
    flip_in_the_middle(&data(4).with_extension("index"));
    fs::write(data(5), b"short").unwrap();
    let root = world.root(1);
    fs::write(root.join("incoming/7.new"), b"half").unwrap();
    fs::write(root.join("job-1/9.index-new"), b"half").unwrap();
    fs::create_dir(root.join("job-01")).unwrap();
    fs::write(root.join("stray"), b"?").unwrap();

    let again = world.holder(1, 1 << 20);
    assert_eq!(again.store.outputs(), [attempt(JOB, 0)]);
    assert_eq!(files_below(&root), [data(0), data(0).with_extension("index")]);
    let in_memory = Piece { producer: attempt(JOB, 1), ..in_file.clone() };
    let found = read(
        world.open(&[in_file], std::slice::from_ref(&again.location), 1 << 20, &AtomicU64::new(0)).unwrap(),
    );
    assert!(!found.is_empty() && found.iter().all(|(_, value)| value.len() == 100));
    assert_eq!(world.lost(&[in_memory], &[again.location])[0].reason, LossReason::NotThere);
}

#[test]
fn a_delivered_output_is_kept_by_the_first_worker_that_takes_it_and_may_come_twice() {
    let world = World::new();
    let gone = world.holder(1, 0);
    let gone = world.stop(gone);
    let holder = world.holder(2, 1 << 20);
    let locations = [gone, holder.location.clone()];
    let dialer = world.dialer(JOB);
    for (part, records) in [(0, 0), (1, 3), (2, 30_000)] {
        let output = world.output(part, records, 1, 100);
        let data = KeptData::from(output.data);
        let sent = AtomicU64::new(0);
        for _ in 0..2 {
            let delivered = deliver(&dialer, &locations, attempt(JOB, part), &output.segments, &data, &sent);
            assert_eq!(world.runtime.block_on(delivered).unwrap(), WorkerId(2));
        }
        assert_eq!(sent.load(Relaxed), 2 * output.segments[0].len_bytes);
        let piece = Piece { producer: attempt(JOB, part), holder: WorkerId(2), segment: output.segments[0] };
        let found = read(world.open(&[piece], &locations, 1 << 20, &AtomicU64::new(0)).unwrap());
        assert!(found == sorted(part..part + 1, records, 100));
    }
    assert_eq!(holder.store.len(), 3);
    assert_eq!(fs::read_dir(world.root(2).join("incoming")).unwrap().count(), 0);
    let nothing = KeptData::Memory(Vec::new());
    let sent = AtomicU64::new(0);
    let nobody = deliver(&dialer, &[], attempt(JOB, 9), &[], &nothing, &sent);
    assert!(matches!(world.runtime.block_on(nobody), Err(DeliverError::Nowhere)));
}

/// Sends a delivery by hand: `segments` are announced, `bytes` sent; ends it properly or just goes.
fn deliver_raw(
    world: &World,
    holder: &Holder,
    job: JobId,
    segments: Vec<Segment>,
    bytes: &[u8],
    ends: bool,
) -> Option<skep_jobs::protocol::shuffle::ShuffleReply> {
    use skep_jobs::protocol::{
        SHUFFLE_SERVICE,
        shuffle::{DeliverEnd, ShuffleRequest},
    };
    world.runtime.block_on(async {
        let mut channel =
            world.dialer(JOB).channel(&holder.location.endpoint, SHUFFLE_SERVICE).await.unwrap();
        let request = ShuffleRequest::Deliver { attempt: attempt(job, 0), segments };
        channel.send(&request).await.unwrap();
        for frame in bytes.chunks(100_000) {
            channel.send_payload(frame).await.unwrap();
        }
        channel.flush().await.unwrap();
        if !ends {
            return None;
        }
        channel.send(&DeliverEnd).await.unwrap();
        Some(channel.receive().await.unwrap())
    })
}

fn segment_of(bytes: &[u8]) -> Segment {
    Segment { len_bytes: bytes.len() as u64, records: 1, crc: crc_fast::crc32_iscsi(bytes) }
}

#[test]
fn a_delivery_that_is_not_what_it_announced_leaves_nothing() {
    use skep_jobs::protocol::shuffle::ShuffleReply;
    let world = World::new();
    let holder = world.holder(1, 1 << 20);
    for len in [1_000, 3 << 20] {
        let bytes = vec![5; len];
        let good = segment_of(&bytes);
        let bad = [
            (vec![Segment { crc: good.crc ^ 1, ..good }], &bytes[..]),
            (vec![good], &bytes[1..]),
            (vec![good, good], &bytes[..]),
            (vec![segment_of(&bytes[1..])], &bytes[..]),
            (Vec::new(), &bytes[..]),
            (vec![Segment { len_bytes: u64::MAX, ..good }, good], &bytes[..]),
        ];
        for (segments, bytes) in bad {
            let reply = deliver_raw(&world, &holder, JOB, segments, bytes, true);
            assert!(matches!(reply, Some(ShuffleReply::Failed { disk_full: false, .. })), "{reply:?}");
        }
        assert_eq!(deliver_raw(&world, &holder, JOB, vec![good, good], &bytes, false), None);
        let started = Instant::now();
        while !files_below(&world.root(1)).is_empty() && started.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(holder.store.is_empty() && files_below(&world.root(1)).is_empty());
        let reply = deliver_raw(&world, &holder, JOB, vec![good], &bytes, true);
        assert_eq!(reply, Some(ShuffleReply::Delivered));
        holder.store.drop_outputs(&[attempt(JOB, 0)]);
    }
}

#[test]
fn a_full_disk_refuses_a_delivery_by_name_and_the_next_one_fits_again() {
    use skep_jobs::protocol::shuffle::ShuffleReply;
    let world = World::new();
    let holder = world.holder(1, 1 << 20);
    std::os::unix::fs::symlink("/dev/full", world.root(1).join("incoming/0.new")).unwrap();
    let bytes = vec![5; 3 << 20];
    let refused = deliver_raw(&world, &holder, JOB, vec![segment_of(&bytes)], &bytes, true);
    assert!(matches!(refused, Some(ShuffleReply::Failed { disk_full: true, .. })), "{refused:?}");
    assert!(holder.store.is_empty() && files_below(&world.root(1)).is_empty());
    let taken = deliver_raw(&world, &holder, JOB, vec![segment_of(&bytes)], &bytes, true);
    assert_eq!(taken, Some(ShuffleReply::Delivered));
}

#[test]
fn a_token_opens_its_own_job_only() {
    use skep_jobs::protocol::shuffle::ShuffleReply;
    let world = World::new();
    let holder = world.holder(1, 1 << 20);
    let reply = deliver_raw(&world, &holder, JobId(2), vec![segment_of(b"abc")], b"abc", true);
    assert!(matches!(reply, Some(ShuffleReply::Failed { .. })), "{reply:?}");
    assert!(holder.store.is_empty());
    holder
        .store
        .keep(attempt(JobId(2), 0), vec![segment_of(b"abc")], KeptData::Memory(b"abc".to_vec()))
        .unwrap();
    let other = Piece { producer: attempt(JobId(2), 0), holder: WorkerId(1), segment: segment_of(b"abc") };
    let lost = world.lost(&[other], &[holder.location]);
    assert_eq!(lost[0].reason, LossReason::Unreachable);
}

#[test]
fn nothing_is_kept_for_a_job_that_is_over() {
    let world = World::new();
    let holder = world.holder(1, 1 << 20);
    for part in 0..3 {
        keep(&holder, part, world.output(part, 300 * u64::from(part), 1, 100));
    }
    let other = attempt(JobId(2), 0);
    holder.store.keep(other, vec![segment_of(b"abc")], KeptData::Memory(b"abc".to_vec())).unwrap();
    holder.store.drop_job(JOB);
    assert_eq!(holder.store.outputs(), [other]);
    assert!(files_below(&world.root(1)).is_empty() && !world.root(1).join("job-1").exists());
    let output = world.output(7, 3_000, 1, 100);
    let OutputData::File(path) = &output.data else { panic!("a long output is in a file") };
    let kept = holder.store.keep(attempt(JOB, 7), output.segments, KeptData::File(path.clone()));
    assert!(matches!(kept, Err(StoreError::JobOver(JOB))), "{kept:?}");
    assert!(files_below(&world.root(1)).is_empty());
}

#[test]
fn a_sweep_removes_outputs_of_dead_jobs_that_were_there_before_the_question() {
    let world = World::new();
    let store = ShuffleStore::open(&world.root(1), 0).unwrap();
    let keep =
        |job| store.keep(attempt(JobId(job), 0), vec![segment_of(b"abc")], KeptData::Memory(b"abc".to_vec()));
    keep(1).unwrap();
    keep(2).unwrap();
    let asked = store.mark();
    keep(3).unwrap();
    store.sweep(&BTreeSet::from([JobId(2)]), asked);
    assert_eq!(store.bytes_by_job(), BTreeMap::from([(JobId(2), 3), (JobId(3), 3)]));
    assert!(!world.root(1).join("job-1").exists());
}

#[test]
fn keeping_again_is_harmless_and_keeping_another_is_an_error() {
    let world = World::new();
    let store = ShuffleStore::open(&world.root(1), 1 << 20).unwrap();
    let keep =
        |bytes: &[u8]| store.keep(attempt(JOB, 0), vec![segment_of(bytes)], KeptData::Memory(bytes.to_vec()));
    keep(b"abc").unwrap();
    keep(b"abc").unwrap();
    assert!(matches!(keep(b"other"), Err(StoreError::Conflict(_))));
    let short = store.keep(attempt(JOB, 1), vec![segment_of(b"abc")], KeptData::Memory(b"ab".to_vec()));
    assert!(matches!(short, Err(StoreError::Length { found: 2, expected: 3, .. })));
    let missing = store.keep(attempt(JOB, 1), vec![], KeptData::File(world.scratch().join("nothing")));
    assert!(matches!(missing, Err(StoreError::Disk { .. })));
    assert_eq!(store.len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Keep { part: u32, len: usize, as_file: bool },
    Drop(u32),
    DropJob,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0u32..12, 0usize..400, any::<bool>()).prop_map(|(part, len, as_file)| Step::Keep { part, len, as_file }),
        3 => (0u32..12).prop_map(Step::Drop),
        1 => Just(Step::DropJob),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_store_holds_what_a_map_would_within_its_memory_and_across_restarts(steps in steps()) {
        const BUDGET: u64 = 1_000;
        let directory = tempfile::tempdir().unwrap();
        let (root, given) = (directory.path().join("store"), directory.path().join("given"));
        let mut store = ShuffleStore::open(&root, BUDGET).unwrap();
        let mut model = BTreeMap::<AttemptId, usize>::new();
        let mut job = 1;
        for step in steps {
            match step {
                Step::Keep { part, len, as_file } => {
                    let (attempt, bytes) = (attempt(JobId(job), part), vec![part as u8; len]);
                    let segments = vec![segment_of(&bytes)];
                    let data = if as_file {
                        fs::write(&given, &bytes).unwrap();
                        KeptData::File(given.clone())
                    } else {
                        KeptData::Memory(bytes)
                    };
                    let kept = store.keep(attempt, segments, data);
                    prop_assert_eq!(kept.is_ok(), model.get(&attempt).is_none_or(|held| *held == len));
                    model.entry(attempt).or_insert(len);
                }
                Step::Drop(part) => {
                    store.drop_outputs(&[attempt(JobId(job), part)]);
                    model.remove(&attempt(JobId(job), part));
                }
                Step::DropJob => {
                    store.drop_job(JobId(job));
                    model.retain(|attempt, _| attempt.job != JobId(job));
                    job += 1;
                }
                Step::Reopen => {
                    let before = store.outputs();
                    drop(store);
                    store = ShuffleStore::open(&root, BUDGET).unwrap();
                    // What was in memory is gone; nothing else is, and nothing came to be.
                    let after: BTreeSet<AttemptId> = store.outputs().into_iter().collect();
                    prop_assert!(after.iter().all(|attempt| before.contains(attempt)));
                    let gone: usize = model.iter().filter(|(attempt, _)| !after.contains(attempt)).map(|(_, len)| len).sum();
                    prop_assert!(gone as u64 <= BUDGET);
                    model.retain(|attempt, _| after.contains(attempt));
                }
            }
            prop_assert_eq!(store.outputs(), model.keys().copied().collect::<Vec<_>>());
            prop_assert!(store.memory_bytes() <= BUDGET);
            let bytes: u64 = store.bytes_by_job().values().sum();
            prop_assert_eq!(bytes, model.values().sum::<usize>() as u64);
        }
    }
}
