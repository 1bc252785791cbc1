//! One machine of the model world: its disk, which outlives its daemon, and the real core of the worker's daemon with model
//! processes below it. The daemon's clock runs a little fast or slow.

use super::{
    net::{Host, LinkId, Message, Opener, Way},
    program,
    world::{Happening, Ms, World},
};
use rand::Rng;
use skep_hdfs::{
    BlockId, Epoch, Generation, WorkerId,
    protocol::{
        control::{BlockReport, Capacity, Replica},
        namespace::Location,
    },
};
use skep_jobs::{
    model::{AttemptId, FaultKind, JobId, Outcome},
    protocol::{
        client::Role,
        task::TaskOrder,
        worker::{Launch, MasterTell, WorkerTell},
    },
};
use skep_master::core::event::Joining;
use skep_wire::Endpoint;
use skep_worker::core::{self as daemon, Event, Exit, Life, Output, Resources, StartFault, Tick};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Which run of which task a piece of data comes from, back to the beginning.
pub type History = BTreeSet<(u32, u32, u64)>;

pub const SLOTS: u32 = 2;
const DISK_BYTES: u64 = 1 << 40;

/// A replica on a machine's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub generation: Generation,
    pub text: u64,
    pub len_bytes: u64,
    pub finalised: bool,
    /// Its bytes are not what was written, and nobody knows yet.
    pub corrupt: bool,
    /// Its file is gone, and nobody knows yet: a daemon that starts will not find it.
    pub gone: bool,
}

/// A shuffle output that a machine keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub history: History,
    /// Small ones are not on the disk: they die with the daemon.
    pub in_memory: bool,
    pub corrupt: bool,
    pub since: Ms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Preparing,
    Spawned,
    Linked,
}

/// What happens to a task process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Spawned,
    StartFails,
    Hello,
    LinkLost,
    Exited,
}

pub struct Machine {
    pub index: usize,
    pub role: Role,
    /// On its disk.
    pub id: Option<WorkerId>,
    pub epoch: u64,
    pub replicas: BTreeMap<BlockId, Stored>,
    pub outputs: BTreeMap<AttemptId, Kept>,
    pub full: bool,
    /// Told to leave: it never comes back.
    pub left: bool,
    /// Counts the lives of its daemon.
    pub life: u64,
    pub stalled_until: Ms,
    pub daemon: Option<Daemon>,
}

/// One life of a machine's daemon.
pub struct Daemon {
    core: daemon::Core,
    started: Ms,
    /// Thousandths of the true speed.
    clock: u64,
    pub link: Option<LinkId>,
    registered: bool,
    /// Block reports that nobody could be told.
    missed_reports: bool,
    asked_at: Ms,
    processes: BTreeMap<Life, Phase>,
    /// Tasks that run, with the agent that is each.
    tasks: BTreeMap<AttemptId, (Life, usize)>,
    jobs_over: BTreeSet<JobId>,
    due: Option<Ms>,
}

impl Machine {
    pub fn new(index: usize, role: Role) -> Machine {
        Machine {
            index,
            role,
            id: None,
            epoch: 0,
            replicas: BTreeMap::new(),
            outputs: BTreeMap::new(),
            full: false,
            left: false,
            life: 0,
            stalled_until: 0,
            daemon: None,
        }
    }

    pub fn location(&self) -> Location {
        Location {
            worker: self.id.unwrap_or(WorkerId(0)),
            endpoint: Endpoint::Tcp(format!("10.0.0.{}:7000", self.index)),
            host: format!("machine-{}", self.index),
            socket: None,
        }
    }

    pub fn capacity(&self) -> Capacity {
        let used_bytes: u64 = self.replicas.values().map(|stored| stored.len_bytes).sum();
        let free_bytes = if self.full { 0 } else { DISK_BYTES - used_bytes };
        Capacity { total_bytes: DISK_BYTES, used_bytes, free_bytes }
    }

    pub fn inventory(&self) -> Vec<Replica> {
        let replica = |(block, stored): (&BlockId, &Stored)| Replica {
            block: *block,
            generation: stored.generation,
            len_bytes: stored.len_bytes,
            finalised: stored.finalised,
        };
        self.replicas.iter().map(replica).collect()
    }

    pub fn runs_nothing(&self) -> bool {
        self.daemon.as_ref().is_none_or(|daemon| daemon.tasks.is_empty() && daemon.processes.is_empty())
    }
}

impl Daemon {
    fn tick(&self, now: Ms) -> Tick {
        Tick((now - self.started) * self.clock / 1000)
    }

    fn when(&self, tick: Tick) -> Ms {
        self.started + tick.0 * 1000 / self.clock + 1
    }
}

