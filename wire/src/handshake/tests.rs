//! Handshakes over a connection in memory: with each other, with strangers and with garbage.

use super::*;
use crate::JobToken;
use proptest::prelude::*;
use std::time::Duration;
use tokio::time::timeout;

const GUARD: Duration = Duration::from_secs(60);

fn job(name: &str, token: JobToken) -> Credential {
    Credential::Job { job: name.to_owned(), token }
}

/// Both ends' results. The server admits jobs to `blocks` and the cluster to `blocks` and `journal`.
async fn shake(
    credential: &Credential,
    secret: &Secret,
    service: &str,
) -> (Result<(), HandshakeError>, Result<Hello, HandshakeError>) {
    let (mut client, mut server) = Stream::pair();
    let admit = |hello: &Hello| match (hello.service.as_str(), &hello.identity) {
        ("blocks", Identity::Job(job)) if job == "job-0" => {
            Err(Refusal::JobOver { service: hello.service.clone() })
        }
        ("blocks", _) | ("journal", Identity::Cluster) => Ok(()),
        ("journal", Identity::Job(_)) => Err(Refusal::Forbidden { service: hello.service.clone() }),
        _ => Err(Refusal::Service { service: hello.service.clone() }),
    };
    // Each end closes its stream when it is done, as the callers do.
    let connecting = async {
        let connected = connect(&mut client, credential, service, Mode::Exchange).await;
        drop(client);
        connected
    };
    let accepting = async {
        let accepted = accept(&mut server, secret, admit).await;
        drop(server);
        accepted
    };
    timeout(GUARD, async { tokio::join!(connecting, accepting) }).await.expect("the handshake ends")
}

#[tokio::test]
async fn the_right_secret_opens_a_service() {
    let secret = Secret::random();
    let (client, server) = shake(&Credential::Cluster(secret.clone()), &secret, "journal").await;
    client.unwrap();
    let expected = Hello { mode: Mode::Exchange, identity: Identity::Cluster, service: "journal".to_owned() };
    assert_eq!(server.unwrap(), expected);
}

#[tokio::test]
async fn the_token_of_a_job_opens_what_jobs_may_use() {
    let secret = Secret::random();
    let credential = job("job-1", secret.token_for("job-1"));
    let (client, server) = shake(&credential, &secret, "blocks").await;
    client.unwrap();
    assert_eq!(server.unwrap().identity, Identity::Job("job-1".to_owned()));
}

#[tokio::test]
async fn each_refusal_arrives_as_what_it_is() {
    let secret = Secret::random();
    let token = secret.token_for("job-1");
    let service = |name: &str| Refusal::Service { service: name.to_owned() };
    let forbidden = Refusal::Forbidden { service: "journal".to_owned() };
    for (credential, name, expected) in [
        (Credential::Cluster(Secret::random()), "journal", Refusal::Secret),
        (job("job-2", token.clone()), "blocks", Refusal::Secret),
        (job("job-1", Secret::random().token_for("job-1")), "blocks", Refusal::Secret),
        (Credential::Cluster(secret.clone()), "weather", service("weather")),
        (Credential::Cluster(secret.clone()), "", service("")),
        (
            job("job-0", secret.token_for("job-0")),
            "blocks",
            Refusal::JobOver { service: "blocks".to_owned() },
        ),
        (job("job-1", token), "journal", forbidden),
    ] {
        let (client, server) = shake(&credential, &secret, name).await;
        assert!(
            matches!(&client, Err(HandshakeError::Refused(refusal)) if *refusal == expected),
            "{client:?}"
        );
        assert!(
            matches!(&server, Err(HandshakeError::Refused(refusal)) if *refusal == expected),
            "{server:?}"
        );
    }
}

#[tokio::test]
async fn a_name_over_the_limit_is_refused_before_anything_is_sent() {
    let (mut client, _server) = Stream::pair();
    let credential = Credential::Cluster(Secret::random());
    let error = connect(&mut client, &credential, &"s".repeat(65), Mode::Calls).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Io(error) if error.kind() == io::ErrorKind::InvalidInput));
}

/// A client that talks to `server`, which is given the other end.
async fn connect_to<F>(server: impl FnOnce(Stream) -> F) -> Result<(), HandshakeError>
where
    F: Future<Output = ()>,
{
    let (mut client, other) = Stream::pair();
    let credential = Credential::Cluster(Secret::random());
    let connecting = connect(&mut client, &credential, "blocks", Mode::Calls);
    timeout(GUARD, async { tokio::join!(connecting, server(other)).0 }).await.expect("the handshake ends")
}

