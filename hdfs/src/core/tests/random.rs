//! Random histories of clients and model workers: every invariant after each event, the log holds all that must
//! survive, no last replica is erased, and once calm returns every block has its replicas and no file stays open.

use super::{disks::Cluster, *};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// Create, one block, complete; the writer names so many of the replicas it made.
    Write {
        path: u8,
        replication: u16,
        named: usize,
    },
    /// Create and begin a block of this length on some targets, and leave it.
    Begin {
        client: u64,
        path: u8,
        len_bytes: u64,
    },
    /// Go on with the newest unfinished block of a client on so many of its workers.
    Renew {
        client: u64,
        survivors: usize,
    },
    /// A call of a confused client: any numbers.
    Confused {
        client: u64,
        file: u64,
        block: u64,
        generation: u64,
        which: u8,
    },
    Repeat {
        client: u64,
        call: u64,
        path: u8,
    },
    Make(u8),
    Rename(u8, u8, bool),
    Delete(u8),
    Replicate(u8, u16),
    Publish(u8, u8, u8),
    Put(u8, u8),
    Start(u32),
    Kill(u32),
    Drain(u32, bool),
    Obey(u32),
    Report(u32),
    LoseCommands(u32),
    Spoil(u32),
    Stale(u32),
    Later(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let path = 0..6_u8;
    let worker = 1..5_u32;
    let calls = prop_oneof![
        6 => (path.clone(), 1..4_u16, 0..4_usize)
            .prop_map(|(path, replication, named)| Step::Write { path, replication, named }),
        3 => (1..4_u64, path.clone(), 0..9_u64)
            .prop_map(|(client, path, len_bytes)| Step::Begin { client, path, len_bytes }),
        2 => (1..4_u64, 0..3_usize).prop_map(|(client, survivors)| Step::Renew { client, survivors }),
        2 => (1..4_u64, 0..12_u64, 0..12_u64, 0..12_u64, 0..7_u8).prop_map(
            |(client, file, block, generation, which)| Step::Confused { client, file, block, generation, which }
        ),
        1 => (1..4_u64, 0..9_u64, path.clone())
            .prop_map(|(client, call, path)| Step::Repeat { client, call, path }),
        2 => path.clone().prop_map(Step::Make),
        2 => (path.clone(), path.clone(), any::<bool>()).prop_map(|(from, to, on)| Step::Rename(from, to, on)),
        2 => path.clone().prop_map(Step::Delete),
        1 => (path.clone(), 1..4_u16).prop_map(|(path, count)| Step::Replicate(path, count)),
        2 => (path.clone(), path.clone(), path).prop_map(|(a, b, c)| Step::Publish(a, b, c)),
        1 => (0..4_u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
    ];
    let cluster = prop_oneof![
        4 => worker.clone().prop_map(Step::Start),
        3 => worker.clone().prop_map(Step::Kill),
        1 => (worker.clone(), any::<bool>()).prop_map(|(worker, on)| Step::Drain(worker, on)),
        6 => worker.clone().prop_map(Step::Obey),
        6 => worker.clone().prop_map(Step::Report),
        1 => worker.clone().prop_map(Step::LoseCommands),
        1 => worker.clone().prop_map(Step::Spoil),
        1 => worker.prop_map(Step::Stale),
        4 => (0..30_000_u64).prop_map(Step::Later),
        1 => Just(Step::Later(limits::LEASE_HARD.as_millis() as u64)),
        2 => Just(Step::Restart),
    ];
    prop_oneof![calls, cluster]
}

fn path(number: u8) -> FsPath {
    p(["/a", "/a/b", "/a/b/c", "/d", "/d/e", "/f"][usize::from(number)])
}

fn create(to: u8, replication: u16) -> Operation {
    Operation::Create { path: path(to), overwrite: true, replication: Some(replication), block_bytes: None }
}

impl Cluster {
    fn call(&mut self, client: u64, operation: Operation) -> Option<NamespaceAnswer> {
        let answer = self.world.call_as(client, operation);
        self.route();
        answer
    }

    /// A new block, with replicas on those of its targets that run.
    fn begin(
        &mut self,
        client: u64,
        create: Operation,
        len_bytes: u64,
        finalised: bool,
    ) -> Option<(FileId, NewBlock)> {
        let Some(Ok(Reply::Created { file, .. })) = self.call(client, create) else { return None };
        let added = self.call(client, Operation::AddBlock { file, previous: None, exclude: vec![] });
        let Some(Ok(Reply::Block(new))) = added else { return None };
        for target in &new.targets {
            let (block, generation) = (new.block, new.generation);
            self.store(target.worker, Replica { block, generation, len_bytes, finalised });
        }
        Some((file, new))
    }

    fn write(&mut self, to: u8, replication: u16, named: usize) {
        let Some((file, new)) = self.begin(1, create(to, replication), 10, true) else { return };
        let replicas = new.targets.iter().map(|target| target.worker).take(named).collect();
        let (block, generation) = (new.block, new.generation);
        let last = Some(WrittenBlock { block, generation, len_bytes: 10, replicas });
        self.call(1, Operation::Complete { file, last });
    }

    fn renew(&mut self, client: u64, survivors: usize) {
        let open = self.world.core.leases.writers().iter().filter(|(_, writer)| writer.0 == client);
        let Some(file) = open.map(|(file, _)| *file).next_back() else { return };
        let Some(block) = self.world.core.unfinished_block(file) else { return };
        let held = self.disks.iter().filter(|(_, disk)| disk.up && disk.replicas.contains_key(&block));
        let survivors: Vec<WorkerId> = held.map(|(worker, _)| *worker).take(survivors).collect();
        let renew = Operation::RenewPipeline { file, block, survivors: survivors.clone() };
        if let Some(Ok(Reply::Generation(generation))) = self.call(client, renew) {
            for worker in survivors {
                let replica = Replica { generation, ..self.disks[&worker].replicas[&block] };
                self.store(worker, replica);
            }
        }
    }

    fn confuse(&mut self, client: u64, file: u64, block: u64, generation: u64, which: u8) {
        let (file, block, generation) = (FileId(file), BlockId(block), Generation(generation));
        let written = Some(WrittenBlock { block, generation, len_bytes: 10, replicas: vec![] });
        let operation = match which {
            0 => Operation::AddBlock { file, previous: written, exclude: vec![WorkerId(1)] },
            1 => Operation::AddBlock { file, previous: None, exclude: vec![] },
            2 => Operation::Complete { file, last: written },
            3 => Operation::Complete { file, last: None },
            4 => Operation::AbandonBlock { file, block },
            5 => Operation::ReportCorrupt { block, generation, worker: WorkerId(1) },
            _ => Operation::Abandon { file },
        };
        self.call(client, operation);
    }

    /// A replica decays that is not the last, and that is not about to become it.
    fn spoil(&mut self, worker: WorkerId) {
        let Some((block, replica)) = self.disks[&worker].replicas.iter().next().map(|(b, r)| (*b, *r)) else {
            return;
        };
        let good = self.disks.values().filter(|disk| self.is_good(disk, block)).count();
        let erasing =
            self.disks.keys().any(|id| self.world.core.erasures.is_pending(*id, block, replica.generation));
        let ordered = self.disks.values().flat_map(|disk| &disk.commands).any(|command| {
            matches!(command, BlockCommand::Erase(batch) if batch.iter().any(|(other, _)| *other == block))
        });
        let disk = self.disks.get_mut(&worker).unwrap();
        if good > 1 && disk.up && !erasing && !ordered {
            disk.replicas.remove(&block);
            disk.reports.push_back(BlockReport::Bad { replica, reason: "model".to_owned() });
        }
    }

    /// The master dies and comes back: from the whole log, or from a snapshot and the rest of it.
    fn restart(&mut self) {
        let world = &mut self.world;
        let whole = Core::restore(None, world.log.iter().cloned(), Tick(world.now));
        assert_eq!(whole.durable, world.core.durable, "the log holds all that must survive");
        let (early, late) = world.log.split_at(world.log.len() / 2);
        let snapshot = Core::restore(None, early.iter().cloned(), Tick(world.now)).durable;
        let stored = skep_wire::codec::decode_stored(&skep_wire::codec::encode(&snapshot)).unwrap();
        world.core = Core::restore(Some(stored), late.iter().cloned(), Tick(world.now));
        assert_eq!(world.core.durable, whole.durable, "a snapshot stands for the log before it");
        world.core.check();
        world.commands.clear();
        // Whoever waited has lost its connection, and with it its ticket.
        world.lost_tickets = world.tickets - world.answers.len() as u64;
        let up: Vec<WorkerId> = self.disks.iter().filter(|(_, disk)| disk.up).map(|(id, _)| *id).collect();
        up.into_iter().for_each(|worker| self.start(worker));
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write { path, replication, named } => self.write(path, replication, named),
            Step::Begin { client, path, len_bytes } => {
                drop(self.begin(client, create(path, 2), len_bytes, false));
            }
            Step::Renew { client, survivors } => self.renew(client, survivors),
            Step::Confused { client, file, block, generation, which } => {
                self.confuse(client, file, block, generation, which);
            }
            Step::Repeat { client, call, path: to } => drop(self.world.repeat(client, call, create(to, 1))),
            Step::Make(at) => {
                drop(self.call(1, Operation::MakeDirectory { path: path(at), parents: true }));
            }
            Step::Rename(from, to, replace) => {
                drop(self.call(1, Operation::Rename { from: path(from), to: path(to), replace }));
            }
            Step::Delete(at) => drop(self.call(1, Operation::Delete { path: path(at), recursive: true })),
            Step::Replicate(at, replication) => {
                drop(self.call(1, Operation::SetReplication { path: path(at), replication }));
            }
            Step::Publish(from, to, other) => {
                let changes = vec![
                    Change::Rename { from: path(from), to: path(to) },
                    Change::Delete(path(other)),
                    Change::CreateEmpty(path(from)),
                ];
                drop(self.call(1, Operation::Transaction(Transaction { expect: vec![], changes })));
            }
            Step::Put(key, value) => {
                let changes = vec![Change::Put { key: format!("k{key}"), value: vec![value] }];
                drop(self.call(1, Operation::Transaction(Transaction { expect: vec![], changes })));
            }
            other => self.run_worker(other),
        }
    }

    fn run_worker(&mut self, step: Step) {
        match step {
            Step::Start(worker) => self.start(WorkerId(worker)),
            Step::Kill(worker) => self.kill(WorkerId(worker)),
            Step::Drain(worker, draining) => {
                self.world.on(Event::Draining { worker: WorkerId(worker), draining });
            }
            Step::Obey(worker) => drop(self.obey(WorkerId(worker))),
            Step::Report(worker) => drop(self.deliver_report(WorkerId(worker))),
            Step::LoseCommands(worker) => self.disks.get_mut(&WorkerId(worker)).unwrap().commands.clear(),
            Step::Spoil(worker) => self.spoil(WorkerId(worker)),
            Step::Stale(worker) => {
                self.world.on(Event::Gone { worker: WorkerId(worker), epoch: Epoch(0) });
                let report = BlockReport::Erased((0..9).map(BlockId).collect());
                self.world.on(Event::Report { worker: WorkerId(worker), epoch: Epoch(0), report });
            }
            Step::Later(ms) => self.world.later(ms),
            _ => self.restart(),
        }
        self.route();
    }

    /// Every worker runs and every message arrives: in the end all is as it should be.
    fn calm(&mut self) {
        let workers: Vec<WorkerId> = self.disks.keys().copied().collect();
        for worker in &workers {
            self.start(*worker);
        }
        for worker in &workers {
            self.world.on(Event::Draining { worker: *worker, draining: false });
        }
        self.world.later(limits::LEASE_HARD.as_millis() as u64 + 1);
        for _ in 0..300 {
            self.world.later(5_000);
            self.route();
            self.deliver_all();
        }
    }

    fn check_calm(&self) {
        let core = &self.world.core;
        assert!(core.leases.writers().is_empty() && core.recoveries.is_empty(), "no file stays open");
        let answered = self.world.answers.len() as u64;
        assert_eq!(answered + self.world.lost_tickets, self.world.tickets, "every call is answered");
        for (block, facts) in &core.durable.blocks {
            let file = core.durable.tree.get(facts.file).and_then(|node| node.file()).unwrap();
            let good = self.disks.values().filter(|disk| self.is_good(disk, *block)).count();
            let wanted = usize::from(file.replication).min(self.disks.len());
            assert!(good == wanted || good == 0, "{block} has {good} replicas instead of {wanted}");
            for (worker, disk) in &self.disks {
                let known = core.replicas.holders(*block).any(|holder| holder == *worker);
                assert_eq!(known, self.is_good(disk, *block), "{block} on {worker}");
            }
        }
        for (worker, disk) in &self.disks {
            for (block, replica) in &disk.replicas {
                let wanted = self.is_good(disk, *block) || self.is_remnant(*block, *replica);
                assert!(wanted, "nobody wants {block} on {worker}");
            }
        }
    }

    /// What a confused client called finished though it was not: the block is missing, and what there is of it stays
    /// until its file goes, because it may be all that is left.
    fn is_remnant(&self, block: BlockId, replica: Replica) -> bool {
        let facts = self.world.core.durable.blocks.get(&block);
        let is_current = facts.is_some_and(|facts| facts.committed && facts.generation == replica.generation);
        is_current && !replica.finalised && !self.disks.values().any(|disk| self.is_good(disk, block))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_history_keeps_every_invariant_and_ends_well_once_it_is_calm(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut cluster = Cluster::new(4);
        for step in steps {
            cluster.run(step);
        }
        cluster.restart();
        cluster.calm();
        cluster.check_calm();
    }
}
