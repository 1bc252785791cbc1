//! The control connection: registration with everything that the worker has, then the master's words and the worker's.
//! When it is lost it is made again, for ever; what runs goes on meanwhile.

use super::{job_over, node::Node, shell::Input};
use crate::{
    WorkerError,
    core::{Event, Inventory},
    directory::identity::Identity,
    limits,
};
use rand::Rng;
use skep_jobs::protocol::{
    WORKER_SERVICE,
    worker::{
        MasterCall, MasterCallAnswer, MasterTell, RegisterError, Registration, WorkerAnswer, WorkerCall,
        WorkerReply, WorkerTell,
    },
};
use skep_wire::{DialError, Endpoint, Mode, Peer, Service};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Connects, registers and carries messages until `closing`.
pub(super) async fn run(node: Arc<Node>, master: Endpoint, closing: CancellationToken) {
    let mut pause = limits::RECONNECT_PAUSE_MIN;
    while !closing.is_cancelled() {
        match connect_once(&node, &master, &closing).await {
            Ok(Connection::WasRegistered) => pause = limits::RECONNECT_PAUSE_MIN,
            Ok(Connection::CameToNothing(reason)) => {
                tracing::info!(%master, %reason, "not registered; trying again");
                pause = (pause * 2).min(limits::RECONNECT_PAUSE_MAX);
            }
            Err(error) => {
                // The shell ends the worker with it.
                let _ = node.inputs.send(Input::Fatal(error)).await;
                return;
            }
        }
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = closing.cancelled() => {}
        }
    }
}

/// What became of one try.
enum Connection {
    WasRegistered,
    CameToNothing(String),
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

async fn connect_once(
    node: &Arc<Node>,
    master: &Endpoint,
    closing: &CancellationToken,
) -> Result<Connection, WorkerError> {
    let connection = match node.dialer().connect(master, WORKER_SERVICE, Mode::Calls).await {
        Ok(connection) => connection,
        // A wrong secret or release does not mend itself; but a worker that was part of the cluster outlives a master
        // that is being replaced.
        Err(DialError::Refused { refusal, .. }) if node.worker().is_none() => {
            return Err(WorkerError::Handshake { master: master.clone(), refusal });
        }
        Err(error) => return Ok(Connection::CameToNothing(error.to_string())),
    };
    let registered = watch::Sender::new(false);
    let words = MasterWords { node: Arc::clone(node), registered: registered.subscribe() };
    let peer = Peer::start(connection, Arc::new(words));
    let Some(registration) = registration(node).await else {
        return Ok(Connection::CameToNothing("the worker is ending".to_owned()));
    };
    let call = WorkerCall::Register(Box::new(registration));
    let answer = peer.call::<_, WorkerAnswer>(&call, limits::REGISTER_DEADLINE).await;
    let reply = match answer {
        Ok(Ok(reply)) => reply,
        Ok(Err(RegisterError::Unavailable(reason))) => return lost(node, reason).await,
        Ok(Err(error)) => return Err(WorkerError::Refused(error)),
        Err(error) => return lost(node, error.to_string()).await,
    };
    let WorkerReply::Registered { worker, cluster, jobs, beat_every_ms } = reply;
    node.registered(Identity { worker, cluster, role: node.facts.role }, beat_every_ms)?;
    tracing::info!(%worker, epoch = %node.facts.epoch, "registered");
    let (tells, outbox) = mpsc::channel(limits::MASTER_TELLS_WAITING_MAX);
    if node.inputs.send(Input::Connected { jobs, tells }).await.is_err() {
        return Ok(Connection::WasRegistered);
    }
    registered.send_replace(true);
    carry(&peer, outbox, closing).await;
    let _ = node.inputs.send(Input::Core(Event::Disconnected)).await;
    Ok(Connection::WasRegistered)
}

/// The registration was made, so its outcomes count as told; they were not.
async fn lost(node: &Node, reason: String) -> Result<Connection, WorkerError> {
    let _ = node.inputs.send(Input::Core(Event::Disconnected)).await;
    Ok(Connection::CameToNothing(reason))
}

/// Writes what the shell has for the master until either is gone. At the end of the worker everything that waits is written.
async fn carry(peer: &Peer, mut outbox: mpsc::Receiver<WorkerTell>, closing: &CancellationToken) {
    loop {
        let tell = tokio::select! {
            biased;
            tell = outbox.recv() => tell,
            () = peer.closed() => return,
            () = closing.cancelled() => None,
        };
        let Some(tell) = tell else {
            // Queued messages are written before the connection closes.
            peer.close();
            return;
        };
        if let Err(error) = peer.tell(&tell).await {
            tracing::info!(%error, "the connection to the master is lost");
            return;
        }
    }
}

/// Everything that the worker has, for a master that may have forgotten it.
async fn registration(node: &Arc<Node>) -> Option<Registration> {
    let (reply, answer) = oneshot::channel();
    node.inputs.send(Input::Registering(reply)).await.ok()?;
    let Inventory { running, outcomes, draining } = answer.await.ok()?;
    let identity = *node.identity.borrow();
    let facts = &node.facts;
    Some(Registration {
        worker: identity.map(|identity| identity.worker),
        cluster: identity.map(|identity| identity.cluster),
        epoch: facts.epoch,
        role: facts.role,
        endpoint: facts.endpoint.clone(),
        socket: facts.socket.clone(),
        host: facts.host.clone(),
        process: std::process::id(),
        slots: facts.slots,
        memory_bytes: facts.memory_bytes,
        draining,
        running,
        outcomes,
        outputs: node.outputs(),
        replicas: node.replicas(),
        capacity: node.capacity(),
    })
}

/// What the master says on the connection.
struct MasterWords {
    node: Arc<Node>,
    registered: watch::Receiver<bool>,
}

impl Service for MasterWords {
    type Call = MasterCall;
    type Answer = MasterCallAnswer;
    type Tell = MasterTell;

    async fn call(&self, _from: &Peer, call: MasterCall) -> MasterCallAnswer {
        match call {
            MasterCall::Logs { job, stems, bytes_max } => {
                job_over::read_logs(&self.node, job, stems, bytes_max).await
            }
        }
    }

    async fn tell(&self, _from: &Peer, message: MasterTell) {
        // The answer to the registration may be on its way to the shell still: it comes first.
        if self.registered.clone().wait_for(|registered| *registered).await.is_err() {
            return;
        }
        let event = match message {
            MasterTell::Job(header) => Event::Job(header),
            MasterTell::Launch(launches) => Event::Launch(launches),
            MasterTell::Kill { attempts, reason } => Event::Kill { attempts, reason },
            MasterTell::Noted(attempts) => Event::Noted(attempts),
            MasterTell::JobOver(job) => Event::JobOver(job),
            MasterTell::Drain(on) => Event::Drain(on),
            MasterTell::Leave { forget } => Event::Leave { forget },
            MasterTell::DropOutputs(outputs) => return self.node.drop_outputs(outputs).await,
            MasterTell::Blocks(command) => {
                match self.node.block_server() {
                    Some(server) => server.command(command),
                    None => tracing::warn!(?command, "a task worker was told to handle a block"),
                }
                return;
            }
        };
        let _ = self.node.inputs.send(Input::Core(event)).await;
    }
}
