//! The master of the model world: the real cores of namespace and scheduler behind one model journal. Nothing leaves before
//! what it follows from is on the disk.

use super::{
    net::{Host, LinkId, Message, Opener, Way},
    world::{Happening, Ms, World},
};
use rand::Rng;
use skep_hdfs::{
    Epoch, WorkerId,
    core::{self as namespace, durable::Durable},
    protocol::{
        control::{Capacity, Replica},
        namespace::Location,
    },
};
use skep_jobs::{
    model::JobId,
    protocol::{
        client::Role,
        provider::ProviderOrder,
        worker::{JobHeader, MasterTell, WorkerTell},
    },
};
use skep_master::{
    core::{
        self as scheduler,
        event::{Event, Output, Session, StorageFacts, StoredThere, Tell, Ticket},
        ledger::Ledger,
    },
    limits,
};
use skep_wire::JobToken;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Milliseconds since 1970 at the beginning of the world.
const BEGIN: u64 = 1_700_000_000_000;
/// How many machines the model provider has.
pub const MACHINES_MAX: usize = 9;

pub struct Master {
    pub life: u64,
    pub scheduler: scheduler::Core,
    pub namespace: namespace::Core,
    /// What waits until the log is on the disk up to a position.
    held: VecDeque<(usize, Held)>,
    flushing: bool,
    due: Option<Ms>,
    heard: BTreeMap<WorkerId, Heard>,
    sessions: BTreeMap<WorkerId, (Session, LinkId)>,
    joins: BTreeMap<Ticket, Joining>,
    calls: BTreeMap<namespace::event::Ticket, (LinkId, u64)>,
    submits: BTreeMap<Ticket, LinkId>,
    provider: Session,
    facts: StorageFacts,
    last_ticket: u64,
}

impl Master {
    /// A client always, a task while its job lives.
    pub fn admits(&self, job: Option<JobId>) -> bool {
        job.is_none_or(|job| self.scheduler.living_ids().contains(&job))
    }
}

enum Held {
    Scheduler(Output),
    Namespace(namespace::event::Output),
}

struct Heard {
    epoch: Epoch,
    at: Ms,
    suspect: bool,
}

struct Joining {
    link: LinkId,
    epoch: Epoch,
    role: Role,
    location: Location,
    capacity: Capacity,
    replicas: Vec<Replica>,
}

fn ms(time: Duration) -> Ms {
    time.as_millis() as Ms
}

impl World {
    fn scheduler_tick(&self) -> scheduler::event::Tick {
        scheduler::event::Tick(BEGIN + self.now)
    }

    fn namespace_tick(&self) -> namespace::event::Tick {
        namespace::event::Tick(BEGIN + self.now)
    }

    pub fn start_master(&mut self) {
        if self.master.is_some() {
            return;
        }
        self.master_lives += 1;
        let life = self.master_lives;
        let (snapshot, log) = self.journal.read_namespace();
        let namespace = namespace::Core::restore(snapshot, log, self.namespace_tick());
        let (snapshot, log) = self.journal.read_scheduler();
        let scheduler = scheduler::Core::restore(self.scheduler_tick(), snapshot, log);
        self.master = Some(Master {
            life,
            scheduler,
            namespace,
            held: VecDeque::new(),
            flushing: false,
            due: None,
            heard: BTreeMap::new(),
            sessions: BTreeMap::new(),
            joins: BTreeMap::new(),
            calls: BTreeMap::new(),
            submits: BTreeMap::new(),
            provider: Session(life),
            facts: StorageFacts::default(),
            last_ticket: 0,
        });
        self.drain_namespace();
        self.drain_scheduler();
        let (core, task) = self.first_targets;
        let session = Session(life);
        self.schedule(Event::ProviderJoined { session, name: "the model".to_owned(), core, task });
        self.at(250, Happening::Liveness { life });
    }

    pub fn kill_master(&mut self) {
        if self.master.take().is_some() {
            self.journal.crash(&mut self.rng);
            for link in self.net.of(|_| true) {
                self.break_link(link);
            }
        }
    }

