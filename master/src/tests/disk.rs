//! The storage of a worker that pretends the rest: a real block server on a temporary folder.

use skep_hdfs::{
    WorkerId,
    blocks::{BlockServer, BlockStore, StoreOptions},
    protocol::{BLOCKS_SERVICE, control::BlockReport},
};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Identity, Mode, Secret, handshake::Refusal,
};
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc;

/// Made when the worker has its number.
pub struct Disk {
    server: OnceLock<Arc<BlockServer>>,
    folder: tempfile::TempDir,
}

impl Disk {
    pub fn new() -> Arc<Disk> {
        Arc::new(Disk { server: OnceLock::new(), folder: tempfile::tempdir().unwrap() })
    }

    /// What happens to replicas comes out; `None` when it serves already.
    pub fn serve_as(&self, worker: WorkerId, secret: &Secret) -> Option<mpsc::Receiver<BlockReport>> {
        let options = StoreOptions { limit_bytes: None, reserve_bytes: 0 };
        let mut reports = None;
        self.server.get_or_init(|| {
            let store = BlockStore::open_with(&self.folder.path().join("blocks"), options).unwrap();
            let (told, receiver) = mpsc::channel(1_000);
            reports = Some(receiver);
            let dialer = Dialer::new(Credential::Cluster(secret.clone()));
            BlockServer::new(worker, Arc::new(store), dialer, told)
        });
        reports
    }

    pub fn server(&self) -> Option<&Arc<BlockServer>> {
        self.server.get()
    }
}

impl Acceptor for Disk {
    fn admit(&self, service: &str, mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        match (service, mode) {
            (BLOCKS_SERVICE, Mode::Exchange) => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        if let Some(server) = self.server() {
            Arc::clone(server).serve(Channel::new(connection)).await;
        }
    }
}
