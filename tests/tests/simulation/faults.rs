//! What goes wrong: a list drawn from the seed before the world begins, so that it can be cut down to what matters.

use super::{
    machine::Stored,
    net::Host,
    world::{Happening, Ms, World},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use skep_hdfs::BlockId;
use skep_jobs::{model::JobId, protocol::client::Role};
use skep_master::core::event::{Event, Ticket};

/// Until then things go wrong.
pub const FAULTS_UNTIL: Ms = 60_000;

#[derive(Debug, Clone)]
pub enum Fault {
    MasterDies {
        down: Ms,
    },
    /// `silent`: its peers are not told, as when the power is gone.
    MachineDies {
        machine: usize,
        silent: bool,
        down: Ms,
    },
    /// It comes back with an empty disk, if that loses nothing for good.
    DiskDies {
        machine: usize,
        down: Ms,
    },
    ProcessDies {
        machine: usize,
    },
    ConnectionsBreak {
        machine: usize,
    },
    /// Two hosts do not reach each other; `None` is the master.
    Cut {
        machine: usize,
        other: Option<usize>,
        time: Ms,
    },
    /// It stands still, then goes on as if nothing had been.
    Stalls {
        machine: usize,
        time: Ms,
    },
    /// One bit of one replica, or a replica that was synced and is not there.
    ReplicaDecays {
        machine: usize,
        vanishes: bool,
    },
    OutputDecays {
        machine: usize,
        vanishes: bool,
    },
    DiskFull {
        machine: usize,
        time: Ms,
    },
    Resize {
        core: u32,
        task: u32,
    },
    JobKilled {
        job: u64,
    },
}

/// The list of one seed.
pub fn plan(seed: u64) -> Vec<(Ms, Fault)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let count = rng.random_range(0..30);
    let mut faults: Vec<(Ms, Fault)> =
        (0..count).map(|_| (rng.random_range(500..FAULTS_UNTIL), one(&mut rng))).collect();
    faults.sort_by_key(|(at, _)| *at);
    faults
}

fn one(rng: &mut StdRng) -> Fault {
    let machine = rng.random_range(0..6);
    let time = rng.random_range(100..15_000);
    match rng.random_range(0..100) {
        0..10 => Fault::MasterDies { down: rng.random_range(10..12_000) },
        10..25 => Fault::MachineDies { machine, silent: rng.random_bool(0.5), down: time },
        25..31 => Fault::DiskDies { machine, down: time },
        31..38 => Fault::ProcessDies { machine },
        38..46 => Fault::ConnectionsBreak { machine },
        46..58 => {
            let other = rng.random_bool(0.5).then(|| rng.random_range(0..6));
            Fault::Cut { machine, other, time }
        }
        58..66 => Fault::Stalls { machine, time },
        66..75 => Fault::ReplicaDecays { machine, vanishes: rng.random_bool(0.3) },
        75..83 => Fault::OutputDecays { machine, vanishes: rng.random_bool(0.5) },
        83..88 => Fault::DiskFull { machine, time },
        88..96 => Fault::Resize { core: rng.random_range(2..5), task: rng.random_range(0..4) },
        _ => Fault::JobKilled { job: rng.random_range(1..4) },
    }
}

