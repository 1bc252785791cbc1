//! Who is alive: beats that stay out make a worker suspect, then gone; a refused connection makes it gone at once.
//!
//! Silence is counted by this process's own running time: while it is stopped or starved it could hear nobody, and its
//! own sleep must not be taken for everybody else's death. What is judged is one connection ("session") of a worker: a
//! judgement that was made before the worker registered again says nothing about the new one.

use crate::{
    core::event::{Event, Session},
    limits::{LIVENESS_CHECK_EVERY, LIVENESS_STEP_MAX, PROBE_DEADLINE},
    options::Tuning,
    owner::Request,
};
use skep_hdfs::{Epoch, WorkerId, namespace::Namespace, protocol::control::Capacity};
use skep_jobs::protocol::worker::Beat;
use skep_wire::Endpoint;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// The last beat of each worker that is registered.
#[derive(Clone)]
pub struct Liveness {
    heard: Arc<Mutex<BTreeMap<WorkerId, Heard>>>,
    inbox: mpsc::Sender<Request>,
    namespace: Namespace,
}

#[derive(Debug, Clone)]
pub struct Heard {
    pub epoch: Epoch,
    pub at: Instant,
    pub capacity: Capacity,
    session: Session,
    /// Since the last beat, in time that this process was running.
    silent: Duration,
    suspect: bool,
}

