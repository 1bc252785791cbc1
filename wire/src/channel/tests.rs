//! Exchanges in memory, through a pipe that tampers, and over real Unix sockets.

use super::*;
use crate::{
    Mode,
    connection::Stream,
    limits::{FILES_MAX, MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX},
};
use proptest::prelude::*;
use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::fd::AsFd,
    time::Duration,
};
use tokio::{io::AsyncReadExt, net::UnixStream, time::timeout};

const GUARD: Duration = Duration::from_secs(60);

fn channel_on(io: Stream) -> Channel {
    Channel::new(Connection {
        service: "test".to_owned(),
        mode: Mode::Exchange,
        identity: Identity::Cluster,
        remote: "test".to_owned(),
        io,
    })
}

fn pair() -> (Channel, Channel) {
    let (left, right) = Connection::pair("test", Mode::Exchange, Identity::Cluster);
    (Channel::new(left), Channel::new(right))
}

fn unix_pair() -> (Channel, Channel) {
    let (left, right) = UnixStream::pair().unwrap();
    (channel_on(Stream::unix(left)), channel_on(Stream::unix(right)))
}

/// The bytes that `send` puts on the stream.
async fn bytes_of(send: impl AsyncFnOnce(&mut Sender)) -> Vec<u8> {
    let (left, mut right) = Stream::pair();
    let (mut sender, receiver) = channel_on(left).split();
    let sending = async {
        send(&mut sender).await;
        sender.flush().await.unwrap();
        drop((sender, receiver));
    };
    let mut bytes = Vec::new();
    let (_, read) = tokio::join!(sending, right.read.read_to_end(&mut bytes));
    read.unwrap();
    bytes
}

/// A receiver that gets `bytes` and then the end.
async fn receiver_of(bytes: Vec<u8>) -> Receiver {
    let (mut left, right) = Stream::pair();
    tokio::spawn(async move { left.write.write_all(&bytes).await });
    channel_on(right).split().1
}

#[tokio::test]
async fn messages_and_payload_arrive_in_order() {
    for (mut left, mut right) in [pair(), unix_pair()] {
        let payload: Vec<u8> = (0..PAYLOAD_BYTES_MAX).map(|index| (index * 31 % 251) as u8).collect();
        let sizes = [0, 1, 1000, 64 << 10, 1 << 20, PAYLOAD_BYTES_MAX];
        let sending = async {
            for size in sizes {
                left.send(&size).await.unwrap();
                left.send_payload(&payload[..size]).await.unwrap();
            }
            left.flush().await.unwrap();
            assert_eq!(left.receive::<String>().await.unwrap(), "done");
            drop(left);
        };
        let receiving = async {
            for size in sizes {
                assert_eq!(right.receive::<usize>().await.unwrap(), size);
                match right.receive_any::<()>().await.unwrap() {
                    Received::Payload(bytes) => assert!(bytes[..] == payload[..size]),
                    other => panic!("{other:?}"),
                }
            }
            right.send(&"done").await.unwrap();
            assert!(right.receive_or_end::<()>().await.unwrap().is_none());
        };
        timeout(GUARD, async { tokio::join!(sending, receiving) }).await.unwrap();
    }
}

#[tokio::test]
async fn both_halves_work_at_once() {
    let (left, right) = pair();
    let (mut sender, mut acknowledgements) = left.split();
    let (mut acknowledger, mut receiver) = right.split();
    let sending = async {
        for _ in 0..200 {
            sender.send_payload(&[7; 10_000]).await.unwrap();
        }
        sender.flush().await.unwrap();
        drop(sender);
    };
    let acknowledging = async {
        let mut number = 0u32;
        while let Some(received) = receiver.next::<()>().await.unwrap() {
            assert!(matches!(received, Received::Payload(bytes) if bytes[..] == [7; 10_000]));
            acknowledger.send(&number).await.unwrap();
            number += 1;
        }
        drop(acknowledger);
    };
    let counting = async {
        let mut count = 0;
        while let Some(number) = acknowledgements.receive_or_end::<u32>().await.unwrap() {
            assert_eq!(number, count);
            count += 1;
        }
        count
    };
    let ((), (), count) =
        timeout(GUARD, async { tokio::join!(sending, acknowledging, counting) }).await.unwrap();
    assert_eq!(count, 200);
}

#[tokio::test]
async fn the_wrong_kind_of_frame_is_named() {
    let (mut left, mut right) = pair();
    left.send_payload(b"bytes").await.unwrap();
    left.flush().await.unwrap();
    assert!(matches!(right.receive::<()>().await, Err(ChannelError::Unexpected { found: "payload", .. })));
    let call = Header::bare(Kind::Call).encode().to_vec();
    let received = receiver_of(call).await.receive::<()>().await;
    assert!(matches!(received, Err(ChannelError::Unexpected { found: "a call", .. })));
}

