//! Model workers: disks with replicas, and queues in which commands and reports wait, get lost, or come late.

use super::*;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub struct Disk {
    pub replicas: BTreeMap<BlockId, Replica>,
    /// A worker process runs on it.
    pub up: bool,
    pub epoch: u64,
    pub commands: VecDeque<BlockCommand>,
    pub reports: VecDeque<BlockReport>,
}

/// A core and the workers whose commands it gives.
pub struct Cluster {
    pub world: World,
    pub disks: BTreeMap<WorkerId, Disk>,
}

/// Room for all: full disks are tested on their own.
const CAPACITY: Capacity = Capacity { total_bytes: 1 << 44, used_bytes: 0, free_bytes: 1 << 44 };

impl Cluster {
    pub fn new(workers: u32) -> Cluster {
        let disks = (1..=workers).map(|worker| (WorkerId(worker), Disk::default())).collect();
        let mut cluster = Cluster { world: World::new(), disks };
        (1..=workers).for_each(|worker| cluster.start(WorkerId(worker)));
        cluster
    }

    /// Hands fresh commands to the workers' queues.
    pub fn route(&mut self) {
        for (worker, command) in self.world.commands.drain(..) {
            if let Some(disk) = self.disks.get_mut(&worker).filter(|disk| disk.up) {
                disk.commands.push_back(command);
            }
        }
    }

    /// A process starts on the disk, or comes back after its connection broke.
    pub fn start(&mut self, worker: WorkerId) {
        let disk = self.disks.get_mut(&worker).unwrap();
        if !disk.up {
            disk.epoch += 1;
        }
        disk.up = true;
        disk.commands.clear();
        disk.reports.clear();
        let location = Location {
            worker,
            endpoint: skep_wire::Endpoint::Tcp(format!("h{worker}:1")),
            host: format!("h{worker}"),
            socket: None,
        };
        let (epoch, replicas) = (Epoch(disk.epoch), disk.replicas.values().copied().collect());
        self.world.on(Event::Joined { location, epoch, capacity: CAPACITY, draining: false, replicas });
        self.route();
    }

    pub fn kill(&mut self, worker: WorkerId) {
        let disk = self.disks.get_mut(&worker).unwrap();
        if std::mem::take(&mut disk.up) {
            disk.commands.clear();
            disk.reports.clear();
            self.world.on(Event::Gone { worker, epoch: Epoch(disk.epoch) });
            self.route();
        }
    }

    /// Puts a replica on a worker that runs; a finished one is reported.
    pub fn store(&mut self, worker: WorkerId, replica: Replica) {
        let Some(disk) = self.disks.get_mut(&worker).filter(|disk| disk.up) else { return };
        disk.replicas.insert(replica.block, replica);
        if replica.finalised {
            disk.reports.push_back(BlockReport::Received(vec![replica]));
        }
    }

    /// The next report of a worker reaches the core.
    pub fn deliver_report(&mut self, worker: WorkerId) -> bool {
        let disk = self.disks.get_mut(&worker).unwrap();
        let Some(report) = disk.reports.pop_front() else { return false };
        self.world.on(Event::Report { worker, epoch: Epoch(disk.epoch), report });
        self.route();
        true
    }

    /// A worker carries out its next command.
    pub fn obey(&mut self, worker: WorkerId) -> bool {
        let Some(command) = self.disks.get_mut(&worker).unwrap().commands.pop_front() else { return false };
        match command {
            BlockCommand::Copy { block, generation, to } => self.copy(worker, block, generation, to.worker),
            BlockCommand::Erase(replicas) => {
                let gone = replicas.into_iter().filter(|(block, generation)| {
                    self.check_not_last(worker, *block, *generation);
                    let held = &mut self.disks.get_mut(&worker).unwrap().replicas;
                    if held.get(block).is_some_and(|replica| replica.generation <= *generation) {
                        held.remove(block);
                    }
                    !held.contains_key(block)
                });
                let gone: Vec<BlockId> = gone.map(|(block, _)| block).collect();
                self.disks.get_mut(&worker).unwrap().reports.push_back(BlockReport::Erased(gone));
            }
            BlockCommand::Recover { block, generation, others } => {
                self.recover(worker, block, generation, &others);
            }
            BlockCommand::ReportAll => {
                let disk = self.disks.get_mut(&worker).unwrap();
                let replicas = disk.replicas.values().copied().collect();
                disk.reports.push_back(BlockReport::Full { replicas, capacity: CAPACITY });
            }
            BlockCommand::Verify { .. } => {}
        }
        true
    }

