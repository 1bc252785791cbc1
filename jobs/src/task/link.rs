//! The connection to the worker: hello and welcome, then orders in, outcomes and progress out.

use super::{
    TaskProcessError,
    attempt::Host,
    cluster_shuffle::ClusterShuffle,
    environment::TaskEnvironment,
    limits, panics,
    pool::{Pool, Tells},
};
use crate::{
    model::{JobId, Outcome},
    protocol::{
        TASK_SERVICE,
        task::{TaskCall, TaskOrder, TaskReply, TaskTell, Welcome},
    },
    task_program::{BuildError, BuildProgram},
};
use skep_wire::{Connection, Credential, Dialer, Endpoint, Mode, Peer, Service};
use std::sync::{Arc, OnceLock};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::{MissedTickBehavior, interval},
};

/// Why a task process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Told,
    WorkerGone,
}

/// Receives orders. They are few, and bounded by what the worker's book-keeping allows to be here at a time.
struct Orders(UnboundedSender<TaskOrder>);

impl Service for Orders {
    type Call = ();
    type Answer = ();
    type Tell = TaskOrder;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, order: TaskOrder) {
        // Nobody takes orders any more: the process is ending.
        let _ = self.0.send(order);
    }
}

/// Connects to the worker that started this process.
pub(super) async fn connect(
    environment: &TaskEnvironment,
    credential: &Credential,
) -> Result<Connection, TaskProcessError> {
    let endpoint = Endpoint::Unix(environment.socket.clone());
    let dialer = Dialer::new(credential.clone());
    let connection = dialer.connect(&endpoint, TASK_SERVICE, Mode::Calls).await;
    connection.map_err(|source| TaskProcessError::Worker { socket: environment.socket.clone(), source })
}

/// What a task process works with from its start to its end.
pub(super) struct Session<'a> {
    pub runtime: &'a Runtime,
    pub job: JobId,
    pub credential: Credential,
    /// Called when the connection ends, whatever the main thread is busy with.
    pub worker_gone: Arc<dyn Fn() + Send + Sync>,
}

impl Session<'_> {
    /// Says hello, builds the program, and works until told to end or the worker is gone.
    pub fn serve(&self, connection: Connection, build: BuildProgram<'_>) -> Result<Ending, TaskProcessError> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let inside = self.runtime.enter();
        let peer = Peer::start(connection, Arc::new(Orders(orders)));
        drop(inside);
        let welcome = self.runtime.block_on(hello(&peer)).map_err(|error| match error {
            HelloError::Call(source) => TaskProcessError::NotWelcome { job: self.job, source },
            HelloError::Reply => TaskProcessError::Protocol,
        })?;
        // From here on the end of the connection tells that the worker is gone, and what attempts started is ended too.
        // Only a process that a worker started has a signal to be sent; for others this changes nothing.
        let _ = rustix::process::set_parent_process_death_signal(None);
        let arguments = welcome.arguments.clone();
        let host = Arc::new(self.host(welcome, &peer));
        let (tells, outbox) = mpsc::channel(limits::TELLS_WAITING_MAX);
        let pool = Pool::new(Arc::clone(&host), Tells(tells.clone()));
        self.runtime.spawn(send_tells(peer.clone(), outbox));
        self.runtime.spawn(report_progress(Arc::clone(&pool), tells.clone()));
        let worker_gone = Arc::clone(&self.worker_gone);
        let ending = self.runtime.spawn(async move {
            let ending = take_orders(peer, pool, inbox, tells).await;
            if ending == Ending::WorkerGone {
                worker_gone();
            }
            ending
        });
        // Attempts wait for the program; the plan is the user's code and may take its time.
        let program = panics::catch("plan", || build(&arguments))
            .unwrap_or_else(|message| Err(BuildError::Panicked(message)));
        // Set once, here.
        let _ = host.program.set(program);
        Ok(self.runtime.block_on(ending).unwrap_or(Ending::WorkerGone))
    }

    fn host(&self, welcome: Welcome, peer: &Peer) -> Host {
        let runtime = self.runtime.handle().clone();
        let shuffle = ClusterShuffle::new(peer.clone(), runtime.clone(), &welcome, self.credential.clone());
        Host {
            welcome,
            credential: self.credential.clone(),
            runtime,
            program: OnceLock::new(),
            shuffle: Arc::new(shuffle),
            stores: OnceLock::new(),
        }
    }
}

enum HelloError {
    Call(skep_wire::CallError),
    Reply,
}

async fn hello(peer: &Peer) -> Result<Welcome, HelloError> {
    let call = TaskCall::Hello { process: std::process::id() };
    match peer.call(&call, limits::HELLO_DEADLINE).await.map_err(HelloError::Call)? {
        TaskReply::Welcome(welcome) => Ok(*welcome),
        TaskReply::Kept | TaskReply::Failed { .. } => Err(HelloError::Reply),
    }
}

async fn send_tells(peer: Peer, mut outbox: mpsc::Receiver<TaskTell>) {
    while let Some(tell) = outbox.recv().await {
        if peer.tell(&tell).await.is_err() {
            // The worker is gone; whoever waits for the connection's end acts on it.
            return;
        }
    }
}

async fn report_progress(pool: Arc<Pool>, tells: mpsc::Sender<TaskTell>) {
    let mut clock = interval(limits::PROGRESS_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let changed = pool.changed_progress();
        if !changed.is_empty() && tells.send(TaskTell::Progress(changed)).await.is_err() {
            return;
        }
    }
}

async fn take_orders(
    peer: Peer,
    pool: Arc<Pool>,
    mut inbox: UnboundedReceiver<TaskOrder>,
    tells: mpsc::Sender<TaskTell>,
) -> Ending {
    loop {
        let order = tokio::select! {
            order = inbox.recv() => order,
            () = peer.closed() => return Ending::WorkerGone,
        };
        let ended = match order {
            None => return Ending::WorkerGone,
            Some(TaskOrder::Run(launches)) => pool.launch(launches),
            Some(TaskOrder::Kill { attempts, .. }) => {
                let dropped = attempts.into_iter().filter(|attempt| pool.kill(*attempt));
                dropped.map(|attempt| (attempt, Outcome::Killed)).collect()
            }
            Some(TaskOrder::Exit) => return wait_idle(&peer, pool).await,
        };
        for (attempt, outcome) in ended {
            // Full only while the worker does not read; then its end is noticed here too.
            let _ = tells.send(TaskTell::Ended(attempt, outcome)).await;
        }
    }
}

async fn wait_idle(peer: &Peer, pool: Arc<Pool>) -> Ending {
    let idle = tokio::task::spawn_blocking(move || pool.wait_idle());
    tokio::select! {
        _ = idle => Ending::Told,
        () = peer.closed() => Ending::WorkerGone,
    }
}
