//! Answers of each client's recent calls: a call that is repeated, also after a restart, gets the answer it had.
//!
//! Bounded three ways: so many answers of one client (the oldest go first, by when they were given and not by their
//! number, because a call may wait for long), so many in all (the longest silent client goes first), and by age.

use super::event::Tick;
use crate::{ClientId, limits, protocol::namespace::NamespaceAnswer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    clients: BTreeMap<ClientId, Recent>,
    /// The same clients, the longest silent first.
    by_use: BTreeSet<(Tick, ClientId)>,
    answers: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Recent {
    used: Tick,
    answers: BTreeMap<u64, NamespaceAnswer>,
    /// Numbers of the calls in the order of their answers.
    order: VecDeque<u64>,
}

impl Calls {
    pub fn recall(&self, client: ClientId, call: u64) -> Option<&NamespaceAnswer> {
        self.clients.get(&client)?.answers.get(&call)
    }

    pub fn remember(&mut self, client: ClientId, call: u64, answer: NamespaceAnswer, at: Tick) {
        let recent = self.clients.entry(client).or_default();
        self.by_use.remove(&(recent.used, client));
        self.by_use.insert((at, client));
        recent.used = at;
        if recent.answers.insert(call, answer).is_none() {
            recent.order.push_back(call);
            self.answers += 1;
        }
        if recent.order.len() > limits::CALLS_REMEMBERED_PER_CLIENT
            && let Some(oldest) = recent.order.pop_front()
        {
            recent.answers.remove(&oldest);
            self.answers -= 1;
        }
        let silent = limits::CLIENT_REMEMBERED_FOR.as_millis() as u64;
        while let Some((used, longest)) = self.by_use.first().copied()
            && longest != client
            && (at.since(used) >= silent || self.answers > limits::CALLS_REMEMBERED)
        {
            self.by_use.pop_first();
            self.answers -= self.clients.remove(&longest).map_or(0, |recent| recent.answers.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::namespace::Reply;

    const DONE: NamespaceAnswer = Ok(Reply::Done);

    #[test]
    fn a_late_answer_to_an_early_call_is_remembered() {
        let mut calls = Calls::default();
        let many = limits::CALLS_REMEMBERED_PER_CLIENT as u64;
        (2..many + 2).for_each(|call| calls.remember(ClientId(1), call, DONE, Tick(1)));
        calls.remember(ClientId(1), 1, DONE, Tick(2));
        assert!(calls.recall(ClientId(1), 1).is_some());
        assert!(calls.recall(ClientId(1), 2).is_none());
        assert!(calls.recall(ClientId(1), 3).is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_longest_silent_go_first() {
        let mut calls = Calls::default();
        let clients = (limits::CALLS_REMEMBERED / limits::CALLS_REMEMBERED_PER_CLIENT + 10) as u64;
        for client in 0..clients {
            for call in 0..limits::CALLS_REMEMBERED_PER_CLIENT as u64 {
                calls.remember(ClientId(client), call, DONE, Tick(client));
            }
        }
        assert!(calls.answers <= limits::CALLS_REMEMBERED);
        assert!(calls.recall(ClientId(0), 0).is_none());
        assert!(calls.recall(ClientId(clients - 1), 0).is_some());
    }

    #[test]
    fn clients_that_were_silent_for_long_are_forgotten() {
        let mut calls = Calls::default();
        calls.remember(ClientId(1), 1, DONE, Tick(0));
        calls.remember(ClientId(2), 1, DONE, Tick(limits::CLIENT_REMEMBERED_FOR.as_millis() as u64));
        assert!(calls.recall(ClientId(1), 1).is_none());
        assert_eq!(calls.clients.len(), calls.by_use.len());
    }
}