impl Liveness {
    pub fn new(inbox: mpsc::Sender<Request>, namespace: Namespace) -> Liveness {
        Liveness { heard: Arc::default(), inbox, namespace }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A registration counts as a beat.
    pub fn registered(&self, worker: WorkerId, epoch: Epoch, session: Session, capacity: Capacity) {
        let at = Instant::now();
        let heard = Heard { epoch, at, capacity, session, silent: Duration::ZERO, suspect: false };
        self.lock().insert(worker, heard);
    }

    pub fn forget(&self, worker: WorkerId, epoch: Epoch) {
        let mut heard = self.lock();
        if heard.get(&worker).is_some_and(|heard| heard.epoch <= epoch) {
            heard.remove(&worker);
        }
    }

    pub fn heard(&self) -> BTreeMap<WorkerId, Heard> {
        self.lock().clone()
    }

    /// One of an older epoch, or of a worker that is gone, says nothing.
    pub async fn beat(&self, beat: Beat) {
        match self.lock().get_mut(&beat.worker).filter(|heard| heard.epoch == beat.epoch) {
            Some(heard) => {
                heard.at = Instant::now();
                heard.silent = Duration::ZERO;
                heard.capacity = beat.capacity;
            }
            None => return,
        }
        self.namespace.capacity(beat.worker, beat.epoch, beat.capacity).await;
    }

    /// Looks at everyone after `ran`: the time that this process was running since it looked last.
    fn check(&self, ran: Duration, tuning: &Tuning) -> Vec<Request> {
        let mut judgements = Vec::new();
        self.lock().retain(|&worker, heard| {
            heard.silent += ran;
            let (epoch, session) = (heard.epoch, heard.session);
            let mut judge = |event| judgements.push(Request::Judged { worker, session, event });
            if heard.silent >= tuning.gone_after {
                let why = format!("no beat for {:.1} s", heard.silent.as_secs_f64());
                judge(Event::Gone { worker, epoch, why });
                return false;
            }
            let suspect = heard.silent >= tuning.suspect_after;
            if suspect != heard.suspect {
                heard.suspect = suspect;
                judge(if suspect {
                    Event::Suspect { worker, epoch }
                } else {
                    Event::Alive { worker, epoch }
                });
            }
            true
        });
        judgements
    }

    /// Looks at the clock for ever.
    pub async fn watch(self, tuning: Tuning) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(LIVENESS_CHECK_EVERY).await;
            let now = Instant::now();
            let ran = now.duration_since(last).min(LIVENESS_STEP_MAX);
            last = now;
            for judgement in self.check(ran, &tuning) {
                if self.inbox.send(judgement).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The control connection broke. If nobody listens where the worker did, its process is gone; else it may come back, and
    /// its beats decide.
    pub async fn disconnected(&self, worker: WorkerId, epoch: Epoch, session: Session, endpoint: &Endpoint) {
        if nobody_listens(endpoint, PROBE_DEADLINE).await {
            let why = format!("its process is gone: nobody listens at {endpoint}");
            let event = Event::Gone { worker, epoch, why };
            let _ = self.inbox.send(Request::Judged { worker, session, event }).await;
        }
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
    use skep_hdfs::{
        journal::{Journal, Replay},
        protocol::namespace::Location,
    };

    const WORKER: WorkerId = WorkerId(1);
    const TUNING: Tuning = Tuning::DEFAULT;

    fn beat(epoch: u64) -> Beat {
        Beat { worker: WORKER, epoch: Epoch(epoch), capacity: Capacity::default(), memory_used_bytes: 0 }
    }

    fn namespace() -> Namespace {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path()).unwrap();
        Namespace::start(journal, Replay::default()).unwrap().0
    }

    fn registered(epoch: u64) -> Liveness {
        let liveness = Liveness::new(mpsc::channel(1).0, namespace());
        liveness.registered(WORKER, Epoch(epoch), Session(7), Capacity::default());
        liveness
    }

    fn judged(liveness: &Liveness, ran: Duration) -> Vec<Event> {
        let judgements = liveness.check(ran, &TUNING);
        let event = |request| match request {
            Request::Judged { worker: WORKER, session: Session(7), event } => event,
            _ => panic!("a judgement of something else"),
        };
        judgements.into_iter().map(event).collect()
    }

    #[tokio::test]
    async fn a_silent_worker_is_suspect_then_alive_again_with_a_beat_then_gone_once() {
        let liveness = registered(1);
        assert!(matches!(judged(&liveness, TUNING.suspect_after)[..], [Event::Suspect { .. }]));
        assert!(judged(&liveness, Duration::ZERO).is_empty(), "said once");
        liveness.beat(beat(1)).await;
        assert!(matches!(judged(&liveness, Duration::ZERO)[..], [Event::Alive { .. }]));
        assert!(matches!(judged(&liveness, TUNING.gone_after)[..], [Event::Gone { .. }]));
        assert!(judged(&liveness, TUNING.gone_after).is_empty(), "said once");
    }

    #[tokio::test]
    async fn beats_of_an_older_life_keep_nobody_alive() {
        let liveness = registered(2);
        judged(&liveness, TUNING.gone_after - Duration::from_millis(1));
        liveness.beat(beat(1)).await;
        assert!(matches!(judged(&liveness, Duration::from_millis(1))[..], [Event::Gone { .. }]));
    }

    #[tokio::test]
    async fn the_namespace_knows_what_the_disks_of_a_worker_can_hold_from_its_beats() {
        let namespace = namespace();
        let liveness = Liveness::new(mpsc::channel(1).0, namespace.clone());
        let epoch = Epoch(7);
        let endpoint = Endpoint::Tcp("127.0.0.1:1".to_owned());
        let location = Location { worker: WORKER, endpoint, host: "127.0.0.1".to_owned(), socket: None };
        let capacity = |free_bytes| Capacity { total_bytes: 100, used_bytes: 100 - free_bytes, free_bytes };
        liveness.registered(WORKER, epoch, Session(7), capacity(90));
        namespace.joined(location, epoch, capacity(90), false, Vec::new()).await;
        liveness.beat(Beat { capacity: capacity(40), ..beat(7) }).await;
        liveness.beat(Beat { capacity: capacity(70), ..beat(6) }).await;
        let mut view = namespace.view();
        let fresh =
            view.wait_for(|view| view.workers.get(&WORKER).is_some_and(|one| one.capacity == capacity(40)));
        tokio::time::timeout(Duration::from_secs(60), fresh).await.unwrap().unwrap();
        assert_eq!(liveness.heard()[&WORKER].capacity, capacity(40));
    }
}
