//! Connections to block servers, kept for the next exchange.

use super::RemoteError;
use crate::{
    limits::{BLOCK_REPLY_DEADLINE, IDLE_CHANNEL, IDLE_CHANNELS_MAX, PIPELINE_STALL},
    protocol::{
        BLOCKS_SERVICE,
        blocks::{BlockReply, BlockRequest},
        namespace::Location,
    },
};
use skep_wire::{Channel, Dialer, Endpoint};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Opens channels and keeps unused ones for a while. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    dialer: Dialer,
    /// This machine's name: its workers are spoken to over their Unix sockets.
    host: Option<Arc<str>>,
    /// How long the last worker of a pipeline may make no progress.
    stall: Duration,
    idle: Arc<Mutex<HashMap<Endpoint, Vec<Idle>>>>,
}

struct Idle {
    channel: Channel,
    since: Instant,
}

/// A channel on loan. `give_back` after a whole exchange; dropped in the middle of one, it is closed.
pub struct Lent {
    pub channel: Channel,
    endpoint: Endpoint,
    home: Channels,
}

impl Lent {
    pub fn give_back(self) {
        self.home.keep(self.endpoint, self.channel);
    }
}

impl Channels {
    pub fn new(dialer: Dialer, host: Option<&str>) -> Channels {
        Channels { dialer, host: host.map(Arc::from), stall: PIPELINE_STALL, idle: Arc::default() }
    }

    #[cfg(test)]
    pub fn with_stall(self, stall: Duration) -> Channels {
        Channels { stall, ..self }
    }

    /// How long a sender waits for progress when so many workers follow after the one it speaks to: the neighbour of
    /// the one that hangs is the first to lose patience, and names it.
    pub fn stall_limit(&self, hops_after: usize) -> Duration {
        let hops = u32::try_from(hops_after).unwrap_or(u32::MAX);
        self.stall.saturating_add((self.stall / 3).saturating_mul(hops))
    }

    /// Whether this worker is on this machine and has a Unix socket.
    pub fn is_local(&self, location: &Location) -> bool {
        location.socket.is_some() && self.host.as_deref() == Some(location.host.as_str())
    }

    fn endpoint(&self, location: &Location) -> Endpoint {
        match &location.socket {
            Some(socket) if self.is_local(location) => Endpoint::Unix(socket.clone()),
            _ => location.endpoint.clone(),
        }
    }

    /// Starts an exchange: sends the request and waits for the first reply. A kept connection may have been closed by
    /// the other side meanwhile; then the request goes out again on a new one.
    pub async fn start(
        &self,
        location: &Location,
        request: &BlockRequest,
        deadline: Duration,
    ) -> Result<(Lent, BlockReply), RemoteError> {
        let endpoint = self.endpoint(location);
        while let Some(channel) = self.take_idle(&endpoint) {
            let lent = Lent { channel, endpoint: endpoint.clone(), home: self.clone() };
            match first_reply(lent, request, deadline).await {
                Err(RemoteError::Channel(error)) => {
                    tracing::debug!(%endpoint, %error, "a kept connection was of no use any more");
                }
                outcome => return outcome,
            }
        }
        let dial = self.dialer.channel(&endpoint, BLOCKS_SERVICE);
        let channel = timeout(deadline, dial).await.map_err(|_| RemoteError::Stalled(deadline))??;
        first_reply(Lent { channel, endpoint, home: self.clone() }, request, deadline).await
    }

    /// One request, one reply.
    pub async fn ask(&self, location: &Location, request: &BlockRequest) -> Result<BlockReply, RemoteError> {
        let (lent, reply) = self.start(location, request, BLOCK_REPLY_DEADLINE).await?;
        lent.give_back();
        Ok(reply)
    }

    fn take_idle(&self, endpoint: &Endpoint) -> Option<Channel> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(endpoint)?;
        kept.retain(|one| one.since.elapsed() < IDLE_CHANNEL);
        kept.pop().map(|one| one.channel)
    }

    fn keep(&self, endpoint: Endpoint, channel: Channel) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, kept| {
            kept.retain(|one| one.since.elapsed() < IDLE_CHANNEL);
            !kept.is_empty()
        });
        let kept = idle.entry(endpoint).or_default();
        if kept.len() < IDLE_CHANNELS_MAX {
            kept.push(Idle { channel, since: Instant::now() });
        }
    }
}

/// A refusal ends the exchange and leaves the channel good for the next.
async fn first_reply(
    mut lent: Lent,
    request: &BlockRequest,
    deadline: Duration,
) -> Result<(Lent, BlockReply), RemoteError> {
    let exchange = async {
        lent.channel.send(request).await?;
        lent.channel.receive::<BlockReply>().await
    };
    match timeout(deadline, exchange).await {
        Err(_) => Err(RemoteError::Stalled(deadline)),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(BlockReply::Failed { at, error })) => {
            lent.give_back();
            Err(RemoteError::Refused { at, error })
        }
        Ok(Ok(reply)) => Ok((lent, reply)),
    }
}
