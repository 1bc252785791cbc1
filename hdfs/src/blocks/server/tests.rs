//! Several block servers over loopback, without a master: pipelines, reads, repair, recovery, faults.

use crate::{
    BlockId, Generation, WorkerId,
    blocks::{
        BlockServer, BlockStore, ScrubPace, StoreOptions,
        crc::crc32c,
        nodes::{HOST, Node, Nodes, data, scratch},
        remote::{self, Channels, Pipeline, PipelineFailure, RemoteError},
    },
    limits::PACKET_BYTES,
    protocol::{
        blocks::{BlockError, BlockReply, BlockRequest, Finish},
        control::{BlockCommand, BlockReport, Replica},
        namespace::Location,
    },
};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Endpoint, Identity, Listener, Mode, Secret,
    handshake::Refusal,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const BLOCK: BlockId = BlockId(77);
const GEN: Generation = Generation(1);

async fn open(
    channels: &Channels,
    generation: Generation,
    resume_at: u64,
    targets: &[Location],
) -> Result<Pipeline, PipelineFailure> {
    Pipeline::open(channels, BLOCK, generation, resume_at, &targets[0], targets[1..].to_vec()).await
}

async fn write(
    channels: &Channels,
    targets: &[Location],
    bytes: &[u8],
) -> Result<Vec<WorkerId>, PipelineFailure> {
    let pipeline = open(channels, GEN, 0, targets).await?;
    send(pipeline, bytes).await
}

async fn send(mut pipeline: Pipeline, bytes: &[u8]) -> Result<Vec<WorkerId>, PipelineFailure> {
    for packet in bytes.chunks(PACKET_BYTES) {
        pipeline.send(packet).await?;
    }
    pipeline.finish(finish(bytes)).await
}

fn finish(bytes: &[u8]) -> Finish {
    Finish { len_bytes: bytes.len() as u64, crc: crc32c(bytes) }
}

