//! The core driven by hand, with every invariant checked after each event; at random in [`random`].

mod disks;
mod naming;
mod random;
mod repairing;
mod writing;

use super::{
    event::{Event, Output, Record, Tick, Ticket},
    *,
};
use crate::{
    Epoch, FsPath, WorkerId,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::{
            Change, Location, NamespaceCall, NamespaceError, NewBlock, Operation, Reply, Transaction,
            WrittenBlock,
        },
    },
};

struct World {
    core: Core,
    now: u64,
    log: Vec<Record>,
    calls: u64,
    tickets: u64,
    /// Calls that a restart left without an answer.
    lost_tickets: u64,
    answers: BTreeMap<Ticket, NamespaceAnswer>,
    commands: Vec<(WorkerId, BlockCommand)>,
}

impl World {
    fn new() -> World {
        let core = Core::restore(None, [], Tick(1_000));
        World {
            core,
            now: 1_000,
            log: Vec::new(),
            calls: 0,
            tickets: 0,
            lost_tickets: 0,
            answers: BTreeMap::new(),
            commands: Vec::new(),
        }
    }

    fn on(&mut self, event: Event) {
        self.core.on(Tick(self.now), event);
        while let Some(output) = self.core.poll() {
            match output {
                Output::Persist(record) => self.log.push(record),
                Output::Answer { ticket, answer } => {
                    assert_eq!(self.answers.insert(ticket, answer), None, "one answer to a call");
                }
                Output::Command { worker, command } => self.commands.push((worker, command)),
            }
        }
        self.core.check();
    }

    fn call_as(&mut self, client: u64, operation: Operation) -> Option<NamespaceAnswer> {
        self.calls += 1;
        self.repeat(client, self.calls, operation)
    }

    /// A call with a number that may have been used before.
    fn repeat(&mut self, client: u64, call: u64, operation: Operation) -> Option<NamespaceAnswer> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let (client, user) = (ClientId(client), "ann".to_owned());
        let call = NamespaceCall { client, call, user, worker: None, operation };
        self.on(Event::Call { ticket, call });
        self.answers.get(&ticket).cloned()
    }

    fn call(&mut self, operation: Operation) -> NamespaceAnswer {
        self.call_as(1, operation).expect("answered at once")
    }

    fn join(&mut self, worker: u32) {
        self.join_with(worker, Vec::new());
    }

    fn join_with(&mut self, worker: u32, replicas: Vec<Replica>) {
        let location = Location {
            worker: WorkerId(worker),
            endpoint: skep_wire::Endpoint::Tcp(format!("h{worker}:1")),
            host: format!("h{worker}"),
            socket: None,
        };
        let capacity = Capacity { total_bytes: 1 << 44, used_bytes: 0, free_bytes: 1 << 44 };
        self.on(Event::Joined { location, epoch: Epoch(1), capacity, draining: false, replicas });
    }

    fn later(&mut self, ms: u64) {
        self.now += ms;
        self.on(Event::Tick);
    }

    /// Writes a file of one block, durable on all its targets.
    fn write(&mut self, path: &str, replication: u16) -> (FileId, NewBlock) {
        let create = Operation::Create {
            path: p(path),
            overwrite: true,
            replication: Some(replication),
            block_bytes: None,
        };
        let Ok(Reply::Created { file, .. }) = self.call(create) else { panic!("not created") };
        let added = self.call(Operation::AddBlock { file, previous: None, exclude: vec![] });
        let Ok(Reply::Block(block)) = added else { panic!("{added:?}") };
        let last = WrittenBlock {
            block: block.block,
            generation: block.generation,
            len_bytes: 10,
            replicas: block.targets.iter().map(|target| target.worker).collect(),
        };
        let done = self.call(Operation::Complete { file, last: Some(last) });
        assert!(matches!(done, Ok(Reply::Status(_))), "{done:?}");
        (file, block)
    }

    fn report(&mut self, worker: u32, report: BlockReport) {
        self.on(Event::Report { worker: WorkerId(worker), epoch: Epoch(1), report });
    }
}

fn p(path: &str) -> FsPath {
    path.parse().unwrap()
}

#[test]
fn a_lost_workers_blocks_are_copied_to_another_and_not_to_itself() {
    let mut world = World::new();
    (1..=3).for_each(|worker| world.join(worker));
    let (_, block) = world.write("/f", 2);
    world.later(20_000);
    world.commands.clear();
    let lost = block.targets[0].worker;
    world.on(Event::Gone { worker: lost, epoch: Epoch(1) });
    world.later(1_000);
    let copies: Vec<_> =
        world.commands.iter().filter(|(_, c)| matches!(c, BlockCommand::Copy { .. })).collect();
    let [(from, BlockCommand::Copy { to, .. })] = copies.as_slice() else { panic!("{copies:?}") };
    assert_eq!(*from, block.targets[1].worker);
    assert!(to.worker != lost && to.worker != *from);
}

#[test]
fn nothing_is_copied_while_workers_are_still_coming_back() {
    let mut world = World::new();
    world.join(1);
    world.join(2);
    world.write("/f", 2);
    world.on(Event::Gone { worker: WorkerId(2), epoch: Epoch(1) });
    world.join(3);
    world.later(1_000);
    assert!(world.commands.is_empty(), "{:?}", world.commands);
}

