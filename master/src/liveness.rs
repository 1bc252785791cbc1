//! Who is alive: beats that stay out make a worker suspect, then gone; a refused connection makes it gone at once.

use crate::{
    core::event::Event,
    limits::{BEAT_EVERY, GONE_AFTER, PROBE_DEADLINE, SUSPECT_AFTER},
    scheduler::Scheduler,
};
use skep_hdfs::{Epoch, WorkerId, namespace::Namespace, protocol::control::Capacity};
use skep_jobs::protocol::worker::Beat;
use skep_wire::Endpoint;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The last beat of each worker that is registered.
#[derive(Clone)]
pub struct Liveness {
    heard: Arc<Mutex<BTreeMap<WorkerId, Heard>>>,
    scheduler: Scheduler,
    namespace: Namespace,
}

#[derive(Debug, Clone)]
pub struct Heard {
    pub epoch: Epoch,
    pub at: Instant,
    pub capacity: Capacity,
    endpoint: Endpoint,
    suspect: bool,
}

impl Liveness {
    pub fn new(scheduler: Scheduler, namespace: Namespace) -> Liveness {
        Liveness { heard: Arc::default(), scheduler, namespace }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A registration counts as a beat.
    pub fn registered(&self, worker: WorkerId, epoch: Epoch, endpoint: Endpoint, capacity: Capacity) {
        let heard = Heard { epoch, at: Instant::now(), capacity, endpoint, suspect: false };
        self.lock().insert(worker, heard);
    }

    pub fn heard(&self) -> BTreeMap<WorkerId, Heard> {
        self.lock().clone()
    }

    /// One of an older epoch, or of a worker that is gone, says nothing.
    pub async fn beat(&self, beat: Beat) {
        let back = match self.lock().get_mut(&beat.worker).filter(|heard| heard.epoch == beat.epoch) {
            Some(heard) => {
                heard.at = Instant::now();
                heard.capacity = beat.capacity;
                std::mem::take(&mut heard.suspect)
            }
            None => return,
        };
        self.namespace.capacity(beat.worker, beat.epoch, beat.capacity).await;
        if back {
            self.scheduler.event(Event::Alive { worker: beat.worker, epoch: beat.epoch }).await;
        }
    }

    /// Looks at the clock for ever.
    pub async fn watch(self) {
        loop {
            tokio::time::sleep(BEAT_EVERY / 2).await;
            let (mut suspects, mut gone) = (Vec::new(), Vec::new());
            for (worker, heard) in self.lock().iter_mut() {
                let silent = heard.at.elapsed();
                if silent >= GONE_AFTER {
                    gone.push((*worker, heard.epoch, silent));
                } else if silent >= SUSPECT_AFTER && !heard.suspect {
                    heard.suspect = true;
                    suspects.push((*worker, heard.epoch));
                }
            }
            for (worker, epoch) in suspects {
                tracing::warn!(%worker, "no beat: it gets nothing new");
                self.scheduler.event(Event::Suspect { worker, epoch }).await;
            }
            for (worker, epoch, silent) in gone {
                self.gone(worker, epoch, format!("no beat for {:.0} s", silent.as_secs_f64())).await;
            }
        }
    }

    /// The control connection broke. If nobody listens where the worker did, its process is gone; else it may come back, and
    /// its beats decide.
    pub async fn disconnected(&self, worker: WorkerId, epoch: Epoch) {
        let Some(endpoint) =
            self.lock().get(&worker).filter(|heard| heard.epoch == epoch).map(|heard| heard.endpoint.clone())
        else {
            return;
        };
        if nobody_listens(&endpoint, PROBE_DEADLINE).await {
            self.gone(worker, epoch, "its process is gone: nobody listens at its address".to_owned()).await;
        }
    }

    /// The one way for a worker to be gone, whatever told it.
    async fn gone(&self, worker: WorkerId, epoch: Epoch, why: String) {
        {
            let mut heard = self.lock();
            if heard.get(&worker).is_none_or(|heard| heard.epoch != epoch) {
                return;
            }
            heard.remove(&worker);
        }
        tracing::warn!(%worker, %epoch, why, "worker gone");
        self.scheduler.event(Event::Gone { worker, epoch, why }).await;
        self.namespace.gone(worker, epoch).await;
    }
}

async fn nobody_listens(endpoint: &Endpoint, deadline: Duration) -> bool {
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    match endpoint {
        Endpoint::Tcp(address) => {
            match tokio::time::timeout(deadline, tokio::net::TcpStream::connect(address)).await {
                Ok(Err(error)) => refused(error),
                Ok(Ok(_)) | Err(_) => false,
            }
        }
        Endpoint::Unix(path) => tokio::net::UnixStream::connect(path).await.is_err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outbox::Outboxes,
        scheduler::{Clock, Owner, restore},
    };
    use skep_hdfs::{
        journal::{Journal, Replay},
        protocol::namespace::Location,
    };

    #[tokio::test]
    async fn the_namespace_knows_what_the_disks_of_a_worker_can_hold_from_its_beats() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(&folder.path().join("journal")).unwrap();
        let (namespace, _commands) = Namespace::start(journal.clone(), Replay::default()).unwrap();
        let clock = Clock::start();
        let (core, newest) = restore(clock.now(), Replay::default()).unwrap();
        let secret = crate::directory::Directory::open(&folder.path().join("master")).unwrap().secret;
        let outboxes = Outboxes::new(secret, namespace.clone());
        let scheduler = Owner::start(core, clock, journal, newest, outboxes);
        let liveness = Liveness::new(scheduler, namespace.clone());

        let (worker, epoch) = (WorkerId(1), Epoch(7));
        let endpoint = Endpoint::Tcp("127.0.0.1:1".to_owned());
        let location =
            Location { worker, endpoint: endpoint.clone(), host: "127.0.0.1".to_owned(), socket: None };
        let capacity = |free_bytes| Capacity { total_bytes: 100, used_bytes: 100 - free_bytes, free_bytes };
        liveness.registered(worker, epoch, endpoint, capacity(90));
        namespace.joined(location, epoch, capacity(90), false, Vec::new()).await;
        let beat = |epoch, free| Beat { worker, epoch, capacity: capacity(free), memory_used_bytes: 0 };
        liveness.beat(beat(epoch, 40)).await;
        liveness.beat(beat(Epoch(6), 70)).await;
        let mut view = namespace.view();
        let fresh =
            view.wait_for(|view| view.workers.get(&worker).is_some_and(|one| one.capacity == capacity(40)));
        tokio::time::timeout(Duration::from_secs(60), fresh).await.unwrap().unwrap();
        assert_eq!(liveness.heard()[&worker].capacity, capacity(40));
    }
}
