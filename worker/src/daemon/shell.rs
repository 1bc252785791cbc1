//! The loop that owns the core: one input at a time, then the core's outputs, then sleep until the next input or deadline.

use super::{job_over, node::Node, start};
use crate::{
    WorkerError, WorkerOptions,
    core::{Core, Event, Exit, Inventory, Life, Output, Resources, StartFault, Tick},
    limits,
    process::{Keeper, Report, StartCommand},
    shuffle::Mark,
};
use skep_hdfs::protocol::control::BlockReport;
use skep_jobs::{
    model::{AttemptId, FaultKind, JobId},
    protocol::{
        task::{TaskOrder, Welcome},
        worker::{JobHeader, WorkerTell},
    },
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    task::{AbortHandle, spawn_blocking},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Everything that reaches the shell.
pub(crate) enum Input {
    /// From the master or a task process.
    Core(Event),
    /// The control connection is about to register.
    Registering(oneshot::Sender<Inventory>),
    /// The master took the registration.
    Connected {
        jobs: Vec<JobId>,
        tells: mpsc::Sender<WorkerTell>,
    },
    Keeper(Report),
    /// A process can be started, or cannot.
    Prepared {
        life: Life,
        command: Result<Box<StartCommand>, StartFault>,
    },
    /// A process connected. Answered with `None` if the worker did not start it.
    Hello {
        job: JobId,
        process: u32,
        orders: UnboundedSender<TaskOrder>,
        reply: oneshot::Sender<Option<Linked>>,
    },
    /// Everything that the process sent was handled.
    LinkClosed {
        life: Life,
    },
    /// A dead process's connection has had its time.
    ExitDue {
        life: Life,
    },
    Blocks(BlockReport),
    /// Shuffle outputs turned out bad.
    OutputsLost(Vec<AttemptId>),
    /// The worker cannot go on.
    Fatal(WorkerError),
}

pub(crate) struct Linked {
    pub life: Life,
    pub welcome: Box<Welcome>,
}

/// How the worker ended.
pub(super) struct Ended {
    pub forget: bool,
}

/// A process as the shell sees it.
struct LiveProcess {
    job: JobId,
    /// Its start is being prepared.
    preparing: Option<AbortHandle>,
    process: Option<u32>,
    /// `Some` while its link is open.
    orders: Option<UnboundedSender<TaskOrder>>,
    was_linked: bool,
    /// It is dead, but what it sent may not all have been handled.
    exit: Option<Exit>,
}

pub(super) struct Shell {
    core: Core,
    node: Arc<Node>,
    keeper: Keeper,
    begin: Instant,
    lives: BTreeMap<Life, LiveProcess>,
    master: Option<mpsc::Sender<WorkerTell>>,
    /// From before the registration: what was kept since is of no concern to its sweep.
    asked: Option<Mark>,
    /// Block reports that fell between a registration and its connection.
    missed_block_reports: bool,
    outputs_held: u64,
    ended: Option<Result<Ended, WorkerError>>,
}

impl Shell {
    pub fn new(node: Arc<Node>, keeper: Keeper, resources: Resources) -> Shell {
        Shell {
            core: Core::new(resources),
            node,
            keeper,
            begin: Instant::now(),
            lives: BTreeMap::new(),
            master: None,
            asked: None,
            missed_block_reports: false,
            outputs_held: 0,
            ended: None,
        }
    }

    /// Until the worker ends; then all its processes are gone.
    pub async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Input>,
        stop: &CancellationToken,
        options: &WorkerOptions,
    ) -> Result<Ended, WorkerError> {
        let grace_ms = u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX);
        let mut children = signal(SignalKind::child()).map_err(WorkerError::Thread)?;
        let (mut stopping, mut stopping_now) = (false, false);
        let result = loop {
            let deadline = self.core.deadline().map(|tick| self.begin + Duration::from_millis(tick.0));
            let far = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                Some(input) = inbox.recv() => {
                    self.take(input);
                    // One look at the outputs for many inputs: outcomes and launches travel in batches.
                    while let Ok(input) = inbox.try_recv() {
                        self.take(input);
                    }
                }
                () = sleep_until(deadline.unwrap_or(far)) => self.feed(Event::Tick),
                _ = children.recv() => self.keeper.look(),
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.feed(Event::Stop { grace_ms });
                }
                () = options.stop_now.cancelled(), if !stopping_now => {
                    stopping_now = true;
                    self.feed(Event::Stop { grace_ms: 0 });
                }
            }
            self.note_outputs_held();
            while let Some(output) = self.core.poll() {
                self.carry_out(output);
            }
            if let Some(ended) = self.ended.take() {
                break ended;
            }
        };
        // Reports of the last processes find nobody: they must not wait for a reader.
        drop(inbox);
        let _ = spawn_blocking(move || self.keeper.end()).await;
        result
    }

    fn feed(&mut self, event: Event) {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.core.on(Tick(now), event);
    }

    /// Other workers deliver to this one without the shell hearing of it.
    fn note_outputs_held(&mut self) {
        let held = self.node.outputs_held();
        if held != self.outputs_held {
            self.outputs_held = held;
            self.feed(Event::OutputsHeld(held));
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Core(event) => {
                if matches!(event, Event::Disconnected) {
                    self.master = None;
                }
                self.feed(event);
            }
            Input::Registering(reply) => {
                self.missed_block_reports = false;
                self.asked = self.node.outputs_mark();
                // The connection may have been given up meanwhile.
                let _ = reply.send(self.core.inventory());
            }
            Input::Connected { jobs, tells } => self.on_connected(jobs, tells),
            Input::Keeper(report) => self.on_report(report),
            Input::Prepared { life, command } => self.on_prepared(life, command),
            Input::Hello { job, process, orders, reply } => self.on_hello(job, process, orders, reply),
            Input::LinkClosed { life } => self.on_link_closed(life),
            Input::ExitDue { life } => self.settle_exit(life),
            Input::Blocks(report) => self.on_block_report(report),
            Input::OutputsLost(outputs) => self.tell_master(WorkerTell::OutputsLost(outputs)),
            Input::Fatal(error) => self.ended = Some(Err(error)),
        }
    }

    fn on_connected(&mut self, jobs: Vec<JobId>, tells: mpsc::Sender<WorkerTell>) {
        self.master = Some(tells);
        if self.missed_block_reports
            && let Some(report) = self.node.block_report()
        {
            self.tell_master(WorkerTell::Blocks(report));
        }
        // Looked up here and now: a job that is launched next must not be taken for a dead one.
        let known = self.core.jobs();
        let here = self.node.data.jobs().unwrap_or_default();
        let dead = here.into_iter().filter(|job| !jobs.contains(job) && !known.contains(job)).collect();
        tokio::spawn(job_over::sweep(Arc::clone(&self.node), dead));
        if let Some(asked) = self.asked.take() {
            let (node, jobs) = (Arc::clone(&self.node), jobs.clone());
            tokio::spawn(async move { node.sweep_outputs(jobs, asked).await });
        }
        self.feed(Event::Connected { jobs });
    }

    fn on_block_report(&mut self, report: BlockReport) {
        if self.master.is_some() {
            self.tell_master(WorkerTell::Blocks(report));
        } else {
            self.missed_block_reports = true;
        }
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Spawned { life, process } => {
                if let Some(live) = self.lives.get_mut(&life) {
                    live.process = Some(process);
                }
                self.feed(Event::Spawned { life });
            }
            Report::StartFailed { life, fault } => {
                self.lives.remove(&life);
                self.feed(Event::StartFailed { life, fault });
            }
            Report::OverMemory { life, peak_bytes, limit_bytes } => {
                self.feed(Event::OverMemory { life, peak_bytes, limit_bytes });
            }
            Report::Exited { life, exit } => self.on_exited(life, exit),
        }
    }

    /// The exit is told to the core after everything that the process sent; its connection closes with it, but what is in
    /// it may not be read yet.
    fn on_exited(&mut self, life: Life, exit: Exit) {
        let Some(live) = self.lives.get_mut(&life) else { return };
        live.exit = Some(exit);
        if live.orders.is_none() {
            return self.settle_exit(life);
        }
        let inputs = self.node.inputs.clone();
        tokio::spawn(async move {
            sleep(limits::EXIT_SETTLES_WITHIN).await;
            let _ = inputs.send(Input::ExitDue { life }).await;
        });
    }

    fn settle_exit(&mut self, life: Life) {
        let Some(exit) = self.lives.get_mut(&life).and_then(|live| live.exit.take()) else { return };
        self.lives.remove(&life);
        self.feed(Event::Exited { life, exit });
    }

    fn on_link_closed(&mut self, life: Life) {
        let Some(live) = self.lives.get_mut(&life) else { return };
        live.orders = None;
        if live.exit.is_some() {
            self.settle_exit(life);
        } else {
            self.feed(Event::LinkLost { life });
        }
    }

    fn on_prepared(&mut self, life: Life, command: Result<Box<StartCommand>, StartFault>) {
        // Not there any more: its end came first.
        let Some(live) = self.lives.get_mut(&life) else { return };
        live.preparing = None;
        match command {
            Ok(command) => self.keeper.start_process(*command),
            Err(fault) => {
                self.lives.remove(&life);
                self.feed(Event::StartFailed { life, fault });
            }
        }
    }

    fn on_hello(
        &mut self,
        job: JobId,
        process: u32,
        orders: UnboundedSender<TaskOrder>,
        reply: oneshot::Sender<Option<Linked>>,
    ) {
        let of_job = |live: &LiveProcess| live.job == job && live.preparing.is_none() && !live.was_linked;
        // By its number; or it is what the process that was started has started in its place (a script that wraps it).
        let by_number = self.lives.iter().find(|(_, live)| of_job(live) && live.process == Some(process));
        let found = by_number.or_else(|| self.lives.iter().rev().find(|(_, live)| of_job(live)));
        let life = found.map(|(life, _)| *life);
        let linked = life.and_then(|life| Some(Linked { life, welcome: self.welcome(job)? }));
        if let (Some(life), Some(_)) = (life, &linked)
            && let Some(live) = self.lives.get_mut(&life)
        {
            live.orders = Some(orders);
            live.was_linked = true;
            self.feed(Event::Hello { life });
        }
        // If the process is gone already, its link's end tells.
        let _ = reply.send(linked);
    }

    fn welcome(&self, job: JobId) -> Option<Box<Welcome>> {
        let JobHeader { user, conf, program, .. } = self.core.header(job)?.clone();
        let facts = &self.node.facts;
        Some(Box::new(Welcome {
            job,
            worker: self.node.worker()?,
            host: facts.host.clone(),
            user,
            conf,
            arguments: program.arguments,
            master: facts.master.clone(),
            scratch: self.node.data.scratch(job),
            work: self.node.data.work(job),
            slots: facts.slots,
        }))
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Start { life, header } => self.prepare(life, header),
            Output::Send { life, order } => {
                if let Some(orders) = self.lives.get(&life).and_then(|live| live.orders.as_ref()) {
                    // Fails when the process is gone; its exit ends what it was to run.
                    let _ = orders.send(order);
                }
            }
            Output::Kill { life } => self.kill(life),
            Output::TellMaster(tell) => self.tell_master(tell),
            Output::RemoveJob { job } => {
                tokio::spawn(job_over::remove(Arc::clone(&self.node), job));
            }
            Output::Finish { forget } => self.ended = Some(Ok(Ended { forget })),
        }
    }

    fn prepare(&mut self, life: Life, header: Box<JobHeader>) {
        let (node, job) = (Arc::clone(&self.node), header.job);
        let task = tokio::spawn(async move {
            let command = start::prepare(Arc::clone(&node), life, header).await.map(Box::new);
            let _ = node.inputs.send(Input::Prepared { life, command }).await;
        });
        let live = LiveProcess {
            job,
            preparing: Some(task.abort_handle()),
            process: None,
            orders: None,
            was_linked: false,
            exit: None,
        };
        self.lives.insert(life, live);
    }

    fn kill(&mut self, life: Life) {
        match self.lives.get(&life).and_then(|live| live.preparing.as_ref()) {
            Some(preparing) => {
                preparing.abort();
                self.lives.remove(&life);
                let message = "the process was not needed any more before it was started".to_owned();
                let fault = StartFault { kind: FaultKind::Preempted, message };
                self.feed(Event::StartFailed { life, fault });
            }
            None => self.keeper.kill(life),
        }
    }

    fn tell_master(&mut self, tell: WorkerTell) {
        let Some(master) = &self.master else { return };
        if master.try_send(tell).is_err() {
            // Letting go of the sender ends the connection. The next registration repeats what must not be lost.
            tracing::warn!("the master does not read: giving up the connection");
            self.master = None;
        }
    }
}
