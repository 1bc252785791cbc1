//! Producer and consumer together, against a sorted list.

use super::{
    format::{BlockHeader, FormatError, HEADER_BYTES, count_records},
    *,
};
use crate::model::{AttemptId, AttemptNumber, JobId, PartId, Round, Segment, StageId, outcome::LossReason};
use crate::protocol::worker::Piece;
use bytes::Bytes;
use proptest::prelude::*;
use skep_hdfs::WorkerId;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

type Records = Vec<(Vec<u8>, Vec<u8>)>;

pub(super) fn piece(part: u32, segment: Segment) -> Piece {
    let producer = AttemptId {
        job: JobId(1),
        stage: StageId(0),
        round: Round(0),
        part: PartId(part),
        attempt: AttemptNumber(0),
    };
    Piece { producer, holder: WorkerId(1), segment }
}

pub(super) fn options(scratch: &Path, partitions: u32, memory_bytes: usize) -> WriterOptions {
    WriterOptions {
        partitions,
        memory_bytes,
        scratch: scratch.to_owned(),
        stem: "attempt".to_owned(),
        keep_in_memory_bytes: 64 << 10,
    }
}

/// The stored bytes of every partition, taken out of the output.
pub(super) fn stored(output: &ShuffleOutput) -> Vec<Bytes> {
    let bytes = match &output.data {
        OutputData::Memory(bytes) => bytes.clone(),
        OutputData::File(path) => std::fs::read(path).unwrap(),
    };
    let mut rest = Bytes::from(bytes);
    let stored = output.segments.iter().map(|segment| {
        let stored = rest.split_to(segment.len_bytes as usize);
        assert_eq!(crc_fast::crc32_iscsi(&stored), segment.crc);
        assert_eq!(count_records(&stored), Ok(segment.records));
        stored
    });
    let stored = stored.collect();
    assert!(rest.is_empty(), "segments lie one after the other and nothing else does");
    stored
}

pub(super) fn read_all(reader: &mut MergeReader) -> Records {
    let mut records = Vec::new();
    while let Some((key, value)) = reader.next().unwrap() {
        records.push((key.to_vec(), value.to_vec()));
    }
    records
}

/// Merges what several producers made of a partition.
fn merged(outputs: &[ShuffleOutput], partition: usize, memory_bytes: usize, scratch: &Path) -> Records {
    let segments = outputs.iter().enumerate().map(|(part, output)| {
        let piece = piece(part as u32, output.segments[partition]);
        SortedSegment::fetched(Arc::new(piece), stored(output)[partition].clone())
    });
    read_all(
        &mut MergeReader::open(segments.collect(), memory_bytes, scratch, "reader", &AtomicU64::new(0))
            .unwrap(),
    )
}

fn write(writer: &mut ShuffleWriter, records: &Records) {
    for (key, value) in records {
        writer.push(key, value).unwrap();
    }
}

fn records(max: usize) -> impl Strategy<Value = Records> {
    let key = prop_oneof![prop::collection::vec(0u8..3, 0..12), prop::collection::vec(any::<u8>(), 0..20),];
    let value = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..30),
        1 => (any::<u8>(), 0usize..2_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec((key, value), 0..max)
}

/// Adds up values of four bytes.
struct Sum;