    /// No replica is erased without another good one on some disk.
    fn check_not_last(&self, worker: WorkerId, block: BlockId, generation: Generation) {
        let Some(facts) = self.world.core.durable.blocks.get(&block).filter(|facts| facts.committed) else {
            return;
        };
        let mine = self.disks[&worker].replicas.get(&block);
        if mine
            .is_some_and(|replica| replica.generation == facts.generation && replica.generation <= generation)
        {
            let others = self.disks.iter().filter(|(id, _)| **id != worker);
            let good = others.filter(|(_, disk)| self.is_good(disk, block)).count();
            assert!(good > 0, "{worker} erases the last replica of {block}");
        }
    }

    pub fn is_good(&self, disk: &Disk, block: BlockId) -> bool {
        let facts = self.world.core.durable.blocks.get(&block);
        facts.is_some_and(|facts| {
            disk.replicas.get(&block).is_some_and(|replica| {
                replica.finalised
                    && (replica.generation, replica.len_bytes) == (facts.generation, facts.len_bytes)
            })
        })
    }

    fn copy(&mut self, from: WorkerId, block: BlockId, generation: Generation, to: WorkerId) {
        let source = self.disks[&from].replicas.get(&block).copied();
        let source = source.filter(|replica| replica.finalised && replica.generation == generation);
        let target = &self.disks[&to];
        match source {
            Some(replica) if target.up && !target.replicas.contains_key(&block) => self.store(to, replica),
            _ => {
                let report = BlockReport::CopyFailed { block, to, reason: "model".to_owned() };
                self.disks.get_mut(&from).unwrap().reports.push_back(report);
            }
        }
    }

    fn recover(&mut self, primary: WorkerId, block: BlockId, generation: Generation, others: &[Location]) {
        let asked: Vec<WorkerId> =
            [primary].into_iter().chain(others.iter().map(|other| other.worker)).collect();
        let found: Vec<(WorkerId, Replica)> = asked
            .iter()
            .filter(|worker| self.disks[worker].up)
            .filter_map(|worker| Some((*worker, *self.disks[worker].replicas.get(&block)?)))
            .collect();
        let newest = found.iter().map(|(_, replica)| replica.generation).max();
        let agreeing: Vec<_> =
            found.iter().filter(|(_, replica)| Some(replica.generation) == newest).collect();
        let report = match agreeing.iter().map(|(_, replica)| replica.len_bytes).min() {
            None if asked.iter().all(|worker| self.disks[worker].up) => {
                BlockReport::Recovered { block, generation, len_bytes: 0, replicas: vec![] }
            }
            None => BlockReport::RecoverFailed { block, generation, reason: "model".to_owned() },
            Some(len_bytes) => {
                let replicas: Vec<WorkerId> = agreeing.iter().map(|(worker, _)| *worker).collect();
                for worker in &replicas {
                    self.store(*worker, Replica { block, generation, len_bytes, finalised: true });
                }
                BlockReport::Recovered { block, generation, len_bytes, replicas }
            }
        };
        self.disks.get_mut(&primary).unwrap().reports.push_back(report);
    }

    /// Everything that waits in a queue is carried out and told, until nothing waits.
    pub fn deliver_all(&mut self) {
        let workers: Vec<WorkerId> = self.disks.keys().copied().collect();
        loop {
            let mut busy = false;
            for worker in &workers {
                while self.obey(*worker) | self.deliver_report(*worker) {
                    busy = true;
                }
            }
            if !busy {
                return;
            }
        }
    }
}
