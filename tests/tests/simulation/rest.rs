//! One run of the world, from its faults to its rest, and what must be true then.

use super::{
    faults::{FAULTS_UNTIL, Fault},
    machine::History,
    net::Host,
    program::{self, Over},
    trace::Trace,
    world::{Happening, Ms, World},
};
use skep_hdfs::protocol::namespace::ClusterStatus;
use skep_jobs::{model::JobState, protocol::client::WorkerState};
use skep_wire::codec;
use std::{collections::BTreeSet, rc::Rc};

/// So long may the calm world take to come to rest: a silent writer's lease alone takes ten minutes.
const REST_WITHIN: Ms = 1_500_000;

/// Runs one seed with these faults; what happens is in `trace`, also when it fails.
pub fn run(seed: u64, faults: &[(Ms, Fault)], trace: &Trace) -> Summary {
    let mut world = World::new(seed, trace.clone());
    for (at, fault) in faults {
        world.at(*at, Happening::Fault(fault.clone()));
    }
    world.at(FAULTS_UNTIL, Happening::Calm);
    while world.step(FAULTS_UNTIL + 1) {}
    world.compare_with_log();
    come_to_rest(&mut world);
    verify(&mut world);
    Summary::of(&world)
}

/// What a run did, so that a world in which nothing happens cannot pass for a good one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Summary {
    pub jobs_succeeded: u64,
    pub jobs_failed: u64,
    pub tasks_recomputed: u64,
    pub files_verified: u64,
    pub master_lives: u64,
    pub machine_lives: u64,
}

impl Summary {
    fn of(world: &World) -> Summary {
        let mut summary = Summary {
            files_verified: world.truth.borrow().verified as u64,
            master_lives: world.master_lives,
            machine_lives: world.machines.iter().map(|machine| machine.life).sum(),
            ..Summary::default()
        };
        let Some(master) = world.master.as_ref() else { return summary };
        for (job, _) in world.truth.borrow().jobs() {
            let Some(view) = master.scheduler.job_view(job) else { continue };
            let succeeded = view.summary.state == JobState::Succeeded;
            summary.jobs_succeeded += u64::from(succeeded);
            summary.jobs_failed += u64::from(!succeeded);
            summary.tasks_recomputed += view.tasks_recomputed;
        }
        summary
    }

    pub fn add(&mut self, other: &Summary) {
        self.jobs_succeeded += other.jobs_succeeded;
        self.jobs_failed += other.jobs_failed;
        self.tasks_recomputed += other.tasks_recomputed;
        self.files_verified += other.files_verified;
        self.master_lives += other.master_lives;
        self.machine_lives += other.machine_lives;
    }
}

/// Seen at rest twice: what the scheduler has heard of may still be on its way to the namespace.
fn come_to_rest(world: &mut World) {
    let begin = world.now;
    let mut looks_at_rest = 0;
    while looks_at_rest < 2 {
        let until = world.now + 5_000;
        while world.step(until) {}
        let unrest = unrest(world);
        assert!(world.now < begin + REST_WITHIN, "the calm world does not come to rest: {unrest:#?}");
        looks_at_rest = if unrest.is_empty() { looks_at_rest + 1 } else { 0 };
    }
    world.compare_with_log();
}

