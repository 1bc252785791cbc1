//! What follows by itself: copies, erasures and complaints, and where new replicas go.

use super::*;
use crate::limits;

fn copies(world: &World) -> Vec<(WorkerId, BlockId)> {
    let copy = |(from, command): &(WorkerId, BlockCommand)| match command {
        BlockCommand::Copy { block, .. } => Some((*from, *block)),
        _ => None,
    };
    world.commands.iter().filter_map(copy).collect()
}

fn erasures(world: &World) -> Vec<(WorkerId, usize)> {
    let erase = |(worker, command): &(WorkerId, BlockCommand)| match command {
        BlockCommand::Erase(replicas) => Some((*worker, replicas.len())),
        _ => None,
    };
    world.commands.iter().filter_map(erase).collect()
}

fn locations(world: &mut World, path: &str) -> usize {
    let found = world.call(Operation::Blocks { path: p(path), reader: None });
    let Ok(Reply::Blocks(found)) = found else { panic!("{found:?}") };
    found.blocks[0].locations.len()
}

fn good(block: &NewBlock) -> Replica {
    Replica { block: block.block, generation: block.generation, len_bytes: 10, finalised: true }
}

const GRACE_MS: u64 = limits::STARTUP_GRACE.as_millis() as u64;
const TURN_MS: u64 = limits::NAMESPACE_TURN.as_millis() as u64;
const PAUSE_MS: u64 = limits::REPAIR_PAUSE.as_millis() as u64;
const TIMEOUT_MS: u64 = limits::REPAIR_TIMEOUT.as_millis() as u64;

#[test]
fn a_readers_complaint_makes_the_holder_look_and_drops_nothing() {
    let mut world = World::new();
    world.join(1);
    let (_, block) = world.write("/f", 1);
    let complain =
        |generation| Operation::ReportCorrupt { block: block.block, generation, worker: WorkerId(1) };
    for _ in 0..5 {
        world.call_as(7, complain(block.generation)).unwrap().unwrap();
    }
    assert_eq!(locations(&mut world, "/f"), 1, "the word of a reader is not enough");
    let verify = BlockCommand::Verify { block: block.block, generation: block.generation };
    assert!(world.commands.iter().all(|command| *command == (WorkerId(1), verify.clone())));
    world.commands.clear();
    world.call(complain(Generation(99))).unwrap();
    assert!(world.commands.is_empty(), "there is no such replica");
    world.report(1, BlockReport::Bad { replica: good(&block), reason: "checksum".to_owned() });
    assert_eq!(locations(&mut world, "/f"), 0);
}

#[test]
fn a_copy_that_fails_is_tried_again_later_and_later_from_another_source() {
    let mut world = World::new();
    (1..=2).for_each(|worker| world.join(worker));
    let (_, block) = world.write("/f", 3);
    world.later(GRACE_MS);
    world.join(3);
    let mut pause = PAUSE_MS;
    let mut sources = Vec::new();
    for _ in 0..8 {
        world.commands.clear();
        world.later(TURN_MS);
        let [(from, copied)] = copies(&world)[..] else { panic!("{:?}", world.commands) };
        assert_eq!(copied, block.block);
        sources.push(from);
        let to = WorkerId(3);
        world.report(from.0, BlockReport::CopyFailed { block: copied, to, reason: "disk".to_owned() });
        world.commands.clear();
        for _ in 0..pause / TURN_MS - 2 {
            world.later(TURN_MS);
        }
        assert!(copies(&world).is_empty(), "not before {pause} ms");
        world.later(TURN_MS);
        pause = (2 * pause).min(TIMEOUT_MS);
    }
    assert!(sources.contains(&WorkerId(1)) && sources.contains(&WorkerId(2)), "{sources:?}");
}

#[test]
fn blocks_that_cannot_be_helped_hold_up_no_others() {
    let mut world = World::new();
    world.join(1);
    let blocks: Vec<BlockId> =
        (0..limits::REPAIRS_PER_TURN + 10).map(|file| world.write(&format!("/{file}"), 2).1.block).collect();
    world.join(2);
    world.later(GRACE_MS);
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        world.later(TURN_MS);
        for (from, block) in copies(&world) {
            seen.insert(block);
            let to = WorkerId(2);
            world.report(from.0, BlockReport::CopyFailed { block, to, reason: "disk".to_owned() });
        }
        world.commands.clear();
    }
    assert_eq!(seen, blocks.into_iter().collect());
}

#[test]
fn erasures_come_in_one_message_not_soon_after_a_start_and_again_if_nothing_is_heard() {
    let mut world = World::new();
    world.join(1);
    let blocks: Vec<NewBlock> = (0..20).map(|file| world.write(&format!("/d/{file}"), 1).1).collect();
    world.call(Operation::Delete { path: p("/d"), recursive: true }).unwrap();
    // The master dies before it tells the worker.
    world.commands.clear();
    world.now += GRACE_MS;
    world.core = Core::restore(None, world.log.iter().cloned(), Tick(world.now));
    world.join_with(1, blocks.iter().map(good).collect());
    world.later(GRACE_MS - 1);
    assert_eq!(erasures(&world), []);
    world.later(TURN_MS);
    assert_eq!(erasures(&world), [(WorkerId(1), 20)]);
    world.later(TIMEOUT_MS / 2);
    assert_eq!(erasures(&world).len(), 1, "it has time to do so");
    world.later(TIMEOUT_MS);
    assert_eq!(erasures(&world).len(), 2, "the message may be lost");
    world.report(1, BlockReport::Erased(blocks.iter().map(|block| block.block).collect()));
    world.later(2 * TIMEOUT_MS);
    assert_eq!(erasures(&world).len(), 2);
}

#[test]
fn a_worker_whose_disks_filled_up_gets_no_new_blocks() {
    let mut world = World::new();
    (1..=2).for_each(|worker| world.join(worker));
    let targets = |world: &mut World| world.write("/f", 2).1.targets.len();
    assert_eq!(targets(&mut world), 2);
    let full = Capacity { total_bytes: 1 << 44, used_bytes: 1 << 44, free_bytes: 0 };
    world.on(Event::Capacity { worker: WorkerId(1), epoch: Epoch(0), capacity: full });
    assert_eq!(targets(&mut world), 2, "a beat of a former life says nothing");
    world.on(Event::Capacity { worker: WorkerId(1), epoch: Epoch(1), capacity: full });
    assert_eq!(targets(&mut world), 1);
    assert_eq!(world.core.view().workers[&WorkerId(1)].capacity, full);
}

#[test]
fn a_view_tells_what_must_move_before_a_worker_leaves() {
    let mut world = World::new();
    (1..=3).for_each(|worker| world.join(worker));
    let (_, block) = world.write("/f", 2);
    let holder = block.targets[0].worker;
    let storage = |world: &World| world.core.view().workers[&holder].clone();
    assert_eq!((storage(&world).bytes_to_move, storage(&world).sole_blocks), (10, 0));
    world.later(GRACE_MS);
    world.on(Event::Draining { worker: holder, draining: true });
    assert_eq!(storage(&world).bytes_to_move, 10);
    let third = (1..=3).find(|id| block.targets.iter().all(|target| target.worker.0 != *id)).unwrap();
    world.report(third, BlockReport::Received(vec![good(&block)]));
    assert_eq!(storage(&world).bytes_to_move, 0);
    let cluster = world.core.view().cluster.unwrap();
    assert_eq!((cluster.under_replicated_blocks, cluster.missing_blocks, cluster.blocks), (0, 0, 1));
}