impl World {
    pub fn start_machine(&mut self, index: usize) {
        let clock = self.rng.random_range(970..1030);
        let now = self.now;
        let machine = &mut self.machines[index];
        if machine.daemon.is_some() || machine.left {
            return;
        }
        machine.life += 1;
        machine.epoch = (machine.epoch + 1).max(now);
        machine.stalled_until = 0;
        machine.daemon = Some(Daemon {
            core: daemon::Core::new(Resources { slots: SLOTS, memory_bytes: u64::from(SLOTS) << 30 }),
            started: now,
            clock,
            link: None,
            registered: false,
            missed_reports: false,
            asked_at: now,
            processes: BTreeMap::new(),
            tasks: BTreeMap::new(),
            jobs_over: BTreeSet::new(),
            due: None,
        });
        let life = machine.life;
        self.at(1, Happening::Dial { machine: index, life });
        self.at(2, Happening::Beat { machine: index, life });
    }

    /// The daemon and all that it runs are gone at once. `silent`: nobody is told, as when a machine loses its power.
    pub fn kill_machine(&mut self, index: usize, silent: bool) {
        let machine = &mut self.machines[index];
        let Some(daemon) = machine.daemon.take() else { return };
        machine.outputs.retain(|_, kept| !kept.in_memory && machine.role == Role::Core);
        machine.replicas.retain(|_, stored| !stored.gone);
        // What was not synced may be there in part.
        let mut unsynced: Vec<BlockId> = Vec::new();
        for (block, stored) in &mut machine.replicas {
            if !stored.finalised {
                unsynced.push(*block);
                stored.len_bytes = self.rng.random_range(0..=stored.len_bytes);
            }
        }
        for block in unsynced {
            if self.rng.random_bool(0.3) {
                self.machines[index].replicas.remove(&block);
            }
        }
        for (_, agent) in daemon.tasks.values() {
            self.drop_agent(*agent);
        }
        if let Some(link) = daemon.link {
            if silent { self.forget_link_end(link) } else { self.break_link(link) }
        }
    }

    pub fn daemon_mut(&mut self, index: usize, life: u64) -> Option<&mut Daemon> {
        let machine = self.machines.get_mut(index)?;
        if machine.life == life { machine.daemon.as_mut() } else { None }
    }

    pub fn is_up(&self, index: usize) -> bool {
        self.machines[index].daemon.is_some() && self.machines[index].stalled_until <= self.now
    }

