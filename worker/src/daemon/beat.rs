//! Liveness: a thread, a runtime and a connection of their own, so that no amount of work delays a beat.

use super::node::Node;
use crate::{WorkerError, limits};
use skep_jobs::protocol::{BEAT_SERVICE, worker::Beat};
use skep_wire::{Mode, NoService, Peer};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{runtime, time::sleep};
use tokio_util::sync::CancellationToken;

pub(super) fn start(node: &Arc<Node>, closing: &CancellationToken) -> Result<JoinHandle<()>, WorkerError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(WorkerError::Thread)?;
    let (node, closing) = (Arc::clone(node), closing.clone());
    let work = move || {
        runtime.block_on(async {
            tokio::select! {
                () = beat(&node) => {}
                () = closing.cancelled() => {}
            }
        });
    };
    thread::Builder::new().name("skep-beat".to_owned()).spawn(work).map_err(WorkerError::Thread)
}

/// Beats for ever, on one connection after the other.
async fn beat(node: &Node) {
    let mut identity = node.identity.subscribe();
    // The sender lives as long as the node.
    let _ = identity.wait_for(Option::is_some).await;
    loop {
        match node.dialer().connect(&node.facts.master, BEAT_SERVICE, Mode::Calls).await {
            Ok(connection) => beat_on(node, &Peer::start(connection, Arc::new(NoService))).await,
            Err(error) => tracing::debug!(%error, "no connection for liveness"),
        }
        sleep(period(node).min(limits::RECONNECT_PAUSE_MAX)).await;
    }
}

async fn beat_on(node: &Node, peer: &Peer) {
    while let Some(worker) = node.worker() {
        let beat = Beat {
            worker,
            epoch: node.facts.epoch,
            capacity: node.capacity(),
            memory_used_bytes: node.task_memory_bytes.load(Relaxed),
        };
        if peer.tell(&beat).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(period(node)) => {}
            () = peer.closed() => return,
        }
    }
}

fn period(node: &Node) -> Duration {
    Duration::from_millis(node.beat_every_ms.load(Relaxed))
}
