//! The shell around the core: what a worker process is from its start to its end.
//!
//! ```text
//!                control connection            Unix socket, one link per task process
//!   master ◄────────► control ─┐                  ┌─ task_link ◄────────► task processes
//!          ◄────────  beat     │   Input          │                            ▲ pipes, /proc, signals
//!                              ├──────► shell ◄───┤                            │
//!   others ────► accept ───────┘    (owns Core)   └─ keeper (own thread) ──────┘
//!            blocks, shuffle            │ Output: start, send, kill, tell, remove
//! ```
//! The shell decides nothing: it turns what happens into events for the core, and the core's outputs into effects that
//! report back as inputs.

mod accept;
mod beat;
mod control;
mod job_over;
mod node;
mod outputs;
mod shell;
mod start;
mod task_link;

use crate::{
    WorkerError, WorkerOptions,
    core::Resources,
    directory::DataDirectory,
    limits, machine,
    process::{
        Keeper, Warden, WardenCommand,
        roster::{Roster, end_leftovers},
    },
};
use accept::{Door, ServedAt};
use node::{Node, NodeFacts};
use shell::{Input, Shell};
use skep_wire::{Endpoint, Listener};
use std::sync::Arc;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

/// Runs a worker until it is stopped, told to leave, or cannot go on. When `stop` is cancelled it takes nothing new, lets
/// running attempts end within the grace, and returns.
pub async fn run(options: WorkerOptions, stop: CancellationToken) -> Result<(), WorkerError> {
    let data = DataDirectory::open(&options.data)?;
    end_what_an_earlier_life_left(&data).await?;
    let data = remove_what_an_earlier_life_left(data).await?;
    let (inputs, inbox) = mpsc::channel(limits::INPUTS_WAITING_MAX);
    let sockets = Sockets::bind(&options, &data).await?;
    let facts = NodeFacts::gather(&options, &data, &sockets)?;
    let resources = Resources { slots: facts.slots, memory_bytes: facts.memory_bytes };
    let node = Node::open(&options, data, facts, inputs.clone())?;
    let keeper = start_keeper(&options, &node, &inputs)?;
    let closing = CancellationToken::new();
    let serving = sockets.serve(&options, &node, &closing);
    let beat = beat::start(&node, &closing)?;
    let control = tokio::spawn(control::run(Arc::clone(&node), options.master.clone(), closing.clone()));
    let scrubbing = tokio::spawn(Arc::clone(&node).scrub(options.scrub_bytes_per_second));
    tracing::info!(role = ?options.role, endpoint = %node.facts.endpoint, slots = resources.slots, "worker started");

    let shell = Shell::new(Arc::clone(&node), keeper, resources);
    let result = shell.run(inbox, &stop, &options).await;

    closing.cancel();
    scrubbing.abort();
    let _ = tokio::time::timeout(limits::LAST_WORDS_WITHIN, control).await;
    for task in serving {
        // Ends with `closing`; a panic in it was logged.
        let _ = task.await;
    }
    let _ = spawn_blocking(move || beat.join()).await;
    match result {
        Ok(ended) if ended.forget => {
            tracing::info!("the master released this worker: its data directory is emptied");
            node.forget().await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn end_what_an_earlier_life_left(data: &DataDirectory) -> Result<(), WorkerError> {
    let (roster, mark) = (data.roster(), data.mark());
    let fail = |source| WorkerError::DataDirectory { path: data.root().to_path_buf(), source };
    let ended = spawn_blocking(move || end_leftovers(&roster, &mark)).await;
    let ended = ended.map_err(|error| fail(error.into()))?.map_err(fail)?;
    if ended > 0 {
        tracing::warn!(
            processes = ended,
            "ended task processes that an earlier life of this worker left behind"
        );
    }
    Ok(())
}

/// Nothing runs here yet: no file of an attempt is anybody's.
async fn remove_what_an_earlier_life_left(data: DataDirectory) -> Result<DataDirectory, WorkerError> {
    let path = data.root().to_path_buf();
    let swept = spawn_blocking(move || data.sweep_attempts().map(|()| data)).await;
    let swept = swept.unwrap_or_else(|error| Err(error.into()));
    swept.map_err(|source| WorkerError::DataDirectory { path, source })
}

fn start_keeper(
    options: &WorkerOptions,
    node: &Arc<Node>,
    inputs: &mpsc::Sender<Input>,
) -> Result<Keeper, WorkerError> {
    let path = node.data.roster();
    let roster = Roster::create(&path).map_err(|source| WorkerError::DataDirectory { path, source })?;
    let warden = WardenCommand {
        program: options.skep.clone(),
        arguments: vec!["warden".into()],
        mark: node.data.mark(),
        life: node.facts.life(),
    };
    let warden = Warden::start(warden)
        .map_err(|source| WorkerError::Warden { program: options.skep.clone(), source })?;
    let reports = inputs.clone();
    let report = move |report| {
        // Nobody listens any more once the worker ends.
        let _ = reports.blocking_send(Input::Keeper(report));
    };
    Keeper::start(roster, Some(warden), options.owns_process, Arc::clone(&node.task_memory_bytes), report)
        .map_err(WorkerError::Thread)
}

/// Where the worker is reached.
struct Sockets {
    tcp: Listener,
    unix: Listener,
}

impl Sockets {
    async fn bind(options: &WorkerOptions, data: &DataDirectory) -> Result<Sockets, WorkerError> {
        let bind = async |endpoint: Endpoint| match Listener::bind(&endpoint).await {
            Ok(listener) => Ok(listener),
            Err(source) => Err(WorkerError::Listen { endpoint, source }),
        };
        let path = data.socket();
        let path =
            path.map_err(|source| WorkerError::DataDirectory { path: data.root().to_path_buf(), source })?;
        Ok(Sockets { tcp: bind(options.listen.clone()).await?, unix: bind(Endpoint::Unix(path)).await? })
    }

    /// What others are told to connect to.
    fn advertised(&self, options: &WorkerOptions, host: &str) -> Endpoint {
        if let Some(endpoint) = &options.advertise {
            return endpoint.clone();
        }
        let Endpoint::Tcp(address) = &self.tcp.endpoint else { return self.tcp.endpoint.clone() };
        match address.parse::<std::net::SocketAddr>() {
            Ok(address) if address.ip().is_unspecified() => {
                Endpoint::Tcp(format!("{host}:{}", address.port()))
            }
            _ => self.tcp.endpoint.clone(),
        }
    }

    fn serve(
        self,
        options: &WorkerOptions,
        node: &Arc<Node>,
        closing: &CancellationToken,
    ) -> [JoinHandle<()>; 2] {
        let serve = |listener: Listener, at| {
            let door = Arc::new(Door::new(Arc::clone(node), at));
            tokio::spawn(listener.serve(options.secret.clone(), door, closing.clone()))
        };
        [serve(self.tcp, ServedAt::Network), serve(self.unix, ServedAt::Socket)]
    }
}

impl NodeFacts {
    fn gather(
        options: &WorkerOptions,
        data: &DataDirectory,
        sockets: &Sockets,
    ) -> Result<NodeFacts, WorkerError> {
        let host = options.host.clone().unwrap_or_else(machine::host_name);
        let Endpoint::Unix(socket) = sockets.unix.endpoint.clone() else {
            let source = std::io::Error::other("a Unix socket was asked for");
            return Err(WorkerError::Listen { endpoint: sockets.unix.endpoint.clone(), source });
        };
        Ok(NodeFacts {
            role: options.role,
            epoch: data.begin_epoch()?,
            endpoint: sockets.advertised(options, &host),
            socket,
            host,
            slots: options.slots.unwrap_or_else(machine::parallelism).max(1),
            memory_bytes: options.memory_bytes.unwrap_or_else(|| machine::memory_bytes() / 4 * 3),
            master: options.master.clone(),
            skep: options.skep.clone(),
        })
    }
}
