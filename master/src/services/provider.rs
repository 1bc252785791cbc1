//! Whoever can start and stop workers.

use super::Services;
use crate::{
    core::event::{Event, Session},
    scheduler::Message,
};
use skep_jobs::protocol::provider::{Offer, ProviderTell};
use skep_wire::{Connection, Peer, Service};
use std::sync::{Arc, OnceLock};

struct Providers {
    services: Arc<Services>,
    session: OnceLock<Session>,
}

impl Service for Providers {
    type Call = Offer;
    type Answer = ();
    type Tell = ProviderTell;

    async fn call(&self, from: &Peer, offer: Offer) {
        let Offer { name, core, task } = offer;
        let peer = from.clone();
        let joined =
            self.services.scheduler.answer(|answer| Message::Provider { peer, name, core, task, answer });
        if let Some(session) = joined.await {
            // A second offer on one connection changes nothing.
            let _ = self.session.set(session);
        }
    }

    async fn tell(&self, _from: &Peer, tell: ProviderTell) {
        let ProviderTell::StartFailed { role, reason } = tell;
        self.services.scheduler.event(Event::StartFailed { role, reason }).await;
    }
}

pub async fn serve(services: Arc<Services>, connection: Connection) {
    let providers = Arc::new(Providers { services: Arc::clone(&services), session: OnceLock::new() });
    Peer::start(connection, Arc::clone(&providers)).closed().await;
    if let Some(session) = providers.session.get() {
        services.scheduler.event(Event::ProviderGone { session: *session }).await;
    }
}
