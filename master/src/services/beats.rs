//! Liveness, on a connection of its own, so that a busy worker is never a dead one.

use crate::liveness::Liveness;
use skep_jobs::protocol::worker::Beat;
use skep_wire::{Peer, Service};

pub struct Beats(pub Liveness);

impl Service for Beats {
    type Call = ();
    type Answer = ();
    type Tell = Beat;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, beat: Beat) {
        self.0.beat(beat).await;
    }
}
