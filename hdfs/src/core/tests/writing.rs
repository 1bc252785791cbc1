//! Files that are being written: what a writer may do in which order, and what becomes of it when it falls silent.

use super::*;

fn open_file(world: &mut World) -> FileId {
    let create = Operation::Create { path: p("/f"), overwrite: false, replication: None, block_bytes: None };
    let Ok(Reply::Created { file, .. }) = world.call(create) else { panic!("not created") };
    file
}

fn add_block(world: &mut World, file: FileId, previous: Option<WrittenBlock>) -> NewBlock {
    let added = world.call(Operation::AddBlock { file, previous, exclude: vec![] });
    let Ok(Reply::Block(block)) = added else { panic!("{added:?}") };
    block
}

fn written(block: &NewBlock, len_bytes: u64) -> WrittenBlock {
    let replicas = block.targets.iter().map(|target| target.worker).collect();
    WrittenBlock { block: block.block, generation: block.generation, len_bytes, replicas }
}

fn world() -> World {
    let mut world = World::new();
    world.join(1);
    world.join(2);
    world
}

fn silence(world: &mut World) {
    world.later(crate::limits::LEASE_HARD.as_millis() as u64 + 1);
}

fn recoveries(world: &World) -> Vec<(WorkerId, Generation, usize)> {
    let of = |(worker, command): &(WorkerId, BlockCommand)| match command {
        BlockCommand::Recover { generation, others, .. } => Some((*worker, *generation, others.len())),
        _ => None,
    };
    world.commands.iter().filter_map(of).collect()
}

#[test]
fn a_writer_must_finish_or_abandon_a_block_before_the_next() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    let refused = Err(NamespaceError::Unfinished { path: p("/f"), block: block.block });
    assert_eq!(world.call(Operation::AddBlock { file, previous: None, exclude: vec![] }), refused);
    assert_eq!(world.call(Operation::Complete { file, last: None }), refused);
    world.call(Operation::AbandonBlock { file, block: block.block }).unwrap();
    assert!(matches!(world.call(Operation::Complete { file, last: None }), Ok(Reply::Status(_))));
}

#[test]
fn a_block_is_finished_under_its_present_generation_only() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    let survivors = vec![block.targets[0].worker];
    let renewed = world.call(Operation::RenewPipeline { file, block: block.block, survivors });
    let Ok(Reply::Generation(generation)) = renewed else { panic!("{renewed:?}") };
    let stale = world.call(Operation::Complete { file, last: Some(written(&block, 5)) });
    assert!(matches!(stale, Err(NamespaceError::StaleBlock { .. })), "{stale:?}");
    let last = Some(WrittenBlock { generation, ..written(&block, 5) });
    assert!(matches!(world.call(Operation::Complete { file, last }), Ok(Reply::Status(_))));
}

#[test]
fn the_block_before_must_be_the_last_one() {
    let mut world = world();
    let file = open_file(&mut world);
    let first = add_block(&mut world, file, None);
    let second = add_block(&mut world, file, Some(written(&first, 5)));
    let stale = |answer: NamespaceAnswer| {
        assert!(matches!(answer, Err(NamespaceError::StaleBlock { .. })), "{answer:?}")
    };
    let add = |previous| Operation::AddBlock { file, previous: Some(previous), exclude: vec![] };
    stale(world.call(add(written(&first, 5))));
    stale(world.call(Operation::Complete { file, last: Some(written(&first, 5)) }));
    let third = add_block(&mut world, file, Some(written(&second, 6)));
    world.call(Operation::AbandonBlock { file, block: third.block }).unwrap();
    stale(world.call(Operation::Complete { file, last: Some(written(&first, 5)) }));
    stale(world.call(Operation::Complete { file, last: Some(written(&second, 7)) }));
    let unknown = WrittenBlock { block: BlockId(99), ..written(&second, 6) };
    stale(world.call(Operation::Complete { file, last: Some(unknown) }));
    let Ok(Reply::Status(status)) = world.call(Operation::Complete { file, last: Some(written(&second, 6)) })
    else {
        panic!("not closed")
    };
    assert_eq!(status.len_bytes, 11);
}

