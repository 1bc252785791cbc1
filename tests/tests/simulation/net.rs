//! Connections to the master: in order while they live, slow now and then, cut by partitions, broken at any time. What was on
//! the way when one breaks is lost, and each side hears of it in its own time, or only by silence.

use super::world::Ms;
use skep_hdfs::WorkerId;
use skep_hdfs::{
    Epoch,
    protocol::{
        control::{Capacity, Replica},
        namespace::{NamespaceAnswer, NamespaceCall},
    },
};
use skep_jobs::{
    model::{JobId, JobSpec},
    protocol::{
        client::JobError,
        worker::{MasterTell, RegisterError, WorkerTell},
    },
};
use skep_master::core::event::Joining;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A computer of the model world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    Master,
    Machine(usize),
    Client(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Who opened a connection to the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The control connection of a machine's daemon, in one of its lives.
    Worker { machine: usize, life: u64 },
    /// A client or a task.
    Agent(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToMaster,
    FromMaster,
}

#[derive(Debug, Clone)]
pub enum Message {
    Register { joining: Box<Joining>, capacity: Capacity, replicas: Vec<Replica> },
    Registered(Result<(WorkerId, Vec<JobId>), RegisterError>),
    Worker(WorkerTell),
    Master(MasterTell),
    Call(NamespaceCall),
    Answer { call: u64, answer: NamespaceAnswer },
    Submit(Box<JobSpec>),
    Submitted(Result<JobId, JobError>),
}

pub struct Link {
    pub opener: Opener,
    pub host: Host,
    pub master_life: u64,
    /// Set by the master when a worker registered on it.
    pub worker: Option<(WorkerId, Epoch)>,
    up: Lane,
    down: Lane,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Message>,
    last: Ms,
    held_since: Option<Ms>,
}

#[derive(Default)]
pub struct Net {
    links: BTreeMap<LinkId, Link>,
    next: u64,
    /// Pairs of hosts that cannot reach each other.
    cuts: BTreeSet<(Host, Host)>,
}

fn pair(a: Host, b: Host) -> (Host, Host) {
    if a < b { (a, b) } else { (b, a) }
}

impl Net {
    pub fn cut(&mut self, a: Host, b: Host) {
        self.cuts.insert(pair(a, b));
    }

    pub fn mend(&mut self, a: Host, b: Host) {
        self.cuts.remove(&pair(a, b));
    }

    pub fn mend_all(&mut self) {
        self.cuts.clear();
    }

    pub fn reaches(&self, a: Host, b: Host) -> bool {
        !self.cuts.contains(&pair(a, b))
    }

    pub fn open(&mut self, opener: Opener, host: Host, master_life: u64) -> LinkId {
        self.next += 1;
        let id = LinkId(self.next);
        let link =
            Link { opener, host, master_life, worker: None, up: Lane::default(), down: Lane::default() };
        self.links.insert(id, link);
        id
    }

    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    pub fn close(&mut self, id: LinkId) -> Option<Link> {
        self.links.remove(&id)
    }

    pub fn of(&self, wanted: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        self.links.iter().filter(|(_, link)| wanted(link)).map(|(id, _)| *id).collect()
    }

    /// Queues a message; returns when it arrives. Nothing overtakes on one connection.
    pub fn send(&mut self, id: LinkId, way: Way, message: Message, at: Ms) -> Option<Ms> {
        let lane = self.lane(id, way)?;
        lane.waiting.push_back(message);
        lane.last = lane.last.max(at);
        Some(lane.last)
    }

    pub fn take(&mut self, id: LinkId, way: Way) -> Option<Message> {
        let lane = self.lane(id, way)?;
        lane.held_since = None;
        lane.waiting.pop_front()
    }

    /// Something could not be handed over; since when that is so.
    pub fn hold(&mut self, id: LinkId, way: Way, now: Ms) -> Option<Ms> {
        let lane = self.lane(id, way)?;
        Some(*lane.held_since.get_or_insert(now))
    }

    fn lane(&mut self, id: LinkId, way: Way) -> Option<&mut Lane> {
        let link = self.links.get_mut(&id)?;
        Some(match way {
            Way::ToMaster => &mut link.up,
            Way::FromMaster => &mut link.down,
        })
    }
}
