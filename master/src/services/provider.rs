//! The connection of whoever can start and stop workers.

use super::Front;
use crate::{
    core::event::{Event, Session},
    owner::Request,
};
use skep_jobs::protocol::provider::{Offer, ProviderTell};
use skep_wire::{Connection, Peer, Service};
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

struct ProviderService {
    front: Arc<Front>,
    session: OnceLock<Session>,
}

/// Until the connection ends.
pub async fn serve(front: Arc<Front>, connection: Connection) {
    let service = Arc::new(ProviderService { front: front.clone(), session: OnceLock::new() });
    let peer = Peer::start(connection, service.clone());
    peer.closed().await;
    if let Some(&session) = service.session.get() {
        let _ = front.inbox.send(Request::Event(Event::ProviderGone { session })).await;
    }
}

impl Service for ProviderService {
    type Call = Offer;
    type Answer = ();
    type Tell = ProviderTell;

    async fn call(&self, from: &Peer, offer: Offer) {
        let (reply, session) = oneshot::channel();
        let request = Request::Offer { offer, peer: from.clone(), reply };
        if self.front.inbox.send(request).await.is_ok()
            && let Ok(session) = session.await
        {
            let _ = self.session.set(session);
        }
    }

    async fn tell(&self, _from: &Peer, ProviderTell::StartFailed { role, reason }: ProviderTell) {
        let _ = self.front.inbox.send(Request::Event(Event::StartFailed { role, reason })).await;
    }
}
