//! Binding, and what a listener does with connections whose acceptor misbehaves.

use super::*;
use crate::{Channel, ChannelError, Credential, Dialer};
use std::{os::unix::fs::PermissionsExt, time::Duration};
use tokio::net::UnixStream;

const GUARD: Duration = Duration::from_secs(60);

fn unix(directory: &tempfile::TempDir) -> (PathBuf, Endpoint) {
    let path = directory.path().join("socket");
    (path.clone(), Endpoint::Unix(path))
}

async fn bind_error(endpoint: &Endpoint) -> io::Error {
    Listener::bind(endpoint).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn a_unix_socket_is_private_and_goes_with_its_listener() {
    let directory = tempfile::tempdir().unwrap();
    let (path, endpoint) = unix(&directory);
    let listener = Listener::bind(&endpoint).await.unwrap();
    assert_eq!(listener.endpoint, endpoint);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    UnixStream::connect(&path).await.unwrap();
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn only_a_socket_that_nobody_listens_on_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (path, endpoint) = unix(&directory);
    // As a killed process leaves it behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(&endpoint).await.unwrap();

    let error = bind_error(&endpoint).await;
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    UnixStream::connect(&path).await.unwrap();
    drop(listener);

    std::fs::write(&path, "precious").unwrap();
    assert_eq!(bind_error(&endpoint).await.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named() {
    let taken = Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned())).await.unwrap();
    let error = bind_error(&taken.endpoint).await;
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&taken.endpoint.to_string()), "{error}");
    let long = Endpoint::Unix(PathBuf::from(format!("/tmp/{}", "d".repeat(120))));
    assert!(bind_error(&long).await.to_string().contains("shorter directory"));
}

/// Panics, or answers until the other side goes.
struct Moody;

impl Acceptor for Moody {
    fn admit(&self, _service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        assert_ne!(connection.service, "panic", "asked to");
        let mut channel = Channel::new(connection);
        while let Ok(Some(number)) = channel.receive_or_end::<u32>().await {
            channel.send(&(number + 1)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_panic_on_one_connection_leaves_the_others_alone_and_stopping_ends_them() {
    let secret = Secret::random();
    let listener = Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned())).await.unwrap();
    let (endpoint, stop) = (listener.endpoint.clone(), CancellationToken::new());
    let serving = tokio::spawn(listener.serve(secret.clone(), Arc::new(Moody), stop.clone()));
    let dialer = Dialer::new(Credential::Cluster(secret));

    let mut channel = dialer.channel(&endpoint, "add").await.unwrap();
    let mut unlucky = dialer.channel(&endpoint, "panic").await.unwrap();
    assert!(unlucky.receive_or_end::<u32>().await.unwrap().is_none());
    channel.send(&1u32).await.unwrap();
    assert_eq!(channel.receive::<u32>().await.unwrap(), 2);

    stop.cancel();
    timeout(GUARD, serving).await.unwrap().unwrap();
    assert!(matches!(channel.receive::<u32>().await, Err(ChannelError::Closed)));
    let error = dialer.channel(&endpoint, "add").await.map(drop).unwrap_err();
    assert!(error.nobody_listens(), "{error}");
}
