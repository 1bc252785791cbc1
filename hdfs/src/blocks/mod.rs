//! A core worker's blocks: the store on its disk and the server that pipelines, reads and copies.

use crate::{
    WorkerId,
    protocol::control::{BlockCommand, BlockReport, Capacity},
};
use skep_wire::{Channel, Dialer};
use std::{io, path::Path, sync::Arc};
use tokio::sync::mpsc;

/// Replicas on one worker's disk.
pub struct BlockStore {}

impl BlockStore {
    /// Opens or makes the store below `directory`; finds every replica, and removes what no owner will ever claim.
    pub fn open(directory: &Path) -> io::Result<BlockStore> {
        let _ = directory;
        unimplemented!()
    }

    pub fn capacity(&self) -> Capacity {
        unimplemented!()
    }

    /// `BlockReport::Full`.
    pub fn report_all(&self) -> BlockReport {
        unimplemented!()
    }
}

/// Serves the store. One per worker; what happens to replicas goes out through `reports`.
pub struct BlockServer {}

impl BlockServer {
    pub fn new(
        worker: WorkerId,
        store: Arc<BlockStore>,
        dialer: Dialer,
        reports: mpsc::Sender<BlockReport>,
    ) -> Arc<BlockServer> {
        let _ = (worker, store, dialer, reports);
        unimplemented!()
    }

    /// Serves exchanges on one accepted channel of `BLOCKS_SERVICE` until the other side closes. On a Unix socket
    /// `Open` is answered too.
    pub async fn serve(self: Arc<Self>, channel: Channel) {
        let _ = channel;
        unimplemented!()
    }

    /// Carries out a command of the master in the background; bounded; repeated commands are harmless.
    pub fn command(self: &Arc<Self>, command: BlockCommand) {
        let _ = command;
        unimplemented!()
    }
}
