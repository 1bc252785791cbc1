//! A core worker's side of blocks in the model world: what commands of the master and bytes of writers do to its disk.

use super::{
    agent::{BlockAsk, BlockFault},
    machine::Stored,
    net::Host,
    world::{Happening, World},
};
use rand::Rng;
use skep_hdfs::{
    BlockId, Generation, WorkerId,
    protocol::{
        control::{BlockCommand, BlockReport, Replica},
        namespace::Location,
    },
};

fn replica(block: BlockId, stored: Stored) -> Replica {
    let Stored { generation, len_bytes, finalised, .. } = stored;
    Replica { block, generation, len_bytes, finalised }
}

impl World {
    pub fn machine_of(&self, worker: WorkerId) -> Option<usize> {
        self.machines.iter().position(|machine| machine.id == Some(worker))
    }

    /// The machine of a worker, if it can be talked to from `host` now.
    pub fn reachable(&self, host: Host, worker: WorkerId) -> Option<usize> {
        let index = self.machine_of(worker)?;
        (self.is_up(index) && self.net.reaches(host, Host::Machine(index))).then_some(index)
    }

    pub fn obey(&mut self, index: usize, life: u64, command: BlockCommand) {
        match command {
            BlockCommand::Erase(blocks) => {
                let mut erased = Vec::new();
                for (block, generation) in blocks {
                    let replicas = &mut self.machines[index].replicas;
                    if replicas.get(&block).is_some_and(|stored| stored.generation <= generation) {
                        replicas.remove(&block);
                        erased.push(block);
                    } else if !replicas.contains_key(&block) {
                        erased.push(block);
                    }
                }
                self.report(index, BlockReport::Erased(erased));
            }
            BlockCommand::ReportAll => self.report_all(index),
            slow @ (BlockCommand::Copy { .. }
            | BlockCommand::Recover { .. }
            | BlockCommand::Verify { .. }) => {
                let pause = self.rng.random_range(1..300);
                self.at(pause, Happening::Block { machine: index, life, command: slow });
            }
        }
    }

    pub fn work_on_block(&mut self, index: usize, command: BlockCommand) {
        match command {
            BlockCommand::Copy { block, generation, to } => self.copy(index, block, generation, &to),
            BlockCommand::Recover { block, generation, others } => {
                self.recover(index, block, generation, &others);
            }
            BlockCommand::Verify { block, .. } => {
                let stored = self.machines[index].replicas.get(&block);
                if stored.is_some_and(|stored| stored.corrupt || stored.gone) {
                    self.found_bad(index, block);
                }
            }
            BlockCommand::Erase(_) | BlockCommand::ReportAll => {}
        }
    }

    /// What a checksum would have found: the worker puts the replica aside and says so.
    fn found_bad(&mut self, index: usize, block: BlockId) {
        if let Some(stored) = self.machines[index].replicas.remove(&block) {
            let report = BlockReport::Bad { replica: replica(block, stored), reason: "checksum".to_owned() };
            self.report(index, report);
        }
    }

    fn copy(&mut self, from: usize, block: BlockId, generation: Generation, to: &Location) {
        let failed =
            |reason: &str| BlockReport::CopyFailed { block, to: to.worker, reason: reason.to_owned() };
        let held = self.machines[from].replicas.get(&block).copied();
        let Some(stored) = held.filter(|held| held.finalised && held.generation >= generation) else {
            return self.report(from, failed("not here"));
        };
        if stored.corrupt || stored.gone {
            self.found_bad(from, block);
            return self.report(from, failed("it is bad"));
        }
        let target = self.reachable(Host::Machine(from), to.worker);
        let Some(target) = target.filter(|target| !self.machines[*target].full) else {
            return self.report(from, failed("the target takes nothing"));
        };
        let before = self.machines[target].replicas.get(&block).copied();
        if before.is_some_and(|before| before.generation > stored.generation) {
            return self.report(from, failed("the target has a newer one"));
        }
        self.machines[target].replicas.insert(block, stored);
        self.report(target, BlockReport::Received(vec![replica(block, stored)]));
    }