#[test]
fn a_call_that_is_repeated_while_it_waits_gets_one_answer_per_asking() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    let last = Some(WrittenBlock { replicas: vec![], ..written(&block, 5) });
    let complete = || Operation::Complete { file, last: last.clone() };
    assert_eq!(world.repeat(1, 99, complete()), None);
    assert_eq!(world.repeat(1, 99, complete()), None);
    assert!(matches!(
        world.answers.values().last(),
        Some(Err(NamespaceError::NotDurable { missing: 1, .. }))
    ));
    let replica = Replica { block: block.block, generation: block.generation, len_bytes: 5, finalised: true };
    world.report(2, BlockReport::Received(vec![replica]));
    assert!(matches!(world.answers.values().last(), Some(Ok(Reply::Status(_)))));
    assert!(matches!(world.repeat(1, 99, complete()), Some(Ok(Reply::Status(_)))), "and again, from memory");
}

#[test]
fn a_writer_that_waits_in_vain_hears_why_and_may_ask_again() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    let last = Some(WrittenBlock { replicas: vec![], ..written(&block, 5) });
    assert_eq!(world.repeat(1, 99, Operation::Complete { file, last: last.clone() }), None);
    world.later(crate::limits::COMPLETE_WAIT.as_millis() as u64);
    let Some(Err(error)) = world.answers.values().last() else { panic!("no answer") };
    assert!(error.retryable(), "{error}");
    assert_eq!(world.repeat(1, 99, Operation::Complete { file, last }), None);
}

#[test]
fn a_writer_that_comes_back_after_its_file_was_taken_has_lost_it() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    silence(&mut world);
    assert_eq!(recoveries(&world).len(), 1);
    let late = [
        Operation::Complete { file, last: Some(written(&block, 5)) },
        Operation::RenewPipeline { file, block: block.block, survivors: vec![] },
        Operation::AddBlock { file, previous: Some(written(&block, 5)), exclude: vec![] },
        Operation::Abandon { file },
    ];
    for operation in late {
        assert!(matches!(world.call(operation), Err(NamespaceError::LeaseLost { .. })));
    }
}

#[test]
fn a_recovery_that_fails_is_led_by_another_worker_and_older_reports_are_stale() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None).block;
    silence(&mut world);
    let (first, generation, others) = recoveries(&world)[0];
    assert_eq!(others, 1);
    let reason = "disk".to_owned();
    world.report(first.0, BlockReport::RecoverFailed { block, generation, reason });
    world.later(crate::limits::REPAIR_PAUSE.as_millis() as u64 + 1);
    let (second, newer, _) = recoveries(&world)[1];
    assert!(second != first && newer > generation);
    let recovered =
        |generation| BlockReport::Recovered { block, generation, len_bytes: 7, replicas: vec![second] };
    world.report(first.0, recovered(generation));
    assert!(world.core.recoveries.contains_key(&file), "an older attempt decides nothing");
    world.report(second.0, recovered(newer));
    let Ok(Reply::Blocks(found)) = world.call(Operation::Blocks { path: p("/f"), reader: None }) else {
        panic!("no blocks")
    };
    assert!(!found.status.open);
    assert_eq!((found.blocks[0].generation, found.blocks[0].len_bytes), (newer, 7));
    assert_eq!(found.blocks[0].locations.len(), 1);
}

#[test]
fn after_a_restart_a_silent_writers_block_is_recovered_from_what_workers_report() {
    for worker_is_back in [true, false] {
        let mut world = world();
        let file = open_file(&mut world);
        let NewBlock { block, generation, .. } = add_block(&mut world, file, None);
        world.core = Core::restore(None, world.log.iter().cloned(), Tick(world.now));
        if worker_is_back {
            world.join_with(1, vec![Replica { block, generation, len_bytes: 3, finalised: false }]);
        }
        silence(&mut world);
        assert_eq!(recoveries(&world).len(), usize::from(worker_is_back));
        let Ok(Reply::Status(status)) = world.call(Operation::Status { path: p("/f") }) else { panic!() };
        assert_eq!(status.open, worker_is_back);
    }
}

#[test]
fn a_recovery_that_names_no_holders_of_its_bytes_decides_nothing() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None).block;
    silence(&mut world);
    let (primary, generation, _) = recoveries(&world)[0];
    world.report(primary.0, BlockReport::Recovered { block, generation, len_bytes: 7, replicas: vec![] });
    world.later(crate::limits::REPAIR_PAUSE.as_millis() as u64 + 1);
    assert_eq!(recoveries(&world).len(), 2);
    assert!(world.core.durable.blocks.contains_key(&block));
}

