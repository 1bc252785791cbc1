//! The supervisor as the cluster's provider: it holds a connection to the master's service `provider` and hears its orders.

use skep_jobs::protocol::{
    PROVIDER_SERVICE,
    client::Role,
    provider::{Offer, ProviderOrder, ProviderTell},
};
use skep_wire::{CallError, Credential, Dialer, Endpoint, Mode, Peer, Service};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

const OFFER_DEADLINE: Duration = Duration::from_secs(10);
const REDIAL_PAUSE_MIN: Duration = Duration::from_millis(5);
const REDIAL_PAUSE_MAX: Duration = Duration::from_secs(1);
const ORDERS_MAX: usize = 64;

/// The master's side of the conversation as the supervisor sees it.
pub struct Provider {
    pub orders: mpsc::Receiver<ProviderOrder>,
    peer: watch::Receiver<Option<Peer>>,
}

struct Orders(mpsc::Sender<ProviderOrder>);

impl Service for Orders {
    type Call = ();
    type Answer = ();
    type Tell = ProviderOrder;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, order: ProviderOrder) {
        let _ = self.0.send(order).await;
    }
}

impl Provider {
    /// Offers itself to the master, and again whenever the connection is lost, until dropped.
    pub fn start(master: Endpoint, credential: Credential, offer: Offer) -> Provider {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let (peer_sender, peer) = watch::channel(None);
        tokio::spawn(offer_for_ever(Dialer::new(credential), master, offer, sender, peer_sender));
        Provider { orders, peer }
    }

    /// Tells the master that a worker could not be started. Lost with the connection: the master asks again.
    pub async fn start_failed(&self, role: Role, reason: String) {
        let peer = self.peer.borrow().clone();
        if let Some(peer) = peer
            && let Err(error) = peer.tell(&ProviderTell::StartFailed { role, reason }).await
        {
            tracing::debug!(%error, "the master was not told of a failed start");
        }
    }
}

async fn offer_for_ever(
    dialer: Dialer,
    master: Endpoint,
    offer: Offer,
    orders: mpsc::Sender<ProviderOrder>,
    peer_now: watch::Sender<Option<Peer>>,
) {
    let mut pause = REDIAL_PAUSE_MIN;
    while !orders.is_closed() {
        match connect(&dialer, &master, &offer, &orders).await {
            Ok(peer) => {
                pause = REDIAL_PAUSE_MIN;
                peer_now.send_replace(Some(peer.clone()));
                tokio::select! {
                    () = peer.closed() => tracing::info!("the connection to the master is lost"),
                    () = orders.closed() => return,
                }
                peer_now.send_replace(None);
            }
            Err(error) => tracing::debug!(%error, "the master takes no offer yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REDIAL_PAUSE_MAX);
    }
}

async fn connect(
    dialer: &Dialer,
    master: &Endpoint,
    offer: &Offer,
    orders: &mpsc::Sender<ProviderOrder>,
) -> Result<Peer, CallError> {
    let connection = dialer.connect(master, PROVIDER_SERVICE, Mode::Calls).await?;
    let peer = Peer::start(connection, Arc::new(Orders(orders.clone())));
    let () = peer.call(offer, OFFER_DEADLINE).await?;
    Ok(peer)
}