async fn read(nodes: &Nodes, worker: usize, len: usize) -> Result<Vec<u8>, RemoteError> {
    let at = &nodes.nodes[worker].location;
    Ok(remote::read(&nodes.channels, at, BLOCK, GEN, 0..len as u64, &AtomicU64::new(0)).await?.to_vec())
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

fn refusal(error: RemoteError) -> BlockError {
    match error {
        RemoteError::Refused { error, .. } => error,
        other => panic!("not refused, but: {other}"),
    }
}

fn job_channels(nodes: &Nodes) -> Channels {
    let credential = Credential::Job { job: "job-1".to_owned(), token: nodes.secret.token_for("job-1") };
    Channels::new(Dialer::new(credential), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_went_down_a_pipeline_is_durable_and_readable_everywhere() {
    let mut nodes = Nodes::start(3).await;
    let bytes = data(3 * PACKET_BYTES + 12_345);
    let replicas = write(&nodes.channels, &nodes.locations(), &bytes).await.unwrap();
    assert_eq!(replicas, [WorkerId(0), WorkerId(1), WorkerId(2)]);
    let replica = Replica { block: BLOCK, generation: GEN, len_bytes: bytes.len() as u64, finalised: true };
    for worker in 0..3 {
        assert_eq!(read(&nodes, worker, bytes.len()).await.unwrap(), bytes);
        assert_eq!(nodes.nodes[worker].next_report().await, BlockReport::Received(vec![replica]));
    }
    let at = &nodes.locations()[1];
    let middle = remote::read(&nodes.channels, at, BLOCK, GEN, 1_000_000..2_500_000, &AtomicU64::new(0))
        .await
        .unwrap();
    assert_eq!(middle, &bytes[1_000_000..2_500_000]);
    assert_eq!(
        remote::checksum(&nodes.channels, at, BLOCK, GEN).await.unwrap(),
        (bytes.len() as u64, crc32c(&bytes))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_block_goes_through() {
    let nodes = Nodes::start(2).await;
    write(&nodes.channels, &nodes.locations(), b"").await.unwrap();
    assert_eq!(read(&nodes, 1, 0).await.unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_arrive_before_the_end() {
    let nodes = Nodes::start(2).await;
    let bytes = data(4 * PACKET_BYTES);
    let mut pipeline = open(&nodes.channels, GEN, 0, &nodes.locations()).await.unwrap();
    for packet in bytes.chunks(PACKET_BYTES) {
        pipeline.send(packet).await.unwrap();
    }
    pipeline.await_window(bytes.len() as u64, 0).await.unwrap();
    assert_eq!(pipeline.acknowledged(), bytes.len() as u64);
    for node in &nodes.nodes {
        assert_eq!(node.store.describe(BLOCK).unwrap().len_bytes, bytes.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_middle_dies_names_it_and_is_continued_by_the_survivors() {
    let mut nodes = Nodes::start(3).await;
    let bytes = data(10 * PACKET_BYTES);
    let targets = nodes.locations();
    let mut pipeline = open(&nodes.channels, GEN, 0, &targets).await.unwrap();
    for packet in bytes.chunks(PACKET_BYTES).take(3) {
        pipeline.send(packet).await.unwrap();
    }
    pipeline.await_window(3 * PACKET_BYTES as u64, 0).await.unwrap();
    nodes.nodes.remove(1).kill().await;
    let failure = loop {
        if let Err(failure) = pipeline.send(&bytes[..PACKET_BYTES]).await {
            break failure;
        }
    };
    assert_eq!(failure.worker, WorkerId(1), "{failure}");

    let survivors = [targets[0].clone(), targets[2].clone()];
    let resume_at = 2 * PACKET_BYTES + 777;
    let mut pipeline = open(&nodes.channels, Generation(2), resume_at as u64, &survivors).await.unwrap();
    pipeline.send(&bytes[resume_at..resume_at + PACKET_BYTES]).await.unwrap();
    pipeline.send(&bytes[resume_at + PACKET_BYTES..][..PACKET_BYTES]).await.unwrap();
    let written = &bytes[..resume_at + 2 * PACKET_BYTES];
    assert_eq!(pipeline.finish(finish(written)).await.unwrap(), [WorkerId(0), WorkerId(2)]);
    for at in survivors {
        let read = remote::read(
            &nodes.channels,
            &at,
            BLOCK,
            Generation(2),
            0..written.len() as u64,
            &AtomicU64::new(0),
        )
        .await
        .unwrap();
        assert!(read == written);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_with_a_dead_member_does_not_stand_and_leaves_nothing() {
    let mut nodes = Nodes::start(3).await;
    let targets = nodes.locations();
    nodes.nodes.remove(2).kill().await;
    let failure = open(&nodes.channels, GEN, 0, &targets).await.err().unwrap();
    assert_eq!(failure.worker, WorkerId(2), "{failure}");
    for node in &nodes.nodes {
        eventually("the unused replica is gone", || node.store.describe(BLOCK).is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_in_mid_block_is_named() {
    let mut nodes = Nodes::start(1).await;
    let options = StoreOptions { limit_bytes: Some(2_500_000), reserve_bytes: 0 };
    let small = Node::start_with(1, &nodes.disk(1), &nodes.secret, options).await;
    nodes.nodes.push(small);
    let failure = write(&nodes.channels, &nodes.locations(), &data(12 * PACKET_BYTES)).await.unwrap_err();
    assert_eq!(failure.worker, WorkerId(1));
    assert!(matches!(failure.cause.refusal(), Some(BlockError::DiskFull { .. })), "{failure}");
    assert_eq!(nodes.nodes[1].store.describe(BLOCK), None);
    eventually("the first worker's writer is gone", || {
        nodes.nodes[0].store.begin_write(BLOCK, Generation(2), 0).is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_sends_other_bytes_than_it_checksummed_is_refused() {
    let nodes = Nodes::start(2).await;
    let mut pipeline = open(&nodes.channels, GEN, 0, &nodes.locations()).await.unwrap();
    pipeline.send(b"these").await.unwrap();
    let failure = pipeline.finish(finish(b"those")).await.unwrap_err();
    assert!(matches!(failure.cause.refusal(), Some(BlockError::Damaged { .. })), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_not_streamed_and_is_reported_while_another_replica_serves() {
    let mut nodes = Nodes::start(2).await;
    let bytes = data(3 * PACKET_BYTES);
    write(&nodes.channels, &nodes.locations(), &bytes).await.unwrap();
    nodes.flip(0, BLOCK, GEN, 2 * PACKET_BYTES as u64 + 9);
    let error = refusal(read(&nodes, 0, bytes.len()).await.unwrap_err());
    assert!(matches!(error, BlockError::Corrupt { .. }), "{error}");
    let node = &mut nodes.nodes[0];
    assert!(matches!(node.next_report().await, BlockReport::Received(_)));
    match node.next_report().await {
        BlockReport::Bad { replica, .. } => assert_eq!(replica.block, BLOCK),
        other => panic!("not told of: {other:?}"),
    }
    assert_eq!(refusal(read(&nodes, 0, 1).await.unwrap_err()), BlockError::NotHere { block: BLOCK });
    assert_eq!(read(&nodes, 1, bytes.len()).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_is_looked_into_and_only_a_bad_replica_is_put_aside() {
    let mut nodes = Nodes::start(1).await;
    let bytes = data(PACKET_BYTES);
    write(&nodes.channels, &nodes.locations(), &bytes).await.unwrap();
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    let verify = || BlockCommand::Verify { block: BLOCK, generation: GEN };
    nodes.nodes[0].server.command(verify());
    nodes.nodes[0].server.command(BlockCommand::Verify { block: BlockId(99), generation: GEN });
    // Nothing is said of the good one, and the missing one is named.
    assert_eq!(nodes.nodes[0].next_report().await, BlockReport::Erased(vec![BlockId(99)]));
    assert_eq!(read(&nodes, 0, bytes.len()).await.unwrap(), bytes);
    eventually("the first look has ended", || nodes.nodes[0].server.errands() == 0).await;
    nodes.flip(0, BLOCK, GEN, 9);
    nodes.nodes[0].server.command(verify());
    match nodes.nodes[0].next_report().await {
        BlockReport::Bad { replica, .. } => assert_eq!(replica.block, BLOCK),
        other => panic!("not told of: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_on_the_same_host_gets_the_files_and_checks_them() {
    let nodes = Nodes::start(1).await;
    let bytes = data(2 * PACKET_BYTES + 5);
    write(&nodes.channels, &nodes.locations(), &bytes).await.unwrap();
    let at = &nodes.locations()[0];
    let over_tcp = remote::open_local(&nodes.channels, at, BLOCK, GEN).await.unwrap_err();
    assert_eq!(refusal(over_tcp), BlockError::UnixOnly);

    let local = Channels::new(Dialer::new(Credential::Cluster(nodes.secret.clone())), Some(HOST));
    let file = remote::open_local(&local, at, BLOCK, GEN).await.unwrap();
    assert_eq!(file.read(0..u64::MAX).unwrap(), bytes);
    assert_eq!(file.read(100..PACKET_BYTES as u64 + 1).unwrap(), &bytes[100..PACKET_BYTES + 1]);
    nodes.flip(0, BLOCK, GEN, 70_000);
    assert!(file.read(0..10).is_ok());
    assert!(file.read(65_536..65_537).unwrap_err().is_damage());
    // The worker reads the same bytes, finds the same, and puts the replica aside.
    let error = remote::read(&local, at, BLOCK, GEN, 65_536..65_537, &AtomicU64::new(0)).await.unwrap_err();
    assert!(error.is_bad_replica(), "{error}");
    assert_eq!(
        refusal(remote::open_local(&local, at, BLOCK, GEN).await.unwrap_err()),
        BlockError::NotHere { block: BLOCK }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scrubbing_finds_every_bad_replica_and_puts_it_aside_and_leaves_the_good_ones() {
    let mut nodes = Nodes::start(1).await;
    let targets = nodes.locations();
    for block in 0..6 {
        let bytes = data(PACKET_BYTES + block * 1000);
        let block = BlockId(block as u64);
        let pipeline = Pipeline::open(&nodes.channels, block, GEN, 0, &targets[0], Vec::new()).await;
        send(pipeline.unwrap(), &bytes).await.unwrap();
        assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    }
    let bad = [BlockId(0), BlockId(3), BlockId(5)];
    for block in bad {
        nodes.flip(0, block, GEN, PACKET_BYTES as u64 - 1);
    }
    let pace = ScrubPace { bytes_per_second: u64::MAX, round: Duration::ZERO };
    let scrubbing = tokio::spawn(nodes.nodes[0].server.clone().scrub(pace));
    let mut told = Vec::new();
    for _ in bad {
        match nodes.nodes[0].next_report().await {
            BlockReport::Bad { replica, .. } => told.push(replica.block),
            other => panic!("{other:?}"),
        }
    }
    told.sort();
    assert_eq!(told, bad);
    // Two more rounds find nothing: the good ones are left alone.
    tokio::time::sleep(Duration::from_millis(100)).await;
    scrubbing.abort();
    assert!(nodes.nodes[0].reports.try_recv().is_err());
    let store = &nodes.nodes[0].store;
    assert!(bad.iter().all(|block| store.describe(*block).is_none()));
    assert!([1, 2, 4].iter().all(|block| store.describe(BlockId(*block)).is_some()));
}

#[tokio::test(start_paused = true)]
async fn scrubbing_keeps_to_its_pace() {
    let directory = scratch();
    let store = Arc::new(BlockStore::open(directory.path()).unwrap());
    let (told, _reports) = tokio::sync::mpsc::channel(10);
    let dialer = Dialer::new(Credential::Cluster(Secret::random()));
    let server = BlockServer::over(WorkerId(0), store.clone(), Channels::new(dialer, None), told);
    let bytes = data(3 * PACKET_BYTES);
    let mut writer = store.begin_write(BLOCK, GEN, 0).unwrap();
    writer.append(&bytes).unwrap();
    writer.finalise(finish(&bytes)).unwrap();
    let begin = tokio::time::Instant::now();
    let pace = ScrubPace { bytes_per_second: PACKET_BYTES as u64 / 100, round: Duration::from_secs(1000) };
    server.scrub_round(None, pace).await;
    let took = begin.elapsed();
    assert!((299..301).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_worker_serves_what_it_had() {
    let mut nodes = Nodes::start(1).await;
    let bytes = data(PACKET_BYTES);
    write(&nodes.channels, &nodes.locations(), &bytes).await.unwrap();
    nodes.nodes.remove(0).kill().await;
    let again = Node::start(0, &nodes.disk(0), &nodes.secret).await;
    nodes.nodes.push(again);
    assert_eq!(read(&nodes, 0, bytes.len()).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_command_makes_a_good_replica_however_often_it_comes() {
    let mut nodes = Nodes::start(2).await;
    let bytes = data(5 * PACKET_BYTES + 1);
    write(&nodes.channels, &nodes.locations()[..1], &bytes).await.unwrap();
    let to = nodes.locations()[1].clone();
    for _ in 0..3 {
        nodes.nodes[0].server.command(BlockCommand::Copy { block: BLOCK, generation: GEN, to: to.clone() });
    }
    assert!(matches!(nodes.nodes[1].next_report().await, BlockReport::Received(_)));
    nodes.nodes[0].server.command(BlockCommand::Copy { block: BLOCK, generation: GEN, to });
    assert_eq!(read(&nodes, 1, bytes.len()).await.unwrap(), bytes);
    nodes.nodes[0].server.command(BlockCommand::ReportAll);
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    // Nothing between says that a copy failed.
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Full { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_bad_replica_is_refused_and_both_facts_are_told() {
    let mut nodes = Nodes::start(2).await;
    write(&nodes.channels, &nodes.locations()[..1], &data(3 * PACKET_BYTES)).await.unwrap();
    nodes.flip(0, BLOCK, GEN, 2 * PACKET_BYTES as u64);
    let to = nodes.locations()[1].clone();
    nodes.nodes[0].server.command(BlockCommand::Copy { block: BLOCK, generation: GEN, to });
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(nodes.nodes[0].next_report().await);
    }
    assert!(told.iter().any(|report| matches!(report, BlockReport::Bad { .. })), "{told:?}");
    assert!(told.iter().any(|report| matches!(report, BlockReport::CopyFailed { .. })), "{told:?}");
    assert!(nodes.nodes[1].store.describe(BLOCK).is_none_or(|replica| !replica.finalised));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_a_dead_worker_is_told_as_failed() {
    let mut nodes = Nodes::start(2).await;
    write(&nodes.channels, &nodes.locations()[..1], b"bytes").await.unwrap();
    let to = nodes.locations()[1].clone();
    nodes.nodes.remove(1).kill().await;
    nodes.nodes[0].server.command(BlockCommand::Copy { block: BLOCK, generation: GEN, to });
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::CopyFailed { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erase_command_is_answered_each_time() {
    let mut nodes = Nodes::start(1).await;
    write(&nodes.channels, &nodes.locations(), b"bytes").await.unwrap();
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    for _ in 0..2 {
        nodes.nodes[0].server.command(BlockCommand::Erase(vec![(BLOCK, GEN)]));
        assert_eq!(nodes.nodes[0].next_report().await, BlockReport::Erased(vec![BLOCK]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_agrees_on_what_all_have_and_finalises_it() {
    let mut nodes = Nodes::start(3).await;
    let bytes = data(2 * PACKET_BYTES);
    for (node, len) in nodes.nodes.iter().zip([bytes.len(), 900_000, bytes.len()]) {
        let mut writer = node.store.begin_write(BLOCK, GEN, 0).unwrap();
        writer.append(&bytes[..len]).unwrap();
    }
    let others = nodes.locations();
    let generation = Generation(2);
    for _ in 0..2 {
        let command = BlockCommand::Recover { block: BLOCK, generation, others: others.clone() };
        // A command that is still being carried out would not be taken twice.
        eventually("the command before has ended", || nodes.nodes[0].server.errands() == 0).await;
        nodes.nodes[0].server.command(command);
        let recovered = loop {
            match nodes.nodes[0].next_report().await {
                BlockReport::Received(_) => {}
                other => break other,
            }
        };
        match recovered {
            BlockReport::Recovered { block: BLOCK, len_bytes: 900_000, replicas, .. } => {
                assert_eq!(replicas, [WorkerId(0), WorkerId(1), WorkerId(2)]);
            }
            other => panic!("not recovered: {other:?}"),
        }
    }
    for at in &others {
        let read = remote::read(&nodes.channels, at, BLOCK, generation, 0..900_000, &AtomicU64::new(0))
            .await
            .unwrap();
        assert!(read == bytes[..900_000]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_passes_over_stale_and_silent_replicas() {
    let mut nodes = Nodes::start(3).await;
    for (node, (generation, len)) in nodes.nodes.iter().zip([(2, 500), (1, 100), (2, 600)]) {
        let mut writer = node.store.begin_write(BLOCK, Generation(generation), 0).unwrap();
        writer.append(&data(len)).unwrap();
    }
    let others = nodes.locations();
    nodes.nodes.remove(2).kill().await;
    nodes.nodes[0].server.command(BlockCommand::Recover { block: BLOCK, generation: Generation(3), others });
    assert!(matches!(nodes.nodes[0].next_report().await, BlockReport::Received(_)));
    match nodes.nodes[0].next_report().await {
        BlockReport::Recovered { len_bytes: 500, replicas, .. } => assert_eq!(replicas, [WorkerId(0)]),
        other => panic!("not recovered: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_nobody_began_recovers_to_nothing() {
    let mut nodes = Nodes::start(2).await;
    let others = nodes.locations();
    nodes.nodes[0].server.command(BlockCommand::Recover { block: BLOCK, generation: Generation(3), others });
    assert!(matches!(
        nodes.nodes[0].next_report().await,
        BlockReport::Recovered { len_bytes: 0, ref replicas, .. } if replicas.is_empty()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_write_and_read_but_not_recover() {
    let nodes = Nodes::start(1).await;
    let channels = job_channels(&nodes);
    write(&channels, &nodes.locations(), b"a job's bytes").await.unwrap();
    let at = &nodes.locations()[0];
    let refused = remote::finalise(&channels, at, BLOCK, Generation(2), 3).await.unwrap_err();
    assert_eq!(refusal(refused), BlockError::Forbidden);
    assert_eq!(
        remote::read(&channels, at, BLOCK, GEN, 2..5, &AtomicU64::new(0)).await.unwrap(),
        &b"a job's bytes"[2..5]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_what_is_not_there_are_typed_refusals_on_a_channel_that_stays_good() {
    let nodes = Nodes::start(1).await;
    write(&nodes.channels, &nodes.locations(), b"12345").await.unwrap();
    let at = &nodes.locations()[0];
    let not_here = BlockId(5);
    let ask = async |request: BlockRequest| refusal(nodes.channels.ask(at, &request).await.unwrap_err());
    assert_eq!(
        ask(BlockRequest::Read { block: not_here, generation: GEN, offset: 0, len_bytes: 1 }).await,
        BlockError::NotHere { block: not_here }
    );
    assert_eq!(
        ask(BlockRequest::Read { block: BLOCK, generation: Generation(9), offset: 0, len_bytes: 1 }).await,
        BlockError::Generation { block: BLOCK, have: GEN, wanted: Generation(9) }
    );
    assert_eq!(
        ask(BlockRequest::Read { block: BLOCK, generation: GEN, offset: 6, len_bytes: 1 }).await,
        BlockError::OutOfRange { block: BLOCK, offset: 6, len_bytes: 5 }
    );
    assert!(matches!(
        nodes.channels.ask(at, &BlockRequest::Describe { block: not_here }).await.unwrap(),
        BlockReply::Described(None)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_leaves_a_replica_that_recovery_can_use() {
    let mut nodes = Nodes::start(2).await;
    let bytes = data(2 * PACKET_BYTES);
    let mut pipeline = open(&nodes.channels, GEN, 0, &nodes.locations()).await.unwrap();
    for packet in bytes.chunks(PACKET_BYTES) {
        pipeline.send(packet).await.unwrap();
    }
    pipeline.await_window(bytes.len() as u64, 0).await.unwrap();
    drop(pipeline);
    let others = nodes.locations();
    nodes.nodes[1].server.command(BlockCommand::Recover { block: BLOCK, generation: Generation(2), others });
    assert!(matches!(nodes.nodes[1].next_report().await, BlockReport::Received(_)));
    match nodes.nodes[1].next_report().await {
        BlockReport::Recovered { len_bytes, replicas, .. } => {
            assert_eq!((len_bytes, replicas.len()), (bytes.len() as u64, 2));
        }
        other => panic!("not recovered: {other:?}"),
    }
}

/// Says that it is ready and does nothing more: a worker whose disk, or whole machine, hangs.
struct Hangs;

impl Acceptor for Hangs {
    fn admit(&self, _service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let mut channel = Channel::new(connection);
        let _: BlockRequest = channel.receive().await.unwrap();
        channel.send(&BlockReply::Ready).await.unwrap();
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_in_a_pipeline_is_named_by_the_one_before_it() {
    let nodes = Nodes::start(2).await;
    let listener = Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned())).await.unwrap();
    let hanging = Location {
        worker: WorkerId(9),
        endpoint: listener.endpoint.clone(),
        host: "hangs".to_owned(),
        socket: None,
    };
    tokio::spawn(listener.serve(nodes.secret.clone(), Arc::new(Hangs), CancellationToken::new()));
    let targets = [nodes.locations(), vec![hanging]].concat();
    // Before the block's end, and at it.
    for len in [20 * PACKET_BYTES, 100] {
        let failure = write(&nodes.channels, &targets, &data(len)).await.unwrap_err();
        assert_eq!(failure.worker, WorkerId(9), "{failure}");
        for node in &nodes.nodes {
            node.store.erase(BLOCK, GEN).unwrap();
        }
    }
}
