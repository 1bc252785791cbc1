//! The control connection of a worker.

use super::Front;
use crate::{
    core::event::{Event, Session},
    owner::Request,
    requests::Welcome,
};
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::protocol::worker::{
    RegisterError, Registration, WorkerAnswer, WorkerCall, WorkerReply, WorkerTell,
};
use skep_wire::{Connection, Endpoint, Peer, Service};
use std::{sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};

/// Who registered on a connection.
#[derive(Debug, Clone)]
struct Registered {
    worker: WorkerId,
    epoch: Epoch,
    session: Session,
    endpoint: Endpoint,
}

/// ```text
/// Fresh ─► UnderWay ─► Registered
///   ▲          └─► (refused)
///   └──────────────────┘
/// ```
enum Registering {
    Fresh,
    UnderWay,
    Registered(Registered),
}

struct WorkerService {
    front: Arc<Front>,
    state: Arc<watch::Sender<Registering>>,
}

/// Until the connection ends.
pub async fn serve(front: Arc<Front>, connection: Connection) {
    let state = Arc::new(watch::Sender::new(Registering::Fresh));
    let mut outcome = state.subscribe();
    let peer = Peer::start(connection, Arc::new(WorkerService { front: front.clone(), state }));
    peer.closed().await;
    // A registration under way is not cancelled with its connection: the scheduler may have taken it in.
    let ended = match outcome.wait_for(|state| !matches!(state, Registering::UnderWay)).await.as_deref() {
        Ok(Registering::Registered(registered)) => registered.clone(),
        _ => return,
    };
    connection_ended(&front, &ended).await;
}

/// A worker whose process is gone need not be waited for: nobody listens where it did.
async fn connection_ended(front: &Front, ended: &Registered) {
    let Registered { worker, epoch, session, endpoint } = ended;
    if front.stop.is_cancelled() || !front.links.ended(*worker, *session) {
        return;
    }
    tracing::info!(%worker, %epoch, "its control connection ended");
    front.liveness.disconnected(*worker, *epoch, *session, endpoint).await;
}

async fn register(
    front: Arc<Front>,
    peer: Peer,
    registration: Registration,
) -> Result<Welcome, RegisterError> {
    let ours = front.cluster;
    if let Some(theirs) = registration.cluster.filter(|theirs| *theirs != ours) {
        return Err(RegisterError::WrongCluster { ours, theirs });
    }
    let (reply, answer) = oneshot::channel();
    let request = Request::Register { registration: Box::new(registration), peer, reply };
    let stopping = || RegisterError::Unavailable("it is stopping".to_owned());
    front.inbox.send(request).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

impl WorkerService {
    /// Runs in a task of its own: whoever gives up waiting, the outcome is entered.
    async fn register(&self, peer: Peer, registration: Registration) -> WorkerAnswer {
        let begin = |state: &mut Registering| {
            let fresh = matches!(state, Registering::Fresh);
            if fresh {
                *state = Registering::UnderWay;
            }
            fresh
        };
        if !self.state.send_if_modified(begin) {
            return Err(RegisterError::Unavailable("this connection has registered already".to_owned()));
        }
        let (front, state) = (self.front.clone(), self.state.clone());
        let registering = async move {
            let (epoch, endpoint) = (registration.epoch, registration.endpoint.clone());
            let answer = register(front.clone(), peer, registration).await;
            state.send_replace(match &answer {
                Ok(Welcome { worker, session, .. }) => {
                    tracing::info!(%worker, %epoch, "registered");
                    Registering::Registered(Registered {
                        worker: *worker,
                        epoch,
                        session: *session,
                        endpoint,
                    })
                }
                Err(_) => Registering::Fresh,
            });
            let beat_every_ms = u64::try_from(front.tuning.beat_every.as_millis()).unwrap_or(u64::MAX);
            answer.map(|Welcome { worker, jobs, .. }| WorkerReply::Registered {
                worker,
                cluster: front.cluster,
                jobs,
                beat_every_ms,
            })
        };
        let stopping = |_| Err(RegisterError::Unavailable("it is stopping".to_owned()));
        tokio::spawn(registering).await.unwrap_or_else(stopping)
    }

    fn identity(&self) -> Option<(WorkerId, Epoch)> {
        match &*self.state.borrow() {
            Registering::Registered(registered) => Some((registered.worker, registered.epoch)),
            Registering::Fresh | Registering::UnderWay => None,
        }
    }
}

impl Service for WorkerService {
    type Call = WorkerCall;
    type Answer = WorkerAnswer;
    type Tell = WorkerTell;

    async fn call(&self, from: &Peer, WorkerCall::Register(registration): WorkerCall) -> WorkerAnswer {
        self.register(from.clone(), *registration).await
    }

    async fn tell(&self, _from: &Peer, message: WorkerTell) {
        let Some((worker, epoch)) = self.identity() else { return };
        let event = match message {
            WorkerTell::Outcomes(outcomes) => Event::Outcomes { worker, epoch, outcomes },
            WorkerTell::Progress(progress) => Event::Progress { worker, epoch, progress },
            WorkerTell::OutputsLost(outputs) => Event::OutputsLost { worker, epoch, outputs },
            WorkerTell::Leaving { within_ms } => {
                Event::Leaving { worker, epoch, within: Duration::from_millis(within_ms) }
            }
            WorkerTell::Blocks(report) => return self.front.namespace.report(worker, epoch, report).await,
            // The scheduler sees by itself when nothing is left there.
            WorkerTell::Empty => return,
        };
        let _ = self.front.inbox.send(Request::Event(event)).await;
    }
}