    pub fn schedule(&mut self, event: Event) {
        let now = self.scheduler_tick();
        if self.master.is_none() {
            return;
        }
        self.trace(format_args!("scheduler < {event:?}"));
        if let Some(master) = self.master.as_mut() {
            master.scheduler.on(now, event);
        }
        self.drain_scheduler();
    }

    pub fn name(&mut self, event: namespace::event::Event) {
        let now = self.namespace_tick();
        if self.master.is_none() {
            return;
        }
        self.trace(format_args!("namespace < {event:?}"));
        if let Some(master) = self.master.as_mut() {
            master.namespace.on(now, event);
        }
        self.drain_namespace();
    }

    fn drain_scheduler(&mut self) {
        let Some(master) = self.master.as_mut() else { return };
        let (mut records, mut rest) = (Vec::new(), Vec::new());
        while let Some(output) = master.scheduler.poll() {
            match output {
                Output::Persist(record) => records.push(record),
                other => rest.push(other),
            }
        }
        master.scheduler.check();
        if !records.is_empty() {
            self.journal.append_scheduler(&records);
        }
        let until = self.journal.appended();
        master.held.extend(rest.into_iter().map(|output| (until, Held::Scheduler(output))));
        self.settle();
    }

    fn drain_namespace(&mut self) {
        let Some(master) = self.master.as_mut() else { return };
        let (mut records, mut rest) = (Vec::new(), Vec::new());
        while let Some(output) = master.namespace.poll() {
            match output {
                namespace::event::Output::Persist(record) => records.push(record),
                other => rest.push(other),
            }
        }
        master.namespace.check();
        if !records.is_empty() {
            self.journal.append_namespace(&records);
        }
        let until = self.journal.appended();
        master.held.extend(rest.into_iter().map(|output| (until, Held::Namespace(output))));
        self.settle();
    }

    /// Plans the flush that is wanted and the wake-up at the next deadline, and lets out what may leave.
    fn settle(&mut self) {
        let Some(master) = self.master.as_mut() else { return };
        let life = master.life;
        if self.journal.durable() < self.journal.appended() {
            if !std::mem::replace(&mut master.flushing, true) {
                let pause = self.rng.random_range(0..20);
                self.at(pause, Happening::Flushed { life });
            }
        } else if !master.held.is_empty() && !std::mem::replace(&mut master.flushing, true) {
            self.at(0, Happening::Flushed { life });
        }
        self.plan_master(life);
    }

    fn plan_master(&mut self, life: u64) {
        let now = self.now;
        let Some(master) = self.master.as_mut() else { return };
        let scheduler = master.scheduler.deadline().map(|tick| tick.0);
        let namespace = master.namespace.deadline().map(|tick| tick.0);
        let Some(next) = scheduler.into_iter().chain(namespace).min() else { return };
        let at = next.saturating_sub(BEGIN).max(now + 1);
        if master.due.is_none_or(|due| due > at || due <= now) {
            master.due = Some(at);
            self.at(at - now, Happening::MasterDue { life });
        }
    }

    pub fn master_due(&mut self, life: u64) {
        if self.master.as_ref().is_none_or(|master| master.life != life) {
            return;
        }
        let (scheduler, namespace) = (self.scheduler_tick(), self.namespace_tick());
        let Some(master) = self.master.as_mut() else { return };
        if master.scheduler.deadline().is_some_and(|deadline| deadline <= scheduler) {
            master.scheduler.on(scheduler, Event::Tick);
            self.drain_scheduler();
        }
        let Some(master) = self.master.as_mut() else { return };
        if master.namespace.deadline().is_some_and(|deadline| deadline <= namespace) {
            master.namespace.on(namespace, namespace::event::Event::Tick);
            self.drain_namespace();
        }
        self.plan_master(life);
    }

    pub fn flushed(&mut self, life: u64) {
        let Some(master) = self.master.as_mut().filter(|master| master.life == life) else { return };
        master.flushing = false;
        self.journal.flush();
        while let Some(master) = self.master.as_mut() {
            let durable = self.journal.durable();
            if master.held.front().is_none_or(|(until, _)| *until > durable) {
                break;
            }
            match master.held.pop_front() {
                Some((_, Held::Scheduler(output))) => self.perform(output),
                Some((_, Held::Namespace(output))) => self.perform_for_namespace(output),
                None => {}
            }
        }
        let quiet = self.journal.durable() == self.journal.appended();
        if quiet && self.rng.random_bool(0.01) {
            self.compare_with_log();
            let Some(master) = self.master.as_ref() else { return };
            self.journal.snapshot(master.namespace.durable(), master.scheduler.ledger());
        }
        self.settle();
    }