#[tokio::test]
async fn a_server_without_the_secret_is_found_out() {
    let connected = connect_to(async |mut server| {
        server.read.read_exact(&mut [0; HELLO_BYTES]).await.unwrap();
        write_reply(&mut server, GO_ON, &[1; 32]).await.unwrap();
        server.read.read_exact(&mut [0; PROOF_BYTES]).await.unwrap();
        write_reply(&mut server, GO_ON, &[2; 32]).await.unwrap();
    })
    .await;
    assert!(matches!(connected, Err(HandshakeError::Refused(Refusal::Secret))), "{connected:?}");
}

#[tokio::test]
async fn a_server_cannot_send_the_clients_own_proof_back() {
    let connected = connect_to(async |mut server| {
        server.read.read_exact(&mut [0; HELLO_BYTES]).await.unwrap();
        write_reply(&mut server, GO_ON, &[1; 32]).await.unwrap();
        let mut proof = [0; PROOF_BYTES];
        server.read.read_exact(&mut proof).await.unwrap();
        write_reply(&mut server, GO_ON, &proof).await.unwrap();
    })
    .await;
    assert!(matches!(connected, Err(HandshakeError::Refused(Refusal::Secret))), "{connected:?}");
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_not_skep() {
    let connected = connect_to(async |mut server| {
        server.write.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    })
    .await;
    assert!(matches!(connected, Err(HandshakeError::Refused(Refusal::NotSkep))), "{connected:?}");
}

#[tokio::test]
async fn a_server_that_goes_within_the_handshake_is_an_io_error() {
    let connected = connect_to(async |server| drop(server)).await;
    assert!(matches!(connected, Err(HandshakeError::Io(_))), "{connected:?}");
}

#[tokio::test]
async fn another_version_is_named_to_both_sides() {
    let mut other_version = *b"SKEP\0\0";
    other_version[4..].copy_from_slice(&7u16.to_le_bytes());
    let expected = Refusal::Version { ours: WIRE_VERSION, theirs: 7 };

    // A client of version 7, whose hello is shorter than ours.
    let (mut client, mut server) = Stream::pair();
    client.write.write_all(&other_version).await.unwrap();
    let secret = Secret::random();
    let accepting = accept(&mut server, &secret, |_| Ok(()));
    let answering = async {
        let mut reply = [0; REPLY_BYTES];
        client.read.read_exact(&mut reply).await.unwrap();
        drop(client);
        reply
    };
    let (accepted, reply) = tokio::join!(accepting, answering);
    assert!(matches!(accepted, Err(HandshakeError::Refused(refusal)) if refusal == expected));
    assert_eq!(reply[..7], [b'S', b'K', b'E', b'P', WIRE_VERSION as u8, 0, 1]);

    // A server of version 7.
    let connected = connect_to(async |mut server| {
        let mut reply = [0; REPLY_BYTES];
        reply[..START_BYTES].copy_from_slice(&other_version);
        reply[6] = 1;
        server.write.write_all(&reply).await.unwrap();
    })
    .await;
    assert!(matches!(connected, Err(HandshakeError::Refused(refusal)) if refusal == expected));
}

#[test]
fn the_layout_of_version_1_is_fixed() {
    let hello = Hello {
        mode: Mode::Exchange,
        identity: Identity::Job("job-1".to_owned()),
        service: "blocks".to_owned(),
    };
    let bytes = hello.encode(&[9; NONCE_BYTES]).unwrap();
    let mut golden = b"SKEP\x01\x00\x02\x02".to_vec();
    golden.extend_from_slice(&[9; 16]);
    golden.extend_from_slice(&[6, 5]);
    golden.extend_from_slice(b"blocks");
    golden.resize(90, 0);
    golden.extend_from_slice(b"job-1");
    golden.resize(154, 0);
    assert_eq!(bytes[..], golden);
}

async fn accept_bytes(bytes: &[u8]) -> Result<Hello, HandshakeError> {
    let (mut client, mut server) = Stream::pair();
    client.write.write_all(bytes).await.unwrap();
    drop(client);
    timeout(GUARD, accept(&mut server, &Secret::random(), |_| Ok(()))).await.expect("the handshake ends")
}

proptest! {
    #[test]
    fn a_hello_survives_being_written_and_read(
        is_job: bool, calls: bool, service in "[a-z-]{0,64}", name in "\\PC{1,16}",
    ) {
        let identity = if is_job { Identity::Job(name) } else { Identity::Cluster };
        let mode = if calls { Mode::Calls } else { Mode::Exchange };
        let hello = Hello { mode, identity, service };
        prop_assert_eq!(Hello::decode(&hello.encode(&nonce()).unwrap()).unwrap(), hello);
    }

    #[test]
    fn garbage_never_gets_through_and_never_panics(garbage: Vec<u8>, start in 0usize..8, longer: bool) {
        // The more of it is right, the deeper it gets.
        let mut bytes = b"SKEP\x01\x00\x01\x01"[..start].to_vec();
        bytes.extend(garbage);
        if longer {
            bytes.resize(300, 0);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        prop_assert!(runtime.block_on(accept_bytes(&bytes)).is_err());
    }
}
