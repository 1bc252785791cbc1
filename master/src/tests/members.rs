//! Workers and providers come, are refused, and leave.

use super::{
    cluster::{Cluster, TUNING},
    fake::{GUARD, until},
};
use crate::{core::tests::rig, options::Tuning};
use skep_hdfs::Epoch;
use skep_jobs::{
    model::JobState,
    protocol::{
        PROVIDER_SERVICE,
        client::{JobCall, JobError, JobReply, Role, WorkerState},
        provider::{Offer, ProviderOrder, ProviderTell},
        worker::{MasterTell, RegisterError},
    },
};
use skep_wire::{Credential, Dialer, Mode, Peer, Service};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_do_not_fit_are_refused_by_their_kind() {
    let cluster = Cluster::start().await;
    let mut worker = cluster.worker(Role::Core).await;
    let mut older = worker.clone();
    older.epoch = skep_hdfs::Epoch(0);
    let refused = older.register(&cluster.endpoint, &cluster.secret).await;
    assert!(matches!(refused, Err(RegisterError::Stale { .. })), "{refused:?}");
    worker.role = Role::Task;
    let refused = worker.register(&cluster.endpoint, &cluster.secret).await;
    assert!(matches!(refused, Err(RegisterError::RoleChanged { .. })), "{refused:?}");
    let other = Cluster::start().await;
    worker.role = Role::Core;
    let refused = worker.register(&other.endpoint, &other.secret).await;
    assert!(matches!(refused, Err(RegisterError::WrongCluster { .. })), "{refused:?}");
}

#[derive(Clone, Default)]
struct Orders(Arc<Mutex<Vec<ProviderOrder>>>);

impl Service for Orders {
    type Call = ();
    type Answer = ();
    type Tell = ProviderOrder;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, order: ProviderOrder) {
        self.0.lock().unwrap().push(order);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resize_asks_the_provider_for_more_and_drains_what_is_too_many() {
    let cluster = Cluster::start().await;
    let _core = cluster.worker(Role::Core).await;
    let orders = Orders::default();
    let dialer = Dialer::new(Credential::Cluster(cluster.secret.clone()));
    let connection = dialer.connect(&cluster.endpoint, PROVIDER_SERVICE, Mode::Calls).await.unwrap();
    let provider = Peer::start(connection, Arc::new(orders.clone()));
    let offer = Offer { name: "the test".to_owned(), core: 1, task: 0 };
    let () = provider.call(&offer, GUARD).await.unwrap();
    let grow = JobCall::Resize { core: None, task: Some(1), plan: false };
    let Ok(JobReply::Plan(plan)) = cluster.call(grow).await else { panic!("no plan") };
    assert_eq!((plan.start_core, plan.start_task), (0, 1));
    let asked = |orders: &Orders| {
        orders
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|order| matches!(order, ProviderOrder::Start { role: Role::Task, count: 1 }))
    };
    until("the provider is asked", || asked(&orders)).await;
    let told = ProviderTell::StartFailed { role: Role::Task, reason: "no room".to_owned() };
    provider.tell(&told).await.unwrap();
    let task = cluster.worker(Role::Task).await;
    let shrink = JobCall::Resize { core: None, task: Some(0), plan: false };
    assert!(matches!(cluster.call(shrink).await, Ok(JobReply::Plan(_))));
    until("it may leave", || {
        task.lock().tells.iter().any(|tell| matches!(tell, MasterTell::Leave { forget: true }))
    })
    .await;
    until("the provider lets it go", || {
        orders.0.lock().unwrap().iter().any(|order| matches!(order, ProviderOrder::Release { .. }))
    })
    .await;
    let view = cluster.status().await;
    assert!(
        view.workers.iter().any(|worker| worker.worker == task.id() && worker.state == WorkerState::Draining)
    );
    task.die().await;
    cluster.shrinks_to(1).await;
    let below = cluster.call(JobCall::Resize { core: Some(0), task: None, plan: false }).await;
    assert!(matches!(below, Err(JobError::Resize(_))), "{below:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_starts_again_at_once_is_not_taken_for_its_life_that_died() {
    let cluster = Cluster::start().await;
    let mut worker = cluster.worker(Role::Core).await;
    for _ in 0..20 {
        let next = worker.next_life(&cluster.secret).await;
        // The end of the first life is looked into while the second registers.
        worker.die().await;
        worker = next;
        worker.register(&cluster.endpoint, &cluster.secret).await.unwrap();
    }
    let job = cluster.submit(rig::two_stages(1, 50, 2)).await;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    assert_eq!((view.attempts_preempted, view.tasks_recomputed), (0, 0));
    let workers = cluster.status().await.workers;
    assert_eq!(workers.len(), 1);
    assert_eq!((workers[0].epoch, workers[0].state), (Epoch(21), WorkerState::Live));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_and_is_made_again_costs_no_attempt() {
    let cluster = Cluster::start().await;
    let mut worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 2, 1)).await;
    until("it runs", || worker.lock().running.len() == 2).await;
    for _ in 0..30 {
        worker.hang_up();
        worker.register(&cluster.endpoint, &cluster.secret).await.unwrap();
    }
    worker.go_on().await;
    let view = cluster.end_of(job).await;
    assert_eq!((view.attempts_preempted, view.tasks_recomputed), (0, 0));
    assert_eq!(worker.lock().launched, 3);
}

/// One thread for the master, the workers and the clock: a sleep of the thread stops them all, as a machine that swaps or
/// a debugger does.
#[tokio::test]
async fn a_master_that_was_stopped_takes_nobody_for_dead() {
    let cluster = Cluster::start_with(Tuning { gone_after: Duration::from_secs(1), ..TUNING }).await;
    let workers = [cluster.worker(Role::Core).await, cluster.worker(Role::Task).await];
    workers.iter().for_each(|worker| worker.lock().eager = false);
    let job = cluster.submit(rig::two_stages(1, 4, 1)).await;
    until("all run", || workers.iter().all(|worker| worker.lock().running.len() == 2)).await;
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1_500));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for worker in &workers {
        worker.go_on().await;
    }
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    assert_eq!((view.attempts_preempted, view.tasks_recomputed), (0, 0));
    assert_eq!(workers.map(|worker| worker.lock().registered), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_beats_stop_is_gone_though_its_connection_stays() {
    let tuning = Tuning {
        suspect_after: Duration::from_millis(300),
        gone_after: Duration::from_millis(900),
        ..TUNING
    };
    let cluster = Cluster::start_with(tuning).await;
    let silent = cluster.worker(Role::Task).await;
    let core = cluster.worker(Role::Core).await;
    silent.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 8, 1)).await;
    silent.lock().beats = false;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    let workers = cluster.status().await.workers;
    assert_eq!(workers.iter().map(|worker| worker.worker).collect::<Vec<_>>(), [core.id()]);
}