    /// Tries to reach the master; when it cannot, again a little later.
    pub fn dial(&mut self, index: usize, life: u64) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        if daemon.link.is_some() {
            return;
        }
        let host = Host::Machine(index);
        let Some(master) = self.master.as_ref().filter(|_| self.net.reaches(host, Host::Master)) else {
            let pause = self.rng.random_range(20..2_000);
            return self.at(pause, Happening::Dial { machine: index, life });
        };
        let link = self.net.open(Opener::Worker { machine: index, life }, host, master.life);
        let now = self.now;
        let machine = &mut self.machines[index];
        let Some(daemon) = machine.daemon.as_mut() else { return };
        daemon.link = Some(link);
        daemon.registered = false;
        daemon.missed_reports = false;
        daemon.asked_at = now;
        let known = daemon.core.inventory();
        let joining = Box::new(Joining {
            worker: machine.id,
            epoch: Epoch(machine.epoch),
            role: machine.role,
            location: machine.location(),
            process: machine.life as u32,
            slots: SLOTS,
            memory_bytes: u64::from(SLOTS) << 30,
            draining: known.draining,
            running: known.running,
            outcomes: known.outcomes,
            outputs: machine.outputs.keys().copied().collect(),
        });
        let message =
            Message::Register { joining, capacity: machine.capacity(), replicas: machine.inventory() };
        self.send(link, Way::ToMaster, message);
    }

    pub fn machine_hears(&mut self, index: usize, life: u64, message: Message) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        match message {
            Message::Registered(Ok((worker, jobs))) => {
                daemon.registered = true;
                let missed = std::mem::take(&mut daemon.missed_reports);
                let asked_at = daemon.asked_at;
                let machine = &mut self.machines[index];
                machine.id = Some(worker);
                // What came since the registration was made is of no concern to its sweep.
                machine.outputs.retain(|attempt, kept| jobs.contains(&attempt.job) || kept.since >= asked_at);
                if missed {
                    self.report_all(index);
                }
                self.feed(index, life, Event::Connected { jobs });
            }
            Message::Registered(Err(error)) => {
                self.trace(format_args!("machine {index} is refused: {error}"));
                self.link_lost_by_machine(index, life);
            }
            Message::Master(tell) => self.machine_told(index, life, tell),
            other => unreachable!("{other:?} is not for a worker"),
        }
    }

    fn machine_told(&mut self, index: usize, life: u64, tell: MasterTell) {
        let event = match tell {
            MasterTell::Job(header) => Event::Job(header),
            MasterTell::Launch(launches) => Event::Launch(launches),
            MasterTell::Kill { attempts, reason } => Event::Kill { attempts, reason },
            MasterTell::Noted(attempts) => Event::Noted(attempts),
            MasterTell::JobOver(job) => Event::JobOver(job),
            MasterTell::Drain(on) => Event::Drain(on),
            MasterTell::Leave { forget } => Event::Leave { forget },
            MasterTell::DropOutputs(outputs) => {
                self.machines[index].outputs.retain(|attempt, _| !outputs.contains(attempt));
                return self.count_outputs(index);
            }
            MasterTell::Blocks(command) => return self.obey(index, life, command),
        };
        self.feed(index, life, event);
    }

    /// The shell's count of shuffle outputs is part of what the core decides on.
    pub fn count_outputs(&mut self, index: usize) {
        let (held, life) = (self.machines[index].outputs.len() as u64, self.machines[index].life);
        self.feed(index, life, Event::OutputsHeld(held));
    }

    pub fn feed(&mut self, index: usize, life: u64, event: Event) {
        let now = self.now;
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        daemon.core.on(daemon.tick(now), event);
        let mut outputs = Vec::new();
        while let Some(output) = daemon.core.poll() {
            outputs.push(output);
        }
        daemon.core.check();
        for output in outputs {
            self.carry_out(index, life, output);
        }
        self.plan_due(index, life);
    }

    /// One wake-up at the core's deadline.
    fn plan_due(&mut self, index: usize, life: u64) {
        let now = self.now;
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        let Some(deadline) = daemon.core.deadline() else { return };
        let at = daemon.when(deadline).max(now + 1);
        if daemon.due.is_none_or(|due| due > at || due <= now) {
            daemon.due = Some(at);
            self.at(at - now, Happening::MachineDue { machine: index, life });
        }
    }

    fn carry_out(&mut self, index: usize, life: u64, output: Output) {
        self.trace(format_args!("machine {index}: {output:?}"));
        match output {
            Output::Start { life: process, .. } => self.prepare(index, life, process),
            Output::Send { life: process, order } => self.order(index, life, process, order),
            Output::Kill { life: process } => self.kill_process(index, life, process),
            Output::TellMaster(tell) => self.tell_master(index, tell),
            Output::RemoveJob { job } => {
                self.machines[index].outputs.retain(|attempt, _| attempt.job != job);
                if let Some(daemon) = self.daemon_mut(index, life) {
                    daemon.jobs_over.insert(job);
                }
                self.count_outputs(index);
            }
            Output::Finish { forget } => {
                self.kill_machine(index, false);
                let machine = &mut self.machines[index];
                if forget {
                    machine.left = true;
                    machine.outputs.clear();
                    machine.replicas.clear();
                }
            }
        }
    }

    pub fn tell_master(&mut self, index: usize, tell: WorkerTell) {
        let Some(daemon) = self.machines[index].daemon.as_mut() else { return };
        match daemon.link.filter(|_| daemon.registered) {
            Some(link) => self.send(link, Way::ToMaster, Message::Worker(tell)),
            None => daemon.missed_reports |= matches!(tell, WorkerTell::Blocks(_)),
        }
    }

    pub fn report(&mut self, index: usize, report: BlockReport) {
        self.tell_master(index, WorkerTell::Blocks(report));
    }

    pub fn report_all(&mut self, index: usize) {
        let machine = &self.machines[index];
        let report = BlockReport::Full { replicas: machine.inventory(), capacity: machine.capacity() };
        self.report(index, report);
    }

    pub fn link_lost_by_machine(&mut self, index: usize, life: u64) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        let link = daemon.link.take();
        daemon.registered = false;
        if let Some(link) = link {
            self.break_link(link);
        }
        self.feed(index, life, Event::Disconnected);
        let pause = self.rng.random_range(10..2_000);
        self.at(pause, Happening::Dial { machine: index, life });
    }

    fn prepare(&mut self, index: usize, life: u64, process: Life) {
        let fails = !self.calm && self.rng.random_bool(0.03);
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        daemon.processes.insert(process, Phase::Preparing);
        let step = if fails { Step::StartFails } else { Step::Spawned };
        let pause = self.rng.random_range(5..60);
        self.at(pause, Happening::Process { machine: index, life, process, step });
    }

    pub fn process_step(&mut self, index: usize, life: u64, process: Life, step: Step) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        let Some(there) = daemon.processes.get_mut(&process) else { return };
        let event = match step {
            Step::Spawned => {
                *there = Phase::Spawned;
                let pause = self.rng.random_range(1..80);
                let next = Happening::Process { machine: index, life, process, step: Step::Hello };
                self.at(pause, next);
                Event::Spawned { life: process }
            }
            Step::StartFails => {
                daemon.processes.remove(&process);
                let fault = StartFault { kind: FaultKind::Worker, message: "no more processes".to_owned() };
                Event::StartFailed { life: process, fault }
            }
            Step::Hello => {
                *there = Phase::Linked;
                Event::Hello { life: process }
            }
            Step::LinkLost => Event::LinkLost { life: process },
            Step::Exited => {
                daemon.processes.remove(&process);
                let exit = Exit {
                    how: "signal SIGKILL".to_owned(),
                    out_of_memory: false,
                    last_lines: String::new(),
                };
                Event::Exited { life: process, exit }
            }
        };
        self.feed(index, life, event);
    }

    fn order(&mut self, index: usize, life: u64, process: Life, order: TaskOrder) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        assert_eq!(
            daemon.processes.get(&process),
            Some(&Phase::Linked),
            "only a process that said hello gets orders"
        );
        match order {
            TaskOrder::Run(launches) => {
                launches.into_iter().for_each(|launch| self.run_task(index, process, launch));
            }
            TaskOrder::Kill { attempts, .. } => {
                let stubborn = !self.calm && self.rng.random_bool(0.1);
                if !stubborn {
                    attempts.iter().for_each(|attempt| self.stop_task(index, life, *attempt));
                }
            }
            TaskOrder::Exit => self.exit_process(index, life, process),
        }
    }

    fn run_task(&mut self, index: usize, process: Life, launch: Launch) {
        let attempt = launch.attempt;
        assert_eq!(
            self.machines[index].daemon.as_ref().and_then(|daemon| daemon.tasks.get(&attempt)),
            None,
            "{attempt} runs once"
        );
        let task = program::Task {
            worker: self.machines[index].id,
            is_core: self.machines[index].role == Role::Core,
            launch,
            seed: self.rng.random(),
            faults: !self.calm,
            truth: Rc::clone(&self.truth),
        };
        let agent =
            self.add_agent_of(Some(attempt.job), Host::Machine(index), move |hand| program::task(hand, task));
        if let Some(daemon) = self.machines[index].daemon.as_mut() {
            daemon.tasks.insert(attempt, (process, agent));
        }
    }

    /// What a task process says last of an attempt.
    pub fn task_ended(&mut self, index: usize, attempt: AttemptId, outcome: Outcome) {
        let life = self.machines[index].life;
        let Some(daemon) = self.machines[index].daemon.as_mut() else { return };
        if let Some((process, agent)) = daemon.tasks.remove(&attempt) {
            self.drop_agent(agent);
            self.feed(index, life, Event::Ended { life: process, attempt, outcome });
        }
    }

    fn stop_task(&mut self, index: usize, life: u64, attempt: AttemptId) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        if let Some((process, agent)) = daemon.tasks.remove(&attempt) {
            self.drop_agent(agent);
            self.feed(index, life, Event::Ended { life: process, attempt, outcome: Outcome::Killed });
        }
    }

    fn exit_process(&mut self, index: usize, life: u64, process: Life) {
        for step in [Step::LinkLost, Step::Exited] {
            self.at(3, Happening::Process { machine: index, life, process, step });
        }
    }

    pub fn kill_process(&mut self, index: usize, life: u64, process: Life) {
        let Some(daemon) = self.daemon_mut(index, life) else { return };
        let Some(there) = daemon.processes.get(&process) else { return };
        if *there == Phase::Preparing {
            daemon.processes.remove(&process);
            let fault = StartFault { kind: FaultKind::Preempted, message: "not needed".to_owned() };
            return self.feed(index, life, Event::StartFailed { life: process, fault });
        }
        let of_process = daemon.tasks.values().filter(|(of, _)| *of == process);
        let tasks: Vec<usize> = of_process.map(|(_, agent)| *agent).collect();
        daemon.tasks.retain(|_, (of, _)| *of != process);
        tasks.into_iter().for_each(|agent| self.drop_agent(agent));
        self.exit_process(index, life, process);
    }

    /// A process of some job there, if there is one.
    pub fn some_process(&self, index: usize) -> Option<(u64, Life)> {
        let machine = &self.machines[index];
        let daemon = machine.daemon.as_ref()?;
        let running = daemon.processes.iter().find(|(_, there)| **there != Phase::Preparing);
        running.map(|(process, _)| (machine.life, *process))
    }

    /// Keeps a shuffle output, unless its job is known to be over.
    pub fn keep(&mut self, index: usize, attempt: AttemptId, kept: Kept) -> bool {
        let full = self.machines[index].full && !kept.in_memory;
        let Some(daemon) = self.machines[index].daemon.as_ref() else { return false };
        if full || daemon.jobs_over.contains(&attempt.job) {
            return false;
        }
        self.machines[index].outputs.insert(attempt, kept);
        self.count_outputs(index);
        true
    }
}
