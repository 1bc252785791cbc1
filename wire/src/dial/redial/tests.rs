//! A server over real sockets that comes and goes, and clients that outlive it.

use crate::{
    Acceptor, CallError, Connection, Credential, DialError, Dialer, Endpoint, Identity, Listener, Mode, Peer,
    Redial, Secret, Service, handshake::Refusal,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

const GUARD: Duration = Duration::from_secs(60);

/// Answers with the number of calls before, on the service `count`.
#[derive(Default)]
struct Counter {
    calls: AtomicUsize,
    connections: AtomicUsize,
}

impl Service for Counter {
    type Call = ();
    type Answer = usize;
    type Tell = ();

    async fn call(&self, _from: &Peer, (): ()) -> usize {
        self.calls.fetch_add(1, Ordering::SeqCst)
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}

impl Acceptor for Counter {
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        match (service, mode, identity) {
            ("count", Mode::Calls, _) => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        assert_eq!(connection.service, "count");
        Peer::start(connection, self).closed().await;
    }
}

struct Server {
    endpoint: Endpoint,
    counter: Arc<Counter>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(endpoint: &Endpoint, secret: &Secret) -> Server {
        let listener = Listener::bind(endpoint).await.unwrap();
        let (counter, stop) = (Arc::new(Counter::default()), CancellationToken::new());
        Server {
            endpoint: listener.endpoint.clone(),
            counter: counter.clone(),
            stop: stop.clone(),
            serving: tokio::spawn(listener.serve(secret.clone(), counter, stop)),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(GUARD, self.serving).await.unwrap().unwrap();
    }
}

fn any_port() -> Endpoint {
    Endpoint::Tcp("127.0.0.1:0".to_owned())
}

fn redial(server: &Server, secret: &Secret) -> Redial {
    Redial::new(Dialer::new(Credential::Cluster(secret.clone())), server.endpoint.clone(), "count")
}

async fn count(redial: &Redial) -> Result<usize, CallError> {
    redial.call(&(), GUARD).await
}

#[tokio::test]
async fn clones_share_one_connection_over_each_kind_of_socket() {
    let directory = tempfile::tempdir().unwrap();
    let secret = Secret::random();
    for endpoint in [any_port(), Endpoint::Unix(directory.path().join("socket"))] {
        let server = Server::start(&endpoint, &secret).await;
        let redial = redial(&server, &secret);
        let calls =
            (0..50).map(|_| redial.clone()).map(|redial| async move { count(&redial).await.unwrap() });
        let mut answers = futures::future::join_all(calls).await;
        answers.sort_unstable();
        assert_eq!(answers, (0..50).collect::<Vec<_>>());
        assert_eq!(server.counter.connections.load(Ordering::SeqCst), 1);
        server.stop().await;
    }
}

#[tokio::test]
async fn calling_again_outlasts_a_server_that_restarts() {
    let secret = Secret::random();
    let server = Server::start(&any_port(), &secret).await;
    let endpoint = server.endpoint.clone();
    let redial = redial(&server, &secret);
    assert_eq!(count(&redial).await.unwrap(), 0);
    server.stop().await;

    let error = redial.call_again::<_, usize>(&(), GUARD, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(&error, CallError::Dial(error) if error.nobody_listens()), "{error}");

    let waiting: Vec<_> = (0..20)
        .map(|_| redial.clone())
        .map(|redial| tokio::spawn(async move { redial.call_again::<_, usize>(&(), GUARD, GUARD).await }))
        .collect();
    tokio::task::yield_now().await;
    let server = Server::start(&endpoint, &secret).await;
    for call in waiting {
        timeout(GUARD, call).await.unwrap().unwrap().unwrap();
    }
    assert_eq!(server.counter.calls.load(Ordering::SeqCst), 20);
    assert_eq!(server.counter.connections.load(Ordering::SeqCst), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let secret = Secret::random();
    let server = Server::start(&any_port(), &secret).await;
    let stranger = redial(&server, &Secret::random());
    let error = stranger.call_again::<_, usize>(&(), GUARD, GUARD).await.unwrap_err();
    assert!(matches!(error, CallError::Dial(DialError::Refused { refusal: Refusal::Secret, .. })), "{error}");

    let other =
        Redial::new(Dialer::new(Credential::Cluster(secret.clone())), server.endpoint.clone(), "other");
    let error = other.call_again::<_, usize>(&(), GUARD, GUARD).await.unwrap_err();
    assert!(matches!(error, CallError::Dial(DialError::Refused { refusal: Refusal::Service { .. }, .. })));
    server.stop().await;
}

#[tokio::test]
async fn garbage_and_silence_cost_their_own_socket_only() {
    let secret = Secret::random();
    let server = Server::start(&any_port(), &secret).await;
    let redial = redial(&server, &secret);
    assert_eq!(count(&redial).await.unwrap(), 0);

    let address = server.endpoint.to_string();
    let _silent = TcpStream::connect(&address).await.unwrap();
    let mut stranger = TcpStream::connect(&address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stranger.shutdown().await.unwrap();
    let mut answer = Vec::new();
    timeout(GUARD, stranger.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"SKEP"));

    assert_eq!(count(&redial).await.unwrap(), 1);
    server.stop().await;
}

/// With the clock under control: the silent client is cut off by the deadline and by nothing else.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_says_hello_is_closed_at_the_deadline() {
    let server = Server::start(&any_port(), &Secret::random()).await;
    let mut silent = TcpStream::connect(server.endpoint.to_string()).await.unwrap();
    silent.write_all(b"SKEP").await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_a_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(silent.local_addr().unwrap().to_string());
    let dialer = Dialer::new(Credential::Cluster(Secret::random()));
    let error = dialer.connect(&endpoint, "count", Mode::Calls).await.map(drop).unwrap_err();
    assert!(matches!(error, DialError::Timeout { .. }) && error.retryable() && !error.nobody_listens());
}

#[tokio::test(start_paused = true)]
async fn calling_again_keeps_its_patience_with_a_server_that_is_slow_to_connect() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(silent.local_addr().unwrap().to_string());
    let redial = Redial::new(Dialer::new(Credential::Cluster(Secret::random())), endpoint, "count");
    let (deadline, patience, start) = (Duration::from_secs(1), Duration::from_secs(20), Instant::now());
    let error = redial.call_again::<_, usize>(&(), deadline, patience).await.unwrap_err();
    assert!(
        matches!(error, CallError::Dial(DialError::Timeout { waited, .. }) if waited == deadline),
        "{error}"
    );
    assert!(start.elapsed() > patience / 2);
}

#[tokio::test]
async fn nobody_at_the_address_is_told_apart_from_other_failures() {
    let directory = tempfile::tempdir().unwrap();
    let dialer = Dialer::new(Credential::Cluster(Secret::random()));
    let free = Listener::bind(&any_port()).await.unwrap().endpoint;
    for endpoint in [free, Endpoint::Unix(directory.path().join("none"))] {
        let error = dialer.connect(&endpoint, "count", Mode::Calls).await.map(drop).unwrap_err();
        assert!(error.nobody_listens() && error.retryable(), "{error}");
    }
}
