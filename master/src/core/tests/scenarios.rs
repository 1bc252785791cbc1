//! The wounds of others, each as a scenario that must not hurt here.

use super::rig::{Rig, failure, joining, two_stages, writing};
use crate::{
    core::event::{Event, Joining, StorageFacts, StoredThere, Tell, Ticket},
    limits::DRAIN_SURE_AFTER,
};
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::{
    model::{FaultKind, JobState, Outcome, StageId},
    protocol::client::Role,
};
use std::time::Duration;

fn recomputed(rig: &Rig, job: skep_jobs::JobId) -> u64 {
    rig.core.job_view(job).unwrap().tasks_recomputed
}

#[test]
fn a_job_runs_its_stages_in_order_and_hands_back_its_results() {
    let mut rig = Rig::with(2, 0);
    let job = rig.submit(two_stages(1, 4, 2));
    assert!(rig.running(1).is_empty(), "no reduce before its maps");
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
    assert_eq!(rig.core.job_view(job).unwrap().results, [[0], [1]]);
}

#[test]
fn a_task_worker_that_dies_after_its_maps_costs_no_finished_task() {
    let mut rig = Rig::with(1, 2);
    let job = rig.submit(two_stages(1, 6, 1));
    rig.finish_stage(0);
    rig.gone(2);
    rig.gone(3);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
    assert_eq!(recomputed(&rig, job), 0);
}

#[test]
fn a_core_worker_that_dies_costs_only_the_maps_that_it_alone_held() {
    let mut rig = Rig::with(2, 0);
    let job = rig.submit(two_stages(1, 4, 1));
    let on_first = rig.running(0).iter().filter(|attempt| rig.on_worker(**attempt) == 1).count() as u64;
    rig.finish_stage(0);
    rig.gone(1);
    rig.pass(Duration::from_secs(1));
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
    assert_eq!(recomputed(&rig, job), on_first);
}

#[test]
fn preemption_never_fails_a_job_however_often_it_happens() {
    let mut rig = Rig::with(1, 0);
    let job = rig.submit(two_stages(1, 1, 1));
    for epoch in 2..40 {
        rig.gone(1);
        rig.join(joining(1, epoch, Role::Core, 2));
        rig.pass(Duration::from_millis(500));
    }
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
}

#[test]
fn the_users_code_may_fail_three_times_and_not_four() {
    for (failures, state) in [(3, JobState::Succeeded), (4, JobState::Failed)] {
        let mut rig = Rig::with(1, 0);
        let job = rig.submit(two_stages(1, 1, 1));
        for _ in 0..failures {
            rig.pass(Duration::from_secs(70));
            let attempt = rig.running(0)[0];
            rig.end(attempt, failure(FaultKind::User));
        }
        if state == JobState::Succeeded {
            rig.finish_stage(0);
            rig.finish_stage(1);
        } else {
            assert!(rig.error(job).contains("it broke"), "{}", rig.error(job));
        }
        assert_eq!(rig.state(job), state);
    }
}

#[test]
fn a_program_that_cannot_read_its_task_fails_the_job_at_once() {
    let mut rig = Rig::with(2, 0);
    let job = rig.submit(two_stages(1, 1, 1));
    let attempt = rig.running(0)[0];
    rig.end(attempt, failure(FaultKind::Undecodable));
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.state(job), JobState::Failed);
}

#[test]
fn a_repeated_and_a_late_outcome_change_nothing() {
    let mut rig = Rig::with(1, 1);
    let job = rig.submit(two_stages(1, 1, 1));
    let attempt = rig.running(0)[0];
    let (worker, done) = (WorkerId(rig.on_worker(attempt)), rig.done(attempt));
    rig.end(attempt, done.clone());
    let records = rig.log.len();
    rig.report(worker, attempt, done);
    rig.report(worker, attempt, failure(FaultKind::User));
    assert_eq!(format!("{:?}", &rig.log[records..]), "[]");
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
}

#[test]
fn an_older_life_of_a_worker_is_not_listened_to() {
    let mut rig = Rig::with(1, 0);
    let job = rig.submit(two_stages(1, 1, 1));
    rig.join(joining(1, 9, Role::Core, 2));
    rig.on(Event::Gone { worker: WorkerId(1), epoch: Epoch(1), why: "late news".to_owned() });
    rig.pass(Duration::from_secs(1));
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
}

#[test]
fn a_job_without_any_worker_says_what_it_waits_for() {
    let mut rig = Rig::new();
    let job = rig.submit(two_stages(1, 1, 1));
    let waits = rig.core.why(job).unwrap();
    assert!(!waits.is_empty(), "it waits for a worker, and says nothing");
    rig.join(joining(0, 1, Role::Core, 1));
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
}