    /// Workers that hold the block agree on a length: of the newest generation, the shortest.
    fn recover(&mut self, index: usize, block: BlockId, generation: Generation, others: &[Location]) {
        let host = Host::Machine(index);
        let mut machines = vec![index];
        let mut silent = 0;
        for other in others.iter().filter(|other| self.machines[index].id != Some(other.worker)) {
            match self.reachable(host, other.worker) {
                Some(there) => machines.push(there),
                None => silent += 1,
            }
        }
        let found: Vec<(usize, Stored)> = machines
            .into_iter()
            .filter_map(|there| Some((there, *self.machines[there].replicas.get(&block)?)))
            .collect();
        let newest = found.iter().map(|(_, stored)| stored.generation).max();
        let Some(newest) = newest.filter(|newest| *newest <= generation) else {
            let report = if silent == 0 && found.is_empty() {
                BlockReport::Recovered { block, generation, len_bytes: 0, replicas: Vec::new() }
            } else {
                BlockReport::RecoverFailed { block, generation, reason: "not enough answers".to_owned() }
            };
            return self.report(index, report);
        };
        let current = found.iter().filter(|(_, stored)| stored.generation == newest);
        let len_bytes = current.clone().map(|(_, stored)| stored.len_bytes).min().unwrap_or(0);
        let mut replicas = Vec::new();
        for (there, stored) in current {
            let stored = Stored { generation, len_bytes, finalised: true, ..*stored };
            self.machines[*there].replicas.insert(block, stored);
            replicas.extend(self.machines[*there].id);
            self.report(*there, BlockReport::Received(vec![replica(block, stored)]));
        }
        self.report(index, BlockReport::Recovered { block, generation, len_bytes, replicas });
    }

    /// A writer's or reader's word to one worker.
    pub fn block_ask(
        &mut self,
        host: Host,
        worker: WorkerId,
        ask: BlockAsk,
    ) -> Result<(u64, u64), BlockFault> {
        let index = self.reachable(host, worker).ok_or(BlockFault::Unreachable)?;
        match ask {
            BlockAsk::Open { block, generation, resume_at } => self.open(index, block, generation, resume_at),
            BlockAsk::Write { block, generation, text, len_bytes, last } => {
                let full = self.machines[index].full;
                let stored = self.machines[index].replicas.get_mut(&block);
                let stored = stored.filter(|stored| stored.generation == generation && !stored.finalised);
                let stored = stored.ok_or(BlockFault::NotThere)?;
                if full {
                    return Err(BlockFault::DiskFull);
                }
                (stored.text, stored.len_bytes, stored.finalised) = (text, len_bytes, last);
                let stored = *stored;
                if last {
                    self.report(index, BlockReport::Received(vec![replica(block, stored)]));
                }
                Ok((text, len_bytes))
            }
            BlockAsk::Read { block, generation } => {
                let stored = self.machines[index].replicas.get(&block).copied();
                let stored = stored.filter(|stored| stored.generation >= generation);
                let stored = stored.ok_or(BlockFault::NotThere)?;
                if stored.corrupt || stored.gone {
                    self.found_bad(index, block);
                    return Err(BlockFault::Corrupt);
                }
                Ok((stored.text, stored.len_bytes))
            }
        }
    }

    fn open(
        &mut self,
        index: usize,
        block: BlockId,
        generation: Generation,
        resume_at: u64,
    ) -> Result<(u64, u64), BlockFault> {
        let machine = &mut self.machines[index];
        if machine.full {
            return Err(BlockFault::DiskFull);
        }
        let before = machine.replicas.get(&block).copied();
        let stored = match before {
            Some(before) if before.generation > generation => return Err(BlockFault::NotThere),
            Some(before) if before.len_bytes >= resume_at => {
                Stored { generation, len_bytes: resume_at, finalised: false, ..before }
            }
            None if resume_at == 0 => {
                Stored { generation, text: 0, len_bytes: 0, finalised: false, corrupt: false, gone: false }
            }
            _ => return Err(BlockFault::NotThere),
        };
        machine.replicas.insert(block, stored);
        Ok((stored.text, stored.len_bytes))
    }
}