    /// What the log says is what the cores believe.
    pub fn compare_with_log(&self) {
        let Some(master) = self.master.as_ref() else { return };
        let (snapshot, log) = self.journal.read_namespace();
        let mut durable: Durable = snapshot.unwrap_or_default();
        log.iter().for_each(|record| durable.replay(record));
        assert!(durable == *master.namespace.durable(), "the log does not say what the namespace believes");
        let (snapshot, log) = self.journal.read_scheduler();
        let ledger = Ledger::replay(snapshot, log);
        assert!(ledger == *master.scheduler.ledger(), "the log does not say what the scheduler believes");
    }

    fn perform(&mut self, output: Output) {
        self.trace(format_args!("scheduler > {output:?}"));
        match output {
            Output::Tell { worker, session, tell } => self.tell_worker(worker, session, tell),
            Output::Submitted { ticket, answer } => {
                let link = self.master.as_mut().and_then(|master| master.submits.remove(&ticket));
                if let Some(link) = link {
                    self.send(link, Way::FromMaster, Message::Submitted(answer));
                }
            }
            Output::Joined { ticket, answer } => {
                let joining = self.master.as_mut().and_then(|master| master.joins.remove(&ticket));
                let Some(joining) = joining else { return };
                let answer = answer.map(|joined| {
                    self.joined(&joining, joined.worker, joined.session);
                    (joined.worker, joined.jobs)
                });
                self.send(joining.link, Way::FromMaster, Message::Registered(answer));
            }
            Output::Gone { worker, epoch } => self.let_go(worker, epoch),
            Output::StorageDrain { worker, draining } => {
                self.name(namespace::event::Event::Draining { worker, draining });
            }
            Output::Provider { session, order } => {
                if self.master.as_ref().is_some_and(|master| master.provider == session) {
                    self.provide(order);
                }
            }
            Output::Persist(_)
            | Output::Answered { .. }
            | Output::Resized { .. }
            | Output::Changed { .. } => {}
        }
    }

    fn joined(&mut self, joining: &Joining, worker: WorkerId, session: Session) {
        let now = self.now;
        let Some(master) = self.master.as_mut() else { return };
        let Joining { link, epoch, capacity, .. } = *joining;
        if self.net.get(link).is_none() {
            // It broke meanwhile; what is sent goes nowhere, and silence tells.
            master.heard.insert(worker, Heard { epoch, at: now, suspect: false });
        }
        master.heard.insert(worker, Heard { epoch, at: now, suspect: false });
        let before = master.sessions.insert(worker, (session, link));
        if let Some(entry) = self.net.get_mut(link) {
            entry.worker = Some((worker, epoch));
        }
        if let Some((_, before)) = before.filter(|(_, before)| *before != link) {
            self.break_link(before);
        }
        if joining.role == Role::Core {
            let location = Location { worker, ..joining.location.clone() };
            let replicas = joining.replicas.clone();
            self.name(namespace::event::Event::Joined {
                location,
                epoch,
                capacity,
                draining: false,
                replicas,
            });
        }
    }

    fn tell_worker(&mut self, worker: WorkerId, session: Session, tell: Tell) {
        let Some(master) = self.master.as_ref() else { return };
        let Some((_, link)) = master.sessions.get(&worker).filter(|(now, _)| *now == session) else { return };
        let link = *link;
        let tell = match tell {
            Tell::Job(header) => MasterTell::Job(Box::new(JobHeader {
                job: header.job,
                name: header.spec.name.clone(),
                user: header.spec.user.clone(),
                program: header.spec.program.clone(),
                conf: header.spec.conf.clone(),
                token: JobToken::from_hex(&"ab".repeat(32)).unwrap(),
                memory_bytes: header.memory_bytes,
            })),
            Tell::Launch(launch) => MasterTell::Launch(vec![*launch]),
            Tell::Kill { attempts, reason } => MasterTell::Kill { attempts, reason },
            Tell::Noted(attempts) => MasterTell::Noted(attempts),
            Tell::DropOutputs(outputs) => MasterTell::DropOutputs(outputs),
            Tell::JobOver(job) => MasterTell::JobOver(job),
            Tell::Drain(on) => MasterTell::Drain(on),
            Tell::Leave { forget } => MasterTell::Leave { forget },
        };
        self.send(link, Way::FromMaster, Message::Master(tell));
    }

