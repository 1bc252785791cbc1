//! The client over real block servers: files of several blocks, workers that die, disks that decay, a master that is away.

use super::{master::Master, *};
use crate::{
    Epoch,
    blocks::nodes::{Node, Nodes, data},
    limits::{BLOCK_BYTES_MIN, BLOCK_REPLY_DEADLINE, LISTING_PAGE, PACKET_BYTES},
    protocol::namespace::Change,
};

const PACKET: u64 = PACKET_BYTES as u64;

async fn cluster(workers: u32) -> (Nodes, Master) {
    let mut nodes = Nodes::start(workers).await;
    let master = Master::start(&mut nodes).await;
    (nodes, master)
}

fn path(text: &str) -> FsPath {
    text.parse().unwrap()
}

fn blocks_of(bytes: u64) -> CreateOptions {
    CreateOptions { block_bytes: Some(bytes), ..CreateOptions::default() }
}

async fn put(
    client: &Client,
    to: &str,
    bytes: &[u8],
    options: CreateOptions,
) -> Result<FileStatus, ClientError> {
    let mut writer = client.create(&path(to), options).await?;
    writer.write(bytes).await?;
    writer.finish().await
}

async fn get(client: &Client, from: &str) -> Result<Vec<u8>, ClientError> {
    Ok(client.open(&path(from)).await?.read(0..u64::MAX).await?.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_many_blocks_reads_back_from_near_and_from_far() {
    let (_nodes, master) = cluster(3).await;
    let bytes = data(5 * PACKET_BYTES + 333);
    let client = master.local_client();
    let status = put(&client, "/a/file", &bytes, blocks_of(2 * PACKET)).await.unwrap();
    assert_eq!(status.len_bytes, bytes.len() as u64);
    for client in [client, master.remote_client()] {
        let reader = client.open(&path("/a/file")).await.unwrap();
        assert_eq!(reader.blocks().blocks.len(), 3);
        for range in
            [0..bytes.len(), 0..1, 2_000_000..2_200_000, 100..4_500_000, bytes.len() - 1..bytes.len()]
        {
            let read = reader.read(range.start as u64..range.end as u64).await.unwrap();
            assert!(read == bytes[range.clone()], "{range:?}");
        }
        assert_eq!(reader.read(bytes.len() as u64..u64::MAX).await.unwrap(), "");
        let beyond = reader.read(bytes.len() as u64 + 1..u64::MAX).await;
        assert!(matches!(beyond, Err(ClientError::OutOfRange { .. })));
        let checksum = client.checksum(&path("/a/file")).await.unwrap();
        assert_eq!(checksum, (bytes.len() as u64, crc::crc32c(&bytes)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_ends_with_its_block_and_an_empty_file_are_whole() {
    let (_nodes, master) = cluster(1).await;
    let client = master.local_client();
    let bytes = data(2 * BLOCK_BYTES_MIN as usize);
    put(&client, "/even", &bytes, blocks_of(BLOCK_BYTES_MIN)).await.unwrap();
    assert_eq!(get(&client, "/even").await.unwrap(), bytes);
    assert_eq!(client.blocks(&path("/even")).await.unwrap().blocks.len(), 2);
    let status = put(&client, "/empty", b"", CreateOptions::default()).await.unwrap();
    assert_eq!(status.len_bytes, 0);
    assert_eq!(get(&client, "/empty").await.unwrap(), b"");
    assert_eq!(client.checksum(&path("/empty")).await.unwrap(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_costs_three_calls() {
    let (_nodes, master) = cluster(1).await;
    put(&master.local_client(), "/small", b"a few bytes", CreateOptions::default()).await.unwrap();
    assert_eq!(master.seen(|_| true), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_any_size_make_the_same_file() {
    let (_nodes, master) = cluster(2).await;
    let client = master.remote_client();
    let bytes = data(3 * PACKET_BYTES);
    let mut writer = client.create(&path("/pieces"), blocks_of(PACKET + 70_000)).await.unwrap();
    for piece in bytes.chunks(123_457) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap();
    assert!(get(&client, "/pieces").await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_in_mid_block_costs_the_writer_nothing() {
    for victim in 0..3 {
        let (mut nodes, master) = cluster(3).await;
        let client = master.remote_client();
        let bytes = data(20 * PACKET_BYTES);
        let mut writer = client.create(&path("/file"), blocks_of(64 * PACKET)).await.unwrap();
        writer.write(&bytes[..9 * PACKET_BYTES + 5]).await.unwrap();
        nodes.nodes.remove(victim).kill().await;
        writer.write(&bytes[9 * PACKET_BYTES + 5..]).await.unwrap();
        writer.finish().await.unwrap();
        assert!(get(&client, "/file").await.unwrap() == bytes, "worker {victim} died");
        let located = &client.blocks(&path("/file")).await.unwrap().blocks[0];
        assert_eq!(located.locations.len(), 2);
        assert!(located.locations.iter().all(|one| one.worker != WorkerId(victim as u32)));
        assert_eq!(master.seen(|one| matches!(one, Operation::RenewPipeline { .. })), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_die_one_after_the_other_leave_the_last_one_to_finish() {
    let (mut nodes, master) = cluster(3).await;
    let client = master.remote_client();
    let bytes = data(30 * PACKET_BYTES);
    let mut writer = client.create(&path("/file"), blocks_of(64 * PACKET)).await.unwrap();
    for (third, piece) in bytes.chunks(10 * PACKET_BYTES).enumerate() {
        writer.write(piece).await.unwrap();
        if third < 2 {
            nodes.nodes.remove(0).kill().await;
        }
    }
    writer.finish().await.unwrap();
    assert!(get(&client, "/file").await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_dead_from_the_start_is_left_out() {
    let (mut nodes, master) = cluster(3).await;
    nodes.nodes.remove(0).kill().await;
    let client = master.remote_client();
    let bytes = data(PACKET_BYTES);
    put(&client, "/file", &bytes, CreateOptions::default()).await.unwrap();
    assert!(get(&client, "/file").await.unwrap() == bytes);
    assert_eq!(master.seen(|one| matches!(one, Operation::AbandonBlock { .. })), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_worker_a_write_fails_and_says_what_was_tried() {
    let (mut nodes, master) = cluster(1).await;
    nodes.nodes.remove(0).kill().await;
    let error = put(&master.remote_client(), "/file", b"bytes", CreateOptions::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unwritable { .. }), "{error}");
    assert!(error.to_string().contains("/file") && error.to_string().contains("worker-0"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_is_an_error_and_not_a_hole() {
    let (mut nodes, master) = cluster(1).await;
    let client = master.remote_client();
    let mut writer = client.create(&path("/file"), blocks_of(64 * PACKET)).await.unwrap();
    writer.write(&data(20 * PACKET_BYTES)).await.unwrap();
    nodes.nodes.remove(0).kill().await;
    let failed = match writer.write(&data(10 * PACKET_BYTES)).await {
        Ok(()) => writer.finish().await.err(),
        Err(error) => Some(error),
    };
    assert!(matches!(failed, Some(ClientError::Unwritable { .. })), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_never_finished_after_a_write_that_failed_or_was_broken_off() {
    let (mut nodes, master) = cluster(1).await;
    let client = master.remote_client();
    let mut writer = client.create(&path("/cancelled"), CreateOptions::default()).await.unwrap();
    // Without an answer from the master no block can begin.
    master.refuse(u32::MAX);
    {
        let bytes = data(PACKET_BYTES);
        let mut write = std::pin::pin!(writer.write(&bytes));
        assert!(futures::poll!(write.as_mut()).is_pending());
    }
    master.refuse(0);
    assert!(matches!(writer.write(b"more").await, Err(ClientError::Broken { .. })));
    assert!(matches!(writer.finish().await, Err(ClientError::Broken { .. })));

    nodes.nodes.remove(0).kill().await;
    let mut writer = client.create(&path("/failed"), CreateOptions::default()).await.unwrap();
    assert!(writer.write(&data(PACKET_BYTES)).await.is_err());
    assert!(matches!(writer.finish().await, Err(ClientError::Broken { .. })));
    assert_eq!(master.seen(|one| matches!(one, Operation::Complete { .. })), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_replica_is_reported_and_the_next_one_is_read() {
    for is_local in [true, false] {
        let (nodes, master) = cluster(2).await;
        let client = if is_local { master.local_client() } else { master.remote_client() };
        let bytes = data(3 * PACKET_BYTES);
        put(&client, "/file", &bytes, CreateOptions::default()).await.unwrap();
        let located = client.blocks(&path("/file")).await.unwrap().blocks.remove(0);
        let first = located.locations[0].worker;
        nodes.flip(first.0, located.block, located.generation, PACKET + 17);
        assert!(get(&client, "/file").await.unwrap() == bytes);
        while master.seen(|one| matches!(one, Operation::ReportCorrupt { worker, .. } if *worker == first))
            == 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let located = client.blocks(&path("/file")).await.unwrap().blocks.remove(0);
        assert!(located.locations.iter().all(|one| one.worker != first));
        assert_eq!(nodes.nodes[first.0 as usize].store.describe(located.block), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_replica_is_reported_once_however_many_reads_meet_it() {
    for is_local in [true, false] {
        let (nodes, master) = cluster(2).await;
        let client = if is_local { master.local_client() } else { master.remote_client() };
        let bytes = data(8 * PACKET_BYTES);
        put(&client, "/file", &bytes, CreateOptions::default()).await.unwrap();
        let located = client.blocks(&path("/file")).await.unwrap().blocks.remove(0);
        nodes.flip(located.locations[0].worker.0, located.block, located.generation, 17);
        let reader = client.open(&path("/file")).await.unwrap();
        let reads = (0..8).map(|packet| reader.read(0..(packet + 1) * PACKET));
        for (packet, read) in futures::future::join_all(reads).await.into_iter().enumerate() {
            assert!(read.unwrap() == bytes[..(packet + 1) * PACKET_BYTES]);
        }
        let reports = || master.seen(|one| matches!(one, Operation::ReportCorrupt { .. }));
        while reports() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        reader.read(0..PACKET).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(reports(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_silent_does_not_hold_up_a_reader() {
    for is_local in [true, false] {
        let (mut nodes, master) = cluster(2).await;
        let mut client = if is_local { master.local_client() } else { master.remote_client() };
        Arc::get_mut(&mut client.shared).unwrap().read_patience = Duration::from_millis(200);
        let bytes = data(4 * PACKET_BYTES);
        put(&client, "/file", &bytes, blocks_of(PACKET)).await.unwrap();
        let reader = client.open(&path("/file")).await.unwrap();
        let first = reader.blocks().blocks[0].locations[0].worker;
        let silent = nodes.nodes.remove(first.0 as usize).fall_silent(&nodes.secret).await;
        let begin = Instant::now();
        assert!(reader.read(0..u64::MAX).await.unwrap() == bytes);
        assert!(begin.elapsed() < BLOCK_REPLY_DEADLINE, "it waited for the silent one");
        silent.cancel();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_replica_may_take_longer_than_the_patience() {
    let (_nodes, master) = cluster(1).await;
    let mut client = master.remote_client();
    Arc::get_mut(&mut client.shared).unwrap().read_patience = Duration::ZERO;
    let bytes = data(3 * PACKET_BYTES);
    put(&client, "/file", &bytes, CreateOptions::default()).await.unwrap();
    assert!(get(&client, "/file").await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_every_replica_is_bad_is_an_error_that_names_them() {
    let (nodes, master) = cluster(2).await;
    let client = master.local_client();
    put(&client, "/file", &data(PACKET_BYTES), CreateOptions::default()).await.unwrap();
    let located = client.blocks(&path("/file")).await.unwrap().blocks.remove(0);
    for worker in 0..2 {
        nodes.flip(worker, located.block, located.generation, 5);
    }
    let error = get(&client, "/file").await.unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("/file") && text.contains("worker-0") && text.contains("worker-1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_when_the_worker_it_reads_from_dies() {
    for is_local in [true, false] {
        let (mut nodes, master) = cluster(2).await;
        let client = if is_local { master.local_client() } else { master.remote_client() };
        let bytes = data(4 * PACKET_BYTES);
        put(&client, "/file", &bytes, blocks_of(PACKET)).await.unwrap();
        let reader = client.open(&path("/file")).await.unwrap();
        assert!(reader.read(0..PACKET).await.unwrap() == bytes[..PACKET_BYTES]);
        nodes.nodes.remove(0).kill().await;
        assert!(reader.read(0..u64::MAX).await.unwrap() == bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_replicas_that_moved_after_it_was_opened() {
    let (mut nodes, master) = cluster(1).await;
    let client = master.remote_client();
    let bytes = data(PACKET_BYTES);
    put(&client, "/file", &bytes, CreateOptions::default()).await.unwrap();
    let reader = client.open(&path("/file")).await.unwrap();
    nodes.nodes.remove(0).kill().await;
    let mut moved = Node::start(0, &nodes.disk(0), &nodes.secret).await;
    master.join(&mut moved, Epoch(2)).await;
    assert!(reader.read(0..u64::MAX).await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_for_a_master_that_is_away() {
    let (nodes, master) = cluster(1).await;
    let client = master.local_client();
    let mut writer = client.create(&path("/file"), CreateOptions::default()).await.unwrap();
    writer.write(b"before, ").await.unwrap();
    let writing = async {
        writer.write(b"after").await.unwrap();
        writer.finish().await.unwrap()
    };
    let (_, master) = tokio::join!(writing, master.restart_after(Duration::from_millis(300), &nodes));
    master.refuse(3);
    assert_eq!(get(&client, "/file").await.unwrap(), b"before, after");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_dropped_gives_its_file_up() {
    let (_nodes, master) = cluster(1).await;
    let client = master.local_client();
    let mut writer = client.create(&path("/file"), CreateOptions::default()).await.unwrap();
    writer.write(b"bytes").await.unwrap();
    drop(writer);
    while master.seen(|one| matches!(one, Operation::Abandon { .. })) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let gone = client.status(&path("/file")).await;
    assert!(matches!(gone, Err(ClientError::Namespace(NamespaceError::NotFound(_)))), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_listings_come_whole_and_in_order() {
    let (_nodes, master) = cluster(1).await;
    let client = master.local_client();
    let wanted: Vec<FsPath> = (0..2 * LISTING_PAGE + 5).map(|name| path(&format!("/d/{name:05}"))).collect();
    let changes = wanted.iter().cloned().map(Change::CreateEmpty).collect();
    client.transaction(Transaction { expect: Vec::new(), changes }).await.unwrap();
    let listed: Vec<_> = client.list(&path("/d")).await.unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(listed, wanted);
    let below: Vec<_> = client.list_tree(&path("/")).await.unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(below[..2], [path("/"), path("/d")]);
    assert_eq!(below[2..], wanted);
}

/// Not a check: prints how fast files are written and read. `cargo test --release -p skep-hdfs -- --ignored --nocapture speed`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints numbers, checks nothing"]
async fn speed_of_writing_and_reading() {
    for workers in [1, 2, 3] {
        let (_nodes, master) = cluster(workers).await;
        let bytes = data(256 << 20);
        for (name, client) in [("near", master.local_client()), ("far", master.remote_client())] {
            let start = Instant::now();
            put(&client, "/file", &bytes, CreateOptions { overwrite: true, ..blocks_of(128 << 20) })
                .await
                .unwrap();
            let write = start.elapsed();
            let reader = client.open(&path("/file")).await.unwrap();
            let mut rates = Vec::new();
            for step in [1u64 << 20, 8 << 20] {
                let start = Instant::now();
                for at in (0..bytes.len() as u64).step_by(step as usize) {
                    reader.read(at..at + step).await.unwrap();
                }
                rates.push(256.0 / 1024.0 / start.elapsed().as_secs_f64());
            }
            let write = 256.0 / 1024.0 / write.as_secs_f64();
            println!(
                "{workers} workers, {name}: write {write:.2} GB/s, read 1 MiB {:.2} GB/s, 8 MiB {:.2} GB/s",
                rates[0], rates[1]
            );
        }
    }
    let (_nodes, master) = cluster(2).await;
    let client = master.local_client();
    let start = Instant::now();
    for name in 0..200 {
        put(&client, &format!("/small/{name}"), b"a small file", CreateOptions::default()).await.unwrap();
    }
    println!("small file on two workers: {:?}", start.elapsed() / 200);
}