#[test]
fn output_is_committed_once_after_every_task_is_done() {
    let mut rig = Rig::with(2, 0);
    let job = rig.submit(writing(1, 3));
    rig.finish_stage(0);
    assert_eq!(rig.state(job), JobState::Committing);
    let commits = rig.running(StageId::COMMIT.0);
    assert_eq!(commits.len(), 1);
    rig.finish(commits[0]);
    assert_eq!(rig.state(job), JobState::Succeeded);
    assert!(rig.running(StageId::COMMIT.0).is_empty() && rig.running(StageId::ABORT.0).is_empty());
}

#[test]
fn a_killed_job_cleans_up_and_ends_killed() {
    let mut rig = Rig::with(1, 0);
    let job = rig.submit(writing(1, 2));
    rig.on(Event::Kill { ticket: Ticket(0), job, user: "somebody".to_owned() });
    for attempt in rig.running(0) {
        rig.end(attempt, Outcome::Killed);
    }
    rig.pass(Duration::from_secs(6));
    rig.finish_stage(StageId::ABORT.0);
    assert_eq!(rig.state(job), JobState::Killed);
}

#[test]
fn a_restarted_master_keeps_what_was_finished_and_gives_no_attempt_number_twice() {
    let mut rig = Rig::with(2, 0);
    let job = rig.submit(two_stages(1, 4, 1));
    let first = rig.running(0);
    rig.finish(first[0]);
    let held = (rig.log.len(), first[0]);
    rig.restart();
    assert_eq!(rig.log.len(), held.0 + 1, "a new term, and nothing else");
    rig.launched.clear();
    for worker in [1, 2] {
        let mut back = joining(worker, 1, Role::Core, 2);
        back.outputs = vec![first[0]];
        rig.join(back);
    }
    rig.pass(Duration::from_secs(5));
    assert!(rig.running(0).iter().all(|attempt| !first.contains(attempt)));
    rig.finish_stage(0);
    rig.finish_stage(1);
    assert_eq!(rig.state(job), JobState::Succeeded);
}

#[test]
fn a_submission_that_is_repeated_is_one_job() {
    let mut rig = Rig::with(1, 0);
    let first = rig.submit(two_stages(7, 1, 1));
    let second = rig.submit(two_stages(7, 1, 1));
    assert_eq!(first, second);
}

#[test]
fn a_drained_core_worker_stays_while_others_that_are_to_stay_are_away() {
    let mut rig = Rig::with(3, 0);
    let stored = StoredThere { blocks: 5, ..StoredThere::default() };
    let facts = |draining: bool, present: &[u32]| {
        let there =
            |worker: u32| (WorkerId(worker), StoredThere { draining: draining && worker == 3, ..stored });
        Event::Storage(StorageFacts {
            workers: present.iter().map(|worker| there(*worker)).collect(),
            safe_core_min: 1,
        })
    };
    rig.on(facts(false, &[1, 2, 3]));
    rig.on(Event::Resize { ticket: Ticket(0), core: Some(2), task: Some(0), plan: false });
    rig.gone(1);
    rig.on(facts(true, &[2, 3]));
    let leaves = |rig: &Rig| rig.told.iter().any(|(_, tell)| matches!(tell, Tell::Leave { .. }));
    assert!(!leaves(&rig), "a copy may lie on one worker only");
    rig.join(joining(1, 2, Role::Core, 2));
    rig.on(facts(true, &[1, 2, 3]));
    assert!(!leaves(&rig), "who holds the copies may be dead, and not be missed yet");
    rig.on(Event::Suspect { worker: WorkerId(2), epoch: Epoch(1) });
    rig.pass(DRAIN_SURE_AFTER);
    assert!(!leaves(&rig), "one of them was not heard of for a while");
    rig.on(Event::Alive { worker: WorkerId(2), epoch: Epoch(1) });
    assert!(leaves(&rig), "all that should stay are there");
}

#[test]
fn a_worker_that_comes_back_with_a_drain_that_is_forgotten_is_told_to_stay() {
    let mut rig = Rig::with(2, 0);
    rig.gone(2);
    rig.told.clear();
    rig.join(Joining { draining: true, ..joining(2, 1, Role::Core, 2) });
    assert!(rig.told.iter().any(|(_, tell)| matches!(tell, Tell::Drain(false))), "{:?}", rig.told);
    assert_eq!(rig.core.worker_views().len(), 2);
}