impl CombineValues for Sum {
    fn combine(
        &mut self,
        _: &[u8],
        values: &ValueList,
        combined: &mut ValueList,
    ) -> Result<(), CombineFailure> {
        let mut sum = 0u32;
        for value in values.iter() {
            sum = sum.wrapping_add(u32::from_le_bytes(value.try_into()?));
        }
        combined.push(&sum.to_le_bytes());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_producers_wrote_is_read_back_sorted_and_whole(
        inputs in prop::collection::vec(records(400), 1..5),
        partitions in 1u32..6,
        writer_memory in prop_oneof![Just(20usize << 10), Just(1 << 20)],
        reader_memory in prop_oneof![Just(1usize << 10), Just(100 << 10), Just(4 << 20)],
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let mut outputs = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let options = WriterOptions { stem: format!("a{index}"), ..options(scratch.path(), partitions, writer_memory) };
            let mut writer = ShuffleWriter::new(options, Partition::Hash, None).unwrap();
            write(&mut writer, input);
            outputs.push(writer.finish().unwrap());
        }
        let mut expected = vec![Records::new(); partitions as usize];
        let partitioner = partition::Partitioner::new(Partition::Hash, partitions).unwrap();
        for (key, value) in inputs.concat() {
            expected[partitioner.of(&key).unwrap() as usize].push((key, value));
        }
        for (partition, mut expected) in expected.into_iter().enumerate() {
            let mut found = merged(&outputs, partition, reader_memory, scratch.path());
            prop_assert!(found.is_sorted_by_key(|(key, _)| key));
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn combining_in_spills_and_merges_gives_the_sums(
        numbers in prop::collection::vec((0u16..200, any::<u32>()), 0..6_000),
        memory in prop_oneof![Just(17usize << 10), Just(1 << 20)],
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let mut writer =
            ShuffleWriter::new(options(scratch.path(), 3, memory), Partition::Hash, Some(Box::new(Sum))).unwrap();
        let mut sums = BTreeMap::<Vec<u8>, u32>::new();
        for (key, number) in &numbers {
            let key = format!("key {key}").into_bytes();
            writer.push(&key, &number.to_le_bytes()).unwrap();
            let sum = sums.entry(key).or_default();
            *sum = sum.wrapping_add(*number);
        }
        let output = [writer.finish().unwrap()];
        let mut found: Records = (0..3).flat_map(|p| merged(&output, p, 1 << 20, scratch.path())).collect();
        found.sort();
        let expected: Records = sums.into_iter().map(|(key, sum)| (key, sum.to_le_bytes().to_vec())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn changed_bytes_are_refused_or_harmless_and_never_panic(
        input in records(60),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
        cut in any::<prop::sample::Index>(),
        truncate: bool,
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 1 << 20), Partition::Hash, None).unwrap();
        write(&mut writer, &input);
        let output = writer.finish().unwrap();
        let mut bytes = stored(&output)[0].to_vec();
        if !bytes.is_empty() {
            if truncate {
                bytes.truncate(cut.index(bytes.len()));
            } else {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            let segment = SortedSegment::fetched(Arc::new(piece(7, output.segments[0])), bytes.into());
            let ended = MergeReader::open(vec![segment], 1 << 20, scratch.path(), "reader", &AtomicU64::new(0)).and_then(|mut reader| {
                while reader.next()?.is_some() {}
                Ok(())
            });
            let Err(ShuffleError::Lost(lost)) = ended else { panic!("accepted: {ended:?}") };
            prop_assert_eq!(lost[0].producer, piece(7, output.segments[0]).producer);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), valid_start: bool) {
        let mut bytes = bytes;
        if valid_start && bytes.len() > 2 {
            (bytes[0], bytes[1]) = (1, bytes[1] & 1);
        }
        if let (Ok(_), Some((header, rest))) = (count_records(&bytes), bytes.split_first_chunk::<HEADER_BYTES>()) {
            let mut raw = Vec::new();
            let opened = BlockHeader::read(header, rest.len() as u64).unwrap();
            let _ = opened.open(header, &rest[..opened.stored_bytes as usize], &mut raw);
        }
        let segment = Segment { len_bytes: bytes.len() as u64, records: 3, crc: 0 };
        let segment = SortedSegment::fetched(Arc::new(piece(0, segment)), bytes.into());
        let scratch = tempfile::tempdir().unwrap();
        if let Ok(mut reader) = MergeReader::open(vec![segment], 1 << 20, scratch.path(), "reader", &AtomicU64::new(0)) {
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}

fn numbered(count: u32, value_bytes: usize) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    (0..count).map(move |number| {
        let key = stable_hash(&number.to_le_bytes()).to_be_bytes().to_vec();
        (key, vec![number as u8; value_bytes])
    })
}

#[test]
fn hundreds_of_spills_are_merged_in_several_passes_and_leave_only_the_output() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 2, 90 << 10), Partition::Hash, None).unwrap();
    let input: Records = numbered(40_000, 200).collect();
    write(&mut writer, &input);
    let output = writer.finish().unwrap();
    let raw_bytes = input.len() * 210;
    assert!(output.spilled_bytes > raw_bytes as u64 / 8, "{} spilled", output.spilled_bytes);
    let left: Vec<_> =
        std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["attempt.out"]);
    let output = [output];
    let mut found: Records = (0..2).flat_map(|p| merged(&output, p, 200 << 10, scratch.path())).collect();
    let mut expected = input;
    found.sort();
    expected.sort();
    assert!(found == expected);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 2, 90 << 10), Partition::Hash, None).unwrap();
    write(&mut writer, &numbered(2_000, 200).collect());
    assert!(writer.spilled_bytes() > 0);
    drop(writer);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn short_outputs_stay_in_memory_and_long_ones_go_to_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    for (records, in_memory) in [(0, true), (1, true), (500_000, false)] {
        let mut writer =
            ShuffleWriter::new(options(scratch.path(), 2, 64 << 20), Partition::Hash, None).unwrap();
        write(&mut writer, &numbered(records, 1).collect());
        let output = writer.finish().unwrap();
        assert_eq!(matches!(output.data, OutputData::Memory(_)), in_memory, "{records} records");
        assert_eq!(output.spilled_bytes, 0);
        assert_eq!(output.segments.iter().map(|segment| segment.records).sum::<u64>(), u64::from(records));
        stored(&output);
    }
}