    fn perform_for_namespace(&mut self, output: namespace::event::Output) {
        self.trace(format_args!("namespace > {output:?}"));
        let Some(master) = self.master.as_mut() else { return };
        match output {
            namespace::event::Output::Answer { ticket, answer } => {
                if let Some((link, call)) = master.calls.remove(&ticket) {
                    self.send(link, Way::FromMaster, Message::Answer { call, answer });
                }
            }
            namespace::event::Output::Command { worker, command } => {
                if let Some((_, link)) = master.sessions.get(&worker) {
                    let link = *link;
                    self.send(link, Way::FromMaster, Message::Master(MasterTell::Blocks(command)));
                }
            }
            namespace::event::Output::Persist(_) => {}
        }
    }

    fn provide(&mut self, order: ProviderOrder) {
        match order {
            ProviderOrder::Start { role, count } => {
                for _ in 0..count {
                    if self.machines.len() >= MACHINES_MAX {
                        let reason = "the model has no more machines".to_owned();
                        self.schedule(Event::StartFailed { role, reason });
                        return;
                    }
                    let machine = self.add_machine(role);
                    let pause = self.rng.random_range(100..1_500);
                    self.at(pause, Happening::MachineStart { machine });
                }
            }
            ProviderOrder::Release { worker, .. } => {
                self.trace(format_args!("{worker} is released"));
            }
            ProviderOrder::Target { .. } => {}
        }
    }

    pub fn master_hears(&mut self, link: LinkId, message: Message) {
        if !self.is_admitted(link) {
            return self.break_link(link);
        }
        let Some(master) = self.master.as_mut() else { return };
        match message {
            Message::Register { joining, capacity, replicas } => {
                master.last_ticket += 1;
                let ticket = Ticket(master.last_ticket);
                let waiting = Joining {
                    link,
                    epoch: joining.epoch,
                    role: joining.role,
                    location: joining.location.clone(),
                    capacity,
                    replicas,
                };
                master.joins.insert(ticket, waiting);
                self.schedule(Event::Join { ticket, joining });
            }
            Message::Worker(tell) => self.worker_tells(link, tell),
            Message::Call(call) => {
                master.last_ticket += 1;
                let ticket = namespace::event::Ticket(master.last_ticket);
                master.calls.insert(ticket, (link, call.call));
                self.name(namespace::event::Event::Call { ticket, call });
            }
            Message::Submit(spec) => {
                master.last_ticket += 1;
                let ticket = Ticket(master.last_ticket);
                master.submits.insert(ticket, link);
                self.schedule(Event::Submit { ticket, spec });
            }
            other => unreachable!("{other:?} is not for the master"),
        }
    }

    fn worker_tells(&mut self, link: LinkId, tell: WorkerTell) {
        let Some((worker, epoch)) = self.net.get(link).and_then(|link| link.worker) else { return };
        match tell {
            WorkerTell::Outcomes(outcomes) => self.schedule(Event::Outcomes { worker, epoch, outcomes }),
            WorkerTell::Progress(progress) => self.schedule(Event::Progress { worker, epoch, progress }),
            WorkerTell::OutputsLost(outputs) => self.schedule(Event::OutputsLost { worker, epoch, outputs }),
            WorkerTell::Blocks(report) => {
                self.name(namespace::event::Event::Report { worker, epoch, report });
            }
            WorkerTell::Leaving { within_ms } => {
                let within = Duration::from_millis(within_ms);
                self.schedule(Event::Leaving { worker, epoch, within });
            }
            WorkerTell::Empty => {}
        }
    }