#[tokio::test]
async fn an_end_within_a_frame_is_not_an_end_between_exchanges() {
    let bytes = bytes_of(async |sender| sender.send(&"a message").await.unwrap()).await;
    for length in 1..bytes.len() {
        let mut receiver = receiver_of(bytes[..length].to_vec()).await;
        assert!(matches!(receiver.receive_or_end::<String>().await, Err(ChannelError::Closed)), "{length}");
    }
    let mut receiver = receiver_of(Vec::new()).await;
    assert!(receiver.receive_or_end::<String>().await.unwrap().is_none());
    assert!(matches!(receiver.receive_any::<String>().await, Err(ChannelError::Closed)));
}

#[tokio::test]
async fn frames_over_the_limit_are_refused_by_sender_and_receiver() {
    let (mut left, mut right) = pair();
    let sent = left.send_payload(&vec![0; PAYLOAD_BYTES_MAX + 1]).await;
    assert!(matches!(sent, Err(ChannelError::TooLarge { limit: PAYLOAD_BYTES_MAX, .. })));
    let sent = left.send(&vec![0u8; MESSAGE_BYTES_MAX]).await;
    assert!(matches!(sent, Err(ChannelError::TooLarge { limit: MESSAGE_BYTES_MAX, .. })));
    // Nothing of either was sent.
    left.send(&5u8).await.unwrap();
    assert_eq!(right.receive::<u8>().await.unwrap(), 5);

    let header = Header { length: u32::MAX, ..Header::bare(Kind::Payload) };
    let received = receiver_of(header.encode().to_vec()).await.receive::<()>().await;
    assert!(matches!(received, Err(ChannelError::TooLarge { bytes: 0xffff_ffff, .. })));
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(GUARD, future).await.expect("ends") })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_anywhere_is_corruption(payload: Vec<u8>, position: prop::sample::Index, bit in 0..8u8) {
        let received = run(async {
            let mut bytes = bytes_of(async |sender| sender.send_payload(&payload).await.unwrap()).await;
            let index = position.index(bytes.len());
            bytes[index] ^= 1u8 << bit;
            receiver_of(bytes).await.receive_any::<()>().await
        });
        let is_corrupt = matches!(received, Err(ChannelError::Corrupt { .. }));
        prop_assert!(is_corrupt, "{received:?}");
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(garbage in proptest::collection::vec(any::<u8>(), 1..500)) {
        let received = run(async { receiver_of(garbage).await.receive_any::<()>().await });
        prop_assert!(received.is_err());
    }
}

fn file_of(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

#[tokio::test]
async fn open_files_pass_over_a_unix_socket_between_messages() {
    let (mut left, mut right) = unix_pair();
    assert!(left.passes_files());
    let serving = async {
        let (data, checksums) = (file_of("data"), file_of("checksums"));
        for _ in 0..3 {
            assert_eq!(left.receive::<String>().await.unwrap(), "open");
            left.send(&"two files").await.unwrap();
            assert_eq!(left.receive::<String>().await.unwrap(), "ready");
            left.send_files(&[data.as_fd(), checksums.as_fd()]).await.unwrap();
            left.send(&"sent").await.unwrap();
        }
    };
    let asking = async {
        for _ in 0..3 {
            right.send(&"open").await.unwrap();
            assert_eq!(right.receive::<String>().await.unwrap(), "two files");
            right.send(&"ready").await.unwrap();
            let files = right.receive_files(2).await.unwrap();
            let texts: Vec<String> = files
                .into_iter()
                .map(|descriptor| {
                    let (mut file, mut text) = (File::from(descriptor), String::new());
                    file.rewind().unwrap();
                    file.read_to_string(&mut text).unwrap();
                    text
                })
                .collect();
            assert_eq!(texts, ["data", "checksums"]);
            assert_eq!(right.receive::<String>().await.unwrap(), "sent");
        }
    };
    timeout(GUARD, async { tokio::join!(serving, asking) }).await.unwrap();
}

#[tokio::test]
async fn what_is_not_the_expected_files_is_an_error() {
    let file = file_of("data");
    let (mut left, mut right) = unix_pair();
    left.send_files(&[file.as_fd()]).await.unwrap();
    assert!(matches!(right.receive_files(2).await, Err(ChannelError::Unexpected { .. })));
    left.send(&"a message").await.unwrap();
    assert!(matches!(right.receive_files(1).await, Err(ChannelError::Unexpected { found: "a frame", .. })));
    let too_many = vec![file.as_fd(); FILES_MAX + 1];
    assert!(matches!(left.send_files(&too_many).await, Err(ChannelError::TooLarge { .. })));

    let (mut left, mut right) = unix_pair();
    left.send(&"first").await.unwrap();
    left.send(&"second").await.unwrap();
    assert_eq!(right.receive::<String>().await.unwrap(), "first");
    assert!(matches!(right.receive_files(1).await, Err(ChannelError::Unexpected { found: "a frame", .. })));
    drop(left);
    assert_eq!(right.receive::<String>().await.unwrap(), "second");
    assert!(matches!(right.receive_files(1).await, Err(ChannelError::Closed)));

    let (mut left, mut right) = pair();
    assert!(!left.passes_files());
    assert!(matches!(left.send_files(&[file.as_fd()]).await, Err(ChannelError::Unexpected { .. })));
    assert!(matches!(right.receive_files(1).await, Err(ChannelError::Unexpected { .. })));
}