impl World {
    pub fn suffer(&mut self, fault: &Fault) {
        if self.calm {
            return;
        }
        let there = |machine: usize| machine % self.machines.len();
        match *fault {
            Fault::MasterDies { down } => {
                self.kill_master();
                self.at(down, Happening::MasterStart);
            }
            Fault::MachineDies { machine, silent, down } => {
                let machine = there(machine);
                self.kill_machine(machine, silent);
                self.at(down, Happening::MachineStart { machine });
            }
            Fault::DiskDies { machine, down } => self.lose_disk(there(machine), down),
            Fault::ProcessDies { machine } => {
                let machine = there(machine);
                if let Some((life, process)) = self.some_process(machine) {
                    self.kill_process(machine, life, process);
                }
            }
            Fault::ConnectionsBreak { machine } => {
                let host = Host::Machine(there(machine));
                for link in self.net.of(|link| link.host == host) {
                    self.break_link(link);
                }
            }
            Fault::Cut { machine, other, time } => {
                let a = Host::Machine(there(machine));
                let b = other.map_or(Host::Master, |other| Host::Machine(there(other)));
                if a != b {
                    self.net.cut(a, b);
                    self.at(time, Happening::Mend { a, b });
                }
            }
            Fault::Stalls { machine, time } => {
                let until = self.now + time;
                let machine = there(machine);
                self.machines[machine].stalled_until = until;
            }
            Fault::ReplicaDecays { machine, vanishes } => self.decay(there(machine), vanishes),
            Fault::OutputDecays { machine, vanishes } => self.lose_output(there(machine), vanishes),
            Fault::DiskFull { machine, time } => {
                let machine = there(machine);
                self.machines[machine].full = true;
                self.at(time, Happening::EmptyDisk { machine });
            }
            Fault::Resize { core, task } => self.resize(core, task),
            Fault::JobKilled { job } => {
                let job = JobId(job);
                self.truth.borrow_mut().killed.insert(job);
                self.schedule(Event::Kill { ticket: Ticket(0), job, user: "somebody".to_owned() });
            }
        }
    }

    fn resize(&mut self, core: u32, task: u32) {
        let (core, task) = (Some(core), Some(task));
        self.schedule(Event::Resize { ticket: Ticket(0), core, task, plan: false });
    }

    /// Whether another disk holds the same bytes and nobody's copy of them is bad already.
    fn is_elsewhere(&self, index: usize, block: BlockId, stored: Stored) -> bool {
        let others = self.machines.iter().filter(|machine| machine.index != index && !machine.left);
        let copies: Vec<&Stored> = others.filter_map(|machine| machine.replicas.get(&block)).collect();
        let good = |copy: &&&Stored| {
            copy.finalised
                && !copy.corrupt
                && !copy.gone
                && copy.generation >= stored.generation
                && copy.len_bytes == stored.len_bytes
        };
        copies.iter().filter(good).count() >= 1 && copies.iter().all(|copy| !copy.corrupt && !copy.gone)
    }

    fn lose_disk(&mut self, index: usize, down: Ms) {
        let machine = &self.machines[index];
        let safe = machine.replicas.iter().all(|(block, stored)| self.is_elsewhere(index, *block, *stored));
        if machine.role == Role::Core && !safe {
            return;
        }
        self.kill_machine(index, true);
        let machine = &mut self.machines[index];
        machine.id = None;
        machine.replicas.clear();
        machine.outputs.clear();
        self.at(down, Happening::MachineStart { machine: index });
    }

    fn decay(&mut self, index: usize, vanishes: bool) {
        let finalised = self.machines[index].replicas.iter().filter(|(_, stored)| stored.finalised);
        let safe = finalised.filter(|(block, stored)| self.is_elsewhere(index, **block, **stored));
        let safe: Vec<BlockId> = safe.map(|(block, _)| *block).collect();
        if safe.is_empty() {
            return;
        }
        let block = safe[self.rng.random_range(0..safe.len())];
        if let Some(stored) = self.machines[index].replicas.get_mut(&block) {
            (stored.gone, stored.corrupt) = (vanishes, !vanishes);
        }
    }

    fn lose_output(&mut self, index: usize, vanishes: bool) {
        let outputs = &mut self.machines[index].outputs;
        let Some(attempt) = outputs.keys().next().copied() else { return };
        if vanishes {
            outputs.remove(&attempt);
            self.count_outputs(index);
        } else if let Some(kept) = outputs.get_mut(&attempt) {
            kept.corrupt = true;
        }
    }

    /// No more faults: what is down comes back, what is cut is mended, and there are workers enough.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.net.mend_all();
        self.start_master();
        for index in 0..self.machines.len() {
            self.machines[index].full = false;
            self.machines[index].stalled_until = 0;
            self.start_machine(index);
        }
        self.resize(3, 1);
    }
}
