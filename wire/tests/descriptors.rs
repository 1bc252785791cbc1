//! A process out of descriptors. In a binary of its own, because the limit holds for the whole process.

use rustix::process::{Resource, getrlimit, setrlimit};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Endpoint, Identity, Listener, Mode, Secret,
    handshake::Refusal,
};
use std::{fs::File, net::TcpStream, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

struct Echo;

impl Acceptor for Echo {
    fn admit(&self, _service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let mut channel = Channel::new(connection);
        while let Ok(Some(number)) = channel.receive_or_end::<u32>().await {
            if channel.send(&number).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_listener_outlasts_a_process_out_of_descriptors() {
    let secret = Secret::random();
    let listener = Listener::bind(&Endpoint::Tcp("127.0.0.1:0".to_owned())).await.unwrap();
    let (endpoint, stop) = (listener.endpoint.clone(), CancellationToken::new());
    let serving = tokio::spawn(listener.serve(secret.clone(), Arc::new(Echo), stop.clone()));

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).unwrap();
    // The system completes a connection before it is accepted; by then no descriptor is left for it.
    let waiting = TcpStream::connect(endpoint.to_string()).unwrap();
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    // One thread: the listener runs now, meets the error and pauses.
    sleep(Duration::from_millis(50)).await;
    drop((held, waiting));

    let again = async {
        let mut channel = Dialer::new(Credential::Cluster(secret)).channel(&endpoint, "echo").await.unwrap();
        channel.send(&7u32).await.unwrap();
        assert_eq!(channel.receive::<u32>().await.unwrap(), 7);
    };
    timeout(Duration::from_secs(60), again).await.unwrap();
    stop.cancel();
    timeout(Duration::from_secs(60), serving).await.unwrap().unwrap();
}