#[test]
fn a_corrupt_replica_is_neither_read_nor_counted_and_is_replaced() {
    let mut world = World::new();
    (1..=3).for_each(|worker| world.join(worker));
    let (_, block) = world.write("/f", 2);
    world.later(20_000);
    let bad = block.targets[0].worker;
    let replica =
        Replica { block: block.block, generation: block.generation, len_bytes: 10, finalised: true };
    world.report(bad.0, BlockReport::Bad { replica, reason: "checksum".to_owned() });
    let Ok(Reply::Blocks(found)) = world.call(Operation::Blocks { path: p("/f"), reader: None }) else {
        panic!()
    };
    assert!(found.blocks[0].locations.iter().all(|location| location.worker != bad));
    world.later(1_000);
    assert!(world.commands.iter().any(|(from, c)| *from != bad && matches!(c, BlockCommand::Copy { .. })));
}

#[test]
fn complete_waits_for_the_first_durable_replica() {
    let mut world = World::new();
    world.join(1);
    let create = Operation::Create { path: p("/f"), overwrite: false, replication: None, block_bytes: None };
    let Ok(Reply::Created { file, .. }) = world.call(create) else { panic!() };
    let Ok(Reply::Block(block)) = world.call(Operation::AddBlock { file, previous: None, exclude: vec![] })
    else {
        panic!()
    };
    let last =
        WrittenBlock { block: block.block, generation: block.generation, len_bytes: 5, replicas: Vec::new() };
    assert_eq!(world.call_as(1, Operation::Complete { file, last: Some(last) }), None);
    let replica = Replica { block: block.block, generation: block.generation, len_bytes: 5, finalised: true };
    world.report(1, BlockReport::Received(vec![replica]));
    assert!(
        matches!(world.answers.values().last(), Some(Ok(Reply::Status(status))) if status.len_bytes == 5)
    );
}

#[test]
fn a_second_writer_is_refused_until_the_first_was_silent_for_long() {
    let mut world = World::new();
    world.join(1);
    let create =
        || Operation::Create { path: p("/f"), overwrite: true, replication: None, block_bytes: None };
    world.call_as(1, create()).unwrap().unwrap();
    assert!(matches!(world.call_as(2, create()), Some(Err(NamespaceError::Leased { .. }))));
    world.later(limits_soft_ms());
    assert!(world.call_as(2, create()).unwrap().is_ok());
}

fn limits_soft_ms() -> u64 {
    crate::limits::LEASE_SOFT.as_millis() as u64
}

#[test]
fn a_file_whose_writer_died_is_closed_with_what_its_workers_agree_on() {
    let mut world = World::new();
    world.join(1);
    let create = Operation::Create { path: p("/f"), overwrite: false, replication: None, block_bytes: None };
    let Ok(Reply::Created { file, .. }) = world.call(create) else { panic!() };
    let Ok(Reply::Block(block)) = world.call(Operation::AddBlock { file, previous: None, exclude: vec![] })
    else {
        panic!()
    };
    world.later(crate::limits::LEASE_HARD.as_millis() as u64 + 1);
    let Some((_, BlockCommand::Recover { generation, .. })) = world.commands.last().cloned() else {
        panic!("{:?}", world.commands)
    };
    assert!(generation > block.generation);
    let recovered =
        BlockReport::Recovered { block: block.block, generation, len_bytes: 3, replicas: vec![WorkerId(1)] };
    world.report(1, recovered);
    let Ok(Reply::Status(status)) = world.call(Operation::Status { path: p("/f") }) else { panic!() };
    assert!(!status.open && status.len_bytes == 3, "{status:?}");
}

#[test]
fn a_transaction_that_fails_in_the_middle_changes_nothing() {
    let mut world = World::new();
    world.call(Operation::MakeDirectory { path: p("/a"), parents: true }).unwrap();
    world.call(Operation::MakeDirectory { path: p("/d"), parents: true }).unwrap();
    let before = world.core.durable.tree.clone();
    let changes = vec![
        Change::CreateEmpty(p("/new/f")),
        Change::Rename { from: p("/a"), to: p("/b") },
        Change::Delete(p("/d")),
        Change::Rename { from: p("/not-there"), to: p("/c") },
    ];
    let refused = world.call(Operation::Transaction(Transaction { expect: vec![], changes }));
    assert_eq!(refused, Err(NamespaceError::NotFound(p("/not-there"))));
    let paths = |tree: &tree::Tree| {
        let mut all: Vec<_> = tree.nodes().filter_map(|node| tree.path_of(node.id)).collect();
        all.sort();
        all
    };
    assert_eq!(paths(&world.core.durable.tree), paths(&before));
}

#[test]
fn a_directory_cannot_be_moved_into_itself() {
    let mut world = World::new();
    world.call(Operation::MakeDirectory { path: p("/a/b"), parents: true }).unwrap();
    let refused = world.call(Operation::Rename { from: p("/a"), to: p("/a/b/c"), replace: false });
    assert!(matches!(refused, Err(NamespaceError::IntoItself { .. })), "{refused:?}");
}

#[test]
fn pages_of_a_tree_give_every_entry_once() {
    let mut world = World::new();
    for number in 0..1_700 {
        let path = p(&format!("/t/{}/{number}", number % 7));
        world.call(Operation::MakeDirectory { path, parents: true }).unwrap();
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let listed = world.call(Operation::ListTree { path: p("/t"), after });
        let Ok(Reply::Listing { entries, more }) = listed else { panic!() };
        found.extend(entries.into_iter().map(|entry| entry.path));
        after = found.last().cloned();
        if !more {
            break;
        }
    }
    let count = found.len();
    found.sort();
    found.dedup();
    assert_eq!((count, found.len()), (1_708, 1_708));
}