#[test]
fn ranges_make_partitions_that_follow_each_other() {
    let scratch = tempfile::tempdir().unwrap();
    let bounds = Partition::Range(vec![vec![64], vec![128], vec![128, 1]]);
    let mut writer = ShuffleWriter::new(options(scratch.path(), 6, 50 << 10), bounds, None).unwrap();
    let mut input: Records = numbered(5_000, 20).collect();
    write(&mut writer, &input);
    let output = [writer.finish().unwrap()];
    let found: Records = (0..6).flat_map(|p| merged(&output, p, 1 << 20, scratch.path())).collect();
    input.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(found, input);
    assert_eq!(output[0].segments[4..], [Segment::default(); 2]);
}

#[test]
fn equal_keys_keep_their_order_through_spills_and_merges() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 20 << 10), Partition::Hash, None).unwrap();
    for number in 0u32..30_000 {
        writer.push(b"the same long key", &number.to_be_bytes()).unwrap();
    }
    let output = [writer.finish().unwrap()];
    let found = merged(&output, 0, 1 << 20, scratch.path());
    assert!(found.is_sorted_by_key(|(_, value)| value));
    assert_eq!(found.len(), 30_000);
}

#[test]
fn a_record_longer_than_all_memory_passes() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 64 << 10), Partition::Hash, None).unwrap();
    let huge: Vec<u8> = numbered(200_000, 8).flat_map(|(key, _)| key).collect();
    for key in [b"c", b"a", b"b"] {
        writer.push(key, &huge).unwrap();
        writer.push(key, b"small").unwrap();
    }
    let output = [writer.finish().unwrap()];
    let found = merged(&output, 0, 64 << 10, scratch.path());
    let lengths: Vec<_> = found.iter().map(|(key, value)| (key[0], value.len())).collect();
    let len = huge.len();
    assert_eq!(lengths, [(b'a', len), (b'a', 5), (b'b', len), (b'b', 5), (b'c', len), (b'c', 5)]);
}

#[test]
fn a_piece_with_other_records_than_reported_is_a_mismatch() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 64 << 10), Partition::Hash, None).unwrap();
    writer.push(b"a", b"1").unwrap();
    let output = writer.finish().unwrap();
    let expected = piece(3, Segment { records: 2, ..output.segments[0] });
    let segment = SortedSegment::fetched(Arc::new(expected), stored(&output)[0].clone());
    let mut reader =
        MergeReader::open(vec![segment], 1 << 20, scratch.path(), "reader", &AtomicU64::new(0)).unwrap();
    assert!(reader.next().unwrap().is_some());
    let Err(ShuffleError::Lost(lost)) = reader.next() else { panic!("a missing record went unnoticed") };
    assert_eq!((lost[0].producer.part, &lost[0].reason), (PartId(3), &LossReason::Mismatch));
}

#[test]
fn a_damaged_scratch_file_is_the_disks_fault_not_a_wrong_result() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 20 << 10), Partition::Hash, None).unwrap();
    write(&mut writer, &numbered(3_000, 20).collect());
    for entry in std::fs::read_dir(scratch.path()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let error = writer.finish().unwrap_err();
    assert!(
        matches!(error, ShuffleError::DamagedScratch { source: FormatError::Checksum { .. }, .. }),
        "{error}"
    );
}

#[test]
fn scratch_that_cannot_be_written_is_a_disk_error() {
    let mut writer =
        ShuffleWriter::new(options(Path::new("/dev/null/at/all"), 1, 20 << 10), Partition::Hash, None)
            .unwrap();
    let error = numbered(3_000, 20).find_map(|(key, value)| writer.push(&key, &value).err()).unwrap();
    assert!(matches!(error, ShuffleError::Disk { .. }) && !error.disk_full(), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_and_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", scratch.path().join("attempt.run0")).unwrap();
    let mut writer = ShuffleWriter::new(options(scratch.path(), 1, 90 << 10), Partition::Hash, None).unwrap();
    let error = numbered(3_000, 200).find_map(|(key, value)| writer.push(&key, &value).err()).unwrap();
    assert!(error.disk_full() && !error.is_users(), "{error}");
    drop(writer);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}