/// What still has to happen.
fn unrest(world: &World) -> Vec<String> {
    let mut unrest = Vec::new();
    let Some(master) = world.master.as_ref() else { return vec!["there is no master".to_owned()] };
    if !world.agents.is_empty() {
        unrest.push(format!("{} clients and tasks are at work", world.agents.len()));
    }
    if !world.truth.borrow().all_submitted() {
        unrest.push("not all jobs are submitted".to_owned());
    }
    for (job, _) in world.truth.borrow().jobs() {
        let view = master.scheduler.job_view(job).expect("an acknowledged job is never forgotten");
        if !view.summary.state.is_final() {
            unrest.push(format!("{job} is {:?}: {:?}", view.summary.state, master.scheduler.why(job)));
        }
    }
    let view = master.namespace.view();
    if let Some(ClusterStatus { under_replicated_blocks, missing_blocks, .. }) = view.cluster
        && (under_replicated_blocks > 0 || missing_blocks > 0)
    {
        unrest.push(format!("{under_replicated_blocks} blocks want replicas, {missing_blocks} have none"));
    }
    let durable = master.namespace.durable();
    let open = durable.blocks.iter().filter(|(_, block)| !block.committed).count();
    if open > 0 {
        unrest.push(format!("{open} blocks are not committed"));
    }
    let workers = master.scheduler.worker_views();
    for worker in workers.iter().filter(|worker| worker.state != WorkerState::Live) {
        unrest.push(format!("{} is {:?}", worker.worker, worker.state));
    }
    let mut registered: BTreeSet<_> = workers.into_iter().map(|worker| Some(worker.worker)).collect();
    for machine in world.machines.iter().filter(|machine| !machine.left) {
        if machine.daemon.is_some() && !registered.contains(&machine.id) {
            unrest.push(format!("machine {} is not registered", machine.index));
        }
        registered.remove(&machine.id);
        let unknown = machine.replicas.keys().filter(|block| !durable.blocks.contains_key(block));
        let unknown = unknown.count();
        if unknown > 0 || !machine.outputs.is_empty() || !machine.runs_nothing() {
            let outputs = machine.outputs.len();
            unrest.push(format!(
                "machine {} has {unknown} replicas and {outputs} outputs of nothing, runs nothing: {}",
                machine.index,
                machine.runs_nothing()
            ));
        }
    }
    registered
        .into_iter()
        .flatten()
        .for_each(|worker| unrest.push(format!("{worker} is dead and not missed")));
    unrest
}

fn verify(world: &mut World) {
    let mut over = Vec::new();
    let truth = Rc::clone(&world.truth);
    if let Some(master) = world.master.as_ref() {
        for (job, spec) in truth.borrow().jobs() {
            let view = master.scheduler.job_view(job).expect("checked before");
            let succeeded = view.summary.state == JobState::Succeeded;
            let due = match view.summary.state {
                JobState::Killed => truth.borrow().killed.contains(&job),
                JobState::Failed => truth.borrow().may_fail(job, spec),
                _ => true,
            };
            assert!(due, "{job} is {:?} without cause: {:?}", view.summary.state, view.error);
            if spec.finish.is_some() {
                over.push(Over { job, spec: spec.clone(), succeeded });
            } else if succeeded {
                let finals: Vec<History> =
                    view.results.iter().map(|result| codec::decode(result).unwrap()).collect();
                truth.borrow().check_result(job, spec, &finals);
            }
        }
    }
    check_replicas(world);
    let (jobs, files) = (over.len(), truth.borrow().names().len());
    let known = Rc::clone(&truth);
    world.add_agent(Host::Client(99), move |hand| program::verifier(hand, over, known));
    let until = world.now + 600_000;
    while !world.agents.is_empty() && world.step(until) {}
    let truth = truth.borrow();
    assert_eq!((truth.jobs_verified, truth.verified), (jobs, files), "everything was read back");
}

/// The namespace's word on replicas is true of the disks.
fn check_replicas(world: &World) {
    let Some(master) = world.master.as_ref() else { return };
    let cores = world.machines.iter().filter(|machine| {
        !machine.left && machine.daemon.is_some() && machine.role == skep_jobs::protocol::client::Role::Core
    });
    let cores: Vec<_> = cores.collect();
    for (id, block) in &master.namespace.durable().blocks {
        let good = cores.iter().filter(|machine| {
            machine.replicas.get(id).is_some_and(|stored| {
                stored.finalised
                    && stored.generation == block.generation
                    && stored.len_bytes == block.len_bytes
            })
        });
        // A replica that decayed counts as long as nobody has looked at it.
        let wanted = cores.len().min(3);
        let found = good.count();
        assert!(found >= wanted, "{id} of {block:?} has {found} replicas of {wanted}");
    }
}
