//! Answers of each client's recent calls: a call that is repeated, also after a restart, gets the answer it had.

use super::event::Tick;
use crate::{ClientId, limits, protocol::namespace::NamespaceAnswer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    clients: BTreeMap<ClientId, Recent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Recent {
    used: Tick,
    answers: BTreeMap<u64, NamespaceAnswer>,
}

impl Calls {
    pub fn recall(&self, client: ClientId, call: u64) -> Option<&NamespaceAnswer> {
        self.clients.get(&client)?.answers.get(&call)
    }

    /// Keeps the answer, and forgets the oldest of this client and clients that were silent for long.
    pub fn remember(&mut self, client: ClientId, call: u64, answer: NamespaceAnswer, at: Tick) {
        let recent = self.clients.entry(client).or_default();
        recent.used = at;
        recent.answers.insert(call, answer);
        while recent.answers.len() > limits::CALLS_REMEMBERED_PER_CLIENT {
            recent.answers.pop_first();
        }
        if self.clients.len() > limits::CLIENTS_REMEMBERED {
            let silent = limits::CLIENT_REMEMBERED_FOR.as_millis() as u64;
            self.clients.retain(|_, recent| at.since(recent.used) < silent);
        }
    }
}