    /// A machine's sign of life.
    pub fn beat(&mut self, index: usize) {
        let machine = &self.machines[index];
        let (Some(worker), epoch) = (machine.id, Epoch(machine.epoch)) else { return };
        let (capacity, is_core) = (machine.capacity(), machine.role == Role::Core);
        if !self.net.reaches(Host::Machine(index), Host::Master) {
            return;
        }
        let now = self.now;
        let Some(master) = self.master.as_mut() else { return };
        let Some(heard) = master.heard.get_mut(&worker).filter(|heard| heard.epoch == epoch) else { return };
        heard.at = now;
        if std::mem::take(&mut heard.suspect) {
            self.schedule(Event::Alive { worker, epoch });
        }
        if is_core {
            self.name(namespace::event::Event::Capacity { worker, epoch, capacity });
        }
    }

    pub fn look_for_silence(&mut self, life: u64) {
        let now = self.now;
        let Some(master) = self.master.as_mut().filter(|master| master.life == life) else { return };
        let (mut suspects, mut gone) = (Vec::new(), Vec::new());
        for (worker, heard) in &mut master.heard {
            let silent = now - heard.at;
            if silent >= ms(limits::GONE_AFTER) {
                gone.push((*worker, heard.epoch));
            } else if silent >= ms(limits::SUSPECT_AFTER) && !heard.suspect {
                heard.suspect = true;
                suspects.push((*worker, heard.epoch));
            }
        }
        for (worker, epoch) in suspects {
            self.schedule(Event::Suspect { worker, epoch });
        }
        for (worker, epoch) in gone {
            self.gone(worker, epoch);
        }
        self.report_storage();
        self.at(250, Happening::Liveness { life });
    }

    /// The one way for a worker to be gone, whatever told it.
    fn gone(&mut self, worker: WorkerId, epoch: Epoch) {
        let Some(master) = self.master.as_mut() else { return };
        if master.heard.get(&worker).is_none_or(|heard| heard.epoch != epoch) {
            return;
        }
        // What is judged is the connection that was heard: it says nothing about a newer one.
        if master.scheduler.session_of(worker) != master.sessions.get(&worker).map(|(session, _)| *session) {
            return;
        }
        master.heard.remove(&worker);
        self.schedule(Event::Gone { worker, epoch, why: "silence".to_owned() });
    }

    /// The scheduler has let the worker go, and the log says so.
    fn let_go(&mut self, worker: WorkerId, epoch: Epoch) {
        let Some(master) = self.master.as_mut() else { return };
        if master.heard.get(&worker).is_some_and(|heard| heard.epoch <= epoch) {
            master.heard.remove(&worker);
        }
        // If it lives after all, it finds its connection closed and registers again.
        if let Some((_, link)) = master.sessions.remove(&worker) {
            self.break_link(link);
        }
        self.name(namespace::event::Event::Gone { worker, epoch });
    }

    /// The master's end of a worker's connection closed: if nobody listens there any more, the worker is gone.
    pub fn connection_lost(&mut self, worker: WorkerId, epoch: Epoch) {
        let Some(index) = self.machine_of(worker) else { return };
        let same = self.machines[index].epoch == epoch.0;
        let listens = self.machines[index].daemon.is_some() && same;
        if !listens && self.net.reaches(Host::Machine(index), Host::Master) {
            self.gone(worker, epoch);
        }
    }

    /// Tells the scheduler what the namespace knows.
    fn report_storage(&mut self) {
        let Some(master) = self.master.as_mut() else { return };
        let view = master.namespace.view();
        let there = |storage: &skep_hdfs::namespace::WorkerStorage| StoredThere {
            draining: storage.draining,
            blocks: storage.blocks,
            bytes_to_move: storage.bytes_to_move,
            open_files: storage.open_files,
        };
        let workers = view.workers.iter().map(|(worker, storage)| (*worker, there(storage))).collect();
        let facts = StorageFacts { workers, safe_core_min: 2 };
        if master.facts != facts {
            master.facts = facts.clone();
            self.schedule(Event::Storage(facts));
        }
    }

    /// The master hears that an agent's connection is closed: its answers go nowhere.
    pub fn forget_opener(&mut self, opener: Opener, worker: Option<(WorkerId, Epoch)>) {
        if let (Opener::Worker { .. }, Some((worker, epoch))) = (opener, worker) {
            self.connection_lost(worker, epoch);
        }
    }
}