#[test]
fn a_recovery_begun_before_a_restart_goes_on_from_what_it_left_once_the_workers_are_back() {
    let mut world = world();
    let file = open_file(&mut world);
    let block = add_block(&mut world, file, None);
    silence(&mut world);
    let (_, first, _) = recoveries(&world)[0];
    world.commands.clear();
    world.core = Core::restore(None, world.log.iter().cloned(), Tick(world.now));
    // The first attempt finished the replica of one worker; the other has a longer, unfinished one.
    let replica = Replica { block: block.block, generation: first, len_bytes: 3, finalised: true };
    world.join_with(1, vec![replica]);
    world.later(crate::limits::STARTUP_GRACE.as_millis() as u64 - 1);
    assert!(recoveries(&world).is_empty(), "others may be coming back");
    world.join_with(
        2,
        vec![Replica { generation: block.generation, len_bytes: 5, finalised: false, ..replica }],
    );
    world.later(1_000);
    let (primary, second, others) = recoveries(&world)[0];
    assert!(second > first);
    assert_eq!(others, 1);
    let replicas = vec![WorkerId(1)];
    let recovered = BlockReport::Recovered { block: block.block, generation: second, len_bytes: 3, replicas };
    world.report(primary.0, recovered);
    let Ok(Reply::Status(status)) = world.call(Operation::Status { path: p("/f") }) else { panic!() };
    assert!(!status.open && status.len_bytes == 3, "{status:?}");
    world.later(1_000);
    let erased = BlockCommand::Erase(vec![(block.block, Generation(second.0 - 1))]);
    assert!(
        world.commands.contains(&(WorkerId(2), erased)),
        "what the other has is stale: {:?}",
        world.commands
    );
}

#[test]
fn a_block_of_which_nothing_arrived_is_dropped_and_the_file_closed() {
    let mut world = world();
    let file = open_file(&mut world);
    let first = add_block(&mut world, file, None);
    let second = add_block(&mut world, file, Some(written(&first, 9))).block;
    silence(&mut world);
    let (primary, generation, _) = recoveries(&world)[0];
    let nothing = BlockReport::Recovered { block: second, generation, len_bytes: 0, replicas: vec![] };
    world.report(primary.0, nothing);
    let Ok(Reply::Status(status)) = world.call(Operation::Status { path: p("/f") }) else { panic!() };
    assert!(!status.open && status.len_bytes == 9, "{status:?}");
    assert_eq!(world.core.durable.blocks.len(), 1);
}

#[test]
fn a_transaction_repeated_by_another_process_is_done_and_another_file_is_not_taken_for_it() {
    let mut world = world();
    world.write("/tmp/part", 1);
    let publish = || {
        let changes = vec![Change::Rename { from: p("/tmp/part"), to: p("/out/part") }];
        Operation::Transaction(Transaction { expect: vec![], changes })
    };
    world.call_as(1, publish()).unwrap().unwrap();
    assert_eq!(world.call_as(2, publish()), Some(Ok(Reply::Done)));
    world.call(Operation::Delete { path: p("/out/part"), recursive: false }).unwrap();
    world.write("/out/part", 1);
    assert_eq!(world.call_as(2, publish()), Some(Err(NamespaceError::NotFound(p("/tmp/part")))));
}

#[test]
fn a_refused_transaction_leaves_the_very_same_state() {
    let mut world = world();
    world.write("/a/f", 1);
    world.write("/b/g", 1);
    world.later(1_000);
    let before = world.core.durable.clone();
    let changes = vec![
        Change::CreateEmpty(p("/new/f")),
        Change::Rename { from: p("/a/f"), to: p("/b/g") },
        Change::Rename { from: p("/a"), to: p("/new/a") },
        Change::Delete(p("/b")),
        Change::Put { key: "k".to_owned(), value: vec![1] },
        Change::CreateEmpty(p("/new/f/not-a-directory")),
    ];
    world.call(Operation::Transaction(Transaction { expect: vec![], changes })).unwrap_err();
    assert_eq!(world.core.durable, before);
}
