//! The world: a clock, everything that is going to happen in its order, and who it happens to.

use super::{
    agent::{Agent, Ask, Hand, Told},
    disk::Journal,
    faults::Fault,
    machine::{Machine, Step},
    master::Master,
    net::{Host, LinkId, Message, Net, Opener, Way},
    program,
    trace::Trace,
    truth::Truth,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use skep_hdfs::{
    ClientId, Epoch, WorkerId,
    protocol::{control::BlockCommand, namespace::NamespaceCall},
};
use skep_jobs::{
    model::{AttemptId, JobId, outcome::LossReason},
    protocol::client::Role,
};
use skep_worker::core::{Event, Life};
use std::{cell::RefCell, collections::BTreeMap, future::Future, rc::Rc};

/// Milliseconds since the world began.
pub type Ms = u64;

#[derive(Debug, Clone)]
pub enum Happening {
    Arrive {
        link: LinkId,
        way: Way,
    },
    /// One side learns that its connection is gone.
    AgentLost {
        agent: usize,
        link: LinkId,
    },
    MachineLost {
        machine: usize,
        life: u64,
        link: LinkId,
    },
    MasterLost {
        life: u64,
        opener: Opener,
        worker: Option<(WorkerId, Epoch)>,
    },
    MasterStart,
    MasterDue {
        life: u64,
    },
    Flushed {
        life: u64,
    },
    Liveness {
        life: u64,
    },
    MachineStart {
        machine: usize,
    },
    Dial {
        machine: usize,
        life: u64,
    },
    Beat {
        machine: usize,
        life: u64,
    },
    MachineDue {
        machine: usize,
        life: u64,
    },
    Process {
        machine: usize,
        life: u64,
        process: Life,
        step: Step,
    },
    Block {
        machine: usize,
        life: u64,
        command: BlockCommand,
    },
    /// An agent's question reaches whom it is for, or its time is over.
    Agent {
        agent: usize,
        ask: Option<Ask>,
    },
    AgentDials {
        agent: usize,
    },
    Fault(Fault),
    Mend {
        a: Host,
        b: Host,
    },
    EmptyDisk {
        machine: usize,
    },
    Calm,
}

/// An agent with what it waits for.
pub struct Running {
    agent: Agent,
    /// Of a task: the master serves it while the job lives.
    job: Option<JobId>,
    host: Host,
    client: ClientId,
    calls: u64,
    link: Option<LinkId>,
    /// Asked of the master and not answered.
    waiting: Option<Ask>,
}

pub struct World {
    pub now: Ms,
    pub rng: StdRng,
    pub calm: bool,
    queue: BTreeMap<(Ms, u64), Happening>,
    next: u64,
    pub net: Net,
    pub journal: Journal,
    pub master: Option<Master>,
    pub master_lives: u64,
    pub machines: Vec<Machine>,
    pub agents: BTreeMap<usize, Running>,
    next_agent: usize,
    pub first_targets: (u32, u32),
    pub truth: Rc<RefCell<Truth>>,
    pub trace: Trace,
}

impl World {
    pub fn new(seed: u64, trace: Trace) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let specs = super::jobs::random(&mut rng);
        let (core, task) = (rng.random_range(2..5), rng.random_range(0..3));
        let truth = Rc::new(RefCell::new(Truth::new(&specs)));
        let mut world = World {
            now: 0,
            calm: false,
            queue: BTreeMap::new(),
            next: 0,
            net: Net::default(),
            journal: Journal::default(),
            master: None,
            master_lives: 0,
            machines: Vec::new(),
            agents: BTreeMap::new(),
            next_agent: 0,
            first_targets: (core, task),
            truth: Rc::clone(&truth),
            trace,
            rng,
        };
        world.at(0, Happening::MasterStart);
        for index in 0..core + task {
            let role = if index < core { Role::Core } else { Role::Task };
            let machine = world.add_machine(role);
            let pause = world.rng.random_range(0..500);
            world.at(pause, Happening::MachineStart { machine });
        }
        let seed = world.rng.random();
        let known = Rc::clone(&truth);
        world.add_agent(Host::Client(0), move |hand| program::submitter(hand, specs, seed, known));
        for index in 1..world.rng.random_range(2..4) {
            let (seed, truth) = (world.rng.random(), Rc::clone(&truth));
            let rounds = world.rng.random_range(2..12);
            world.add_agent(Host::Client(index), move |hand| {
                program::client(hand, index, seed, rounds, truth)
            });
        }
        world
    }

    pub fn trace(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, what);
    }

    pub fn at(&mut self, pause: Ms, happening: Happening) {
        self.next += 1;
        self.queue.insert((self.now + pause, self.next), happening);
    }

    pub fn add_machine(&mut self, role: Role) -> usize {
        self.machines.push(Machine::new(self.machines.len(), role));
        self.machines.len() - 1
    }

    pub fn add_agent<F: Future<Output = ()> + 'static>(
        &mut self,
        host: Host,
        code: impl FnOnce(Hand) -> F,
    ) -> usize {
        self.add_agent_of(None, host, code)
    }

    pub fn add_agent_of<F: Future<Output = ()> + 'static>(
        &mut self,
        job: Option<JobId>,
        host: Host,
        code: impl FnOnce(Hand) -> F,
    ) -> usize {
        let id = self.next_agent;
        self.next_agent += 1;
        let agent = Agent::new(code);
        let client = ClientId(1 + id as u64);
        self.agents.insert(id, Running { agent, job, host, client, calls: 0, link: None, waiting: None });
        self.at(0, Happening::Agent { agent: id, ask: None });
        id
    }

    pub fn drop_agent(&mut self, id: usize) {
        if let Some(link) = self.agents.remove(&id).and_then(|running| running.link) {
            self.break_link(link);
        }
    }

    /// Lets the next thing happen; returns whether there was one before `until`.
    pub fn step(&mut self, until: Ms) -> bool {
        let Some((&(at, id), _)) = self.queue.first_key_value() else { return false };
        if at >= until {
            self.now = until;
            return false;
        }
        self.now = at;
        let Some(happening) = self.queue.remove(&(at, id)) else { return false };
        self.trace(format_args!("{happening:?}"));
        if let Some(stalled) = self.stalled_until(&happening) {
            self.at(stalled - at, happening);
        } else {
            self.happen(happening);
        }
        true
    }

    /// What happens to a machine that stands still waits.
    fn stalled_until(&self, happening: &Happening) -> Option<Ms> {
        let machine = match happening {
            Happening::Dial { machine, .. }
            | Happening::Beat { machine, .. }
            | Happening::MachineDue { machine, .. }
            | Happening::MachineLost { machine, .. }
            | Happening::Process { machine, .. }
            | Happening::Block { machine, .. } => *machine,
            Happening::Agent { agent, .. } => match self.agents.get(agent)?.host {
                Host::Machine(machine) => machine,
                _ => return None,
            },
            Happening::Arrive { link, way: Way::FromMaster } => match self.net.get(*link)?.host {
                Host::Machine(machine) => machine,
                _ => return None,
            },
            _ => return None,
        };
        let until = self.machines[machine].stalled_until;
        (until > self.now).then_some(until)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { link, way } => self.arrive(link, way),
            Happening::AgentLost { agent, link } => self.agent_lost(agent, link),
            Happening::MachineLost { machine, life, link } => {
                if self.daemon_mut(machine, life).is_some_and(|daemon| daemon.link == Some(link)) {
                    self.link_lost_by_machine(machine, life);
                }
            }
            Happening::MasterLost { life, opener, worker } => {
                if self.master.as_ref().is_some_and(|master| master.life == life) {
                    self.forget_opener(opener, worker);
                }
            }
            Happening::MasterStart => self.start_master(),
            Happening::MasterDue { life } => self.master_due(life),
            Happening::Flushed { life } => self.flushed(life),
            Happening::Liveness { life } => self.look_for_silence(life),
            Happening::MachineStart { machine } => self.start_machine(machine),
            Happening::Dial { machine, life } => self.dial(machine, life),
            Happening::Beat { machine, life } => {
                if self.daemon_mut(machine, life).is_some() {
                    self.beat(machine);
                    self.at(500, Happening::Beat { machine, life });
                }
            }
            Happening::MachineDue { machine, life } => self.feed(machine, life, Event::Tick),
            Happening::Process { machine, life, process, step } => {
                self.process_step(machine, life, process, step);
            }
            Happening::Block { machine, life, command } => {
                if self.daemon_mut(machine, life).is_some() {
                    self.work_on_block(machine, command);
                }
            }
            Happening::Agent { agent, ask } => self.agent_turn(agent, ask),
            Happening::AgentDials { agent } => self.agent_dials(agent),
            Happening::Fault(fault) => self.suffer(&fault),
            Happening::Mend { a, b } => self.net.mend(a, b),
            Happening::EmptyDisk { machine } => self.machines[machine].full = false,
            Happening::Calm => self.calm_down(),
        }
    }

    /// A message takes its time; now and then a long one.
    pub fn send(&mut self, link: LinkId, way: Way, message: Message) {
        let slow = !self.calm && self.rng.random_bool(0.01);
        let delay = if slow { self.rng.random_range(0..1_500) } else { self.rng.random_range(0..4) };
        if let Some(at) = self.net.send(link, way, message, self.now + delay) {
            self.at(at - self.now, Happening::Arrive { link, way });
        }
    }

    fn arrive(&mut self, link: LinkId, way: Way) {
        let Some(found) = self.net.get(link) else { return };
        let (host, opener) = (found.host, found.opener);
        if !self.net.reaches(host, Host::Master) {
            // Sent again and again, until one side gives up.
            let since = self.net.hold(link, way, self.now).unwrap_or(self.now);
            return if self.now - since > 8_000 {
                self.break_link(link);
            } else {
                self.at(100, Happening::Arrive { link, way });
            };
        }
        let Some(message) = self.net.take(link, way) else { return };
        let twice = !self.calm
            && matches!(message, Message::Master(_) | Message::Worker(_))
            && self.rng.random_bool(0.01);
        if twice {
            self.hand_over(link, way, opener, message.clone());
        }
        self.hand_over(link, way, opener, message);
    }

    fn hand_over(&mut self, link: LinkId, way: Way, opener: Opener, message: Message) {
        match (way, opener) {
            (Way::ToMaster, _) => self.master_hears(link, message),
            (Way::FromMaster, Opener::Worker { machine, life }) => self.machine_hears(machine, life, message),
            (Way::FromMaster, Opener::Agent(agent)) => self.agent_hears(agent, message),
        }
    }

    /// Both sides hear of it, each in its own time.
    pub fn break_link(&mut self, id: LinkId) {
        let Some(link) = self.net.close(id) else { return };
        let pause = self.rng.random_range(1..200);
        let event = match link.opener {
            Opener::Worker { machine, life } => Happening::MachineLost { machine, life, link: id },
            Opener::Agent(agent) => Happening::AgentLost { agent, link: id },
        };
        self.at(pause, event);
        let pause = self.rng.random_range(1..200);
        let (life, opener, worker) = (link.master_life, link.opener, link.worker);
        self.at(pause, Happening::MasterLost { life, opener, worker });
    }

    /// The opener is gone without a word.
    pub fn forget_link_end(&mut self, id: LinkId) {
        self.net.close(id);
    }

    fn agent_turn(&mut self, id: usize, ask: Option<Ask>) {
        let Some(host) = self.agents.get(&id).map(|running| running.host) else { return };
        let told = match ask {
            None => None,
            Some(Ask::Block(worker, ask)) => Some(Told::Block(self.block_ask(host, worker, ask))),
            Some(Ask::Fetch(holder, producer)) => Some(Told::Fetched(self.fetch(host, holder, producer))),
            Some(Ask::Deliver(to, attempt, kept)) => {
                let kept = super::machine::Kept { since: self.now, ..kept };
                let to = self.reachable(host, to);
                Some(Told::Delivered(to.is_some_and(|to| self.keep(to, attempt, kept))))
            }
            Some(Ask::Sleep(_)) => Some(Told::Nothing),
            Some(other) => unreachable!("{other:?} is answered by the master"),
        };
        self.run_agent(id, told);
    }

    fn fetch(
        &mut self,
        host: Host,
        holder: WorkerId,
        producer: AttemptId,
    ) -> Result<super::machine::Kept, LossReason> {
        let index = self.reachable(host, holder).ok_or(LossReason::Unreachable)?;
        let kept = self.machines[index].outputs.get(&producer).cloned().ok_or(LossReason::NotThere)?;
        if kept.corrupt {
            self.machines[index].outputs.remove(&producer);
            self.count_outputs(index);
            let lost = skep_jobs::protocol::worker::WorkerTell::OutputsLost(vec![producer]);
            self.tell_master(index, lost);
            return Err(LossReason::Corrupt);
        }
        Ok(kept)
    }

    fn run_agent(&mut self, id: usize, told: Option<Told>) {
        let Some(running) = self.agents.get_mut(&id) else { return };
        let Some(ask) = running.agent.run(told) else { return self.drop_agent(id) };
        let host = running.host;
        match ask {
            Ask::Sleep(time) => self.at(time, Happening::Agent { agent: id, ask: Some(Ask::Sleep(time)) }),
            Ask::Namespace(_) | Ask::Submit(_) => {
                running.calls += 1;
                running.waiting = Some(ask);
                self.ask_master(id);
            }
            Ask::End(attempt, outcome) => {
                if let Host::Machine(machine) = host {
                    self.task_ended(machine, attempt, outcome);
                }
            }
            direct @ (Ask::Block(..) | Ask::Fetch(..) | Ask::Deliver(..)) => {
                let pause = self.rng.random_range(0..30);
                self.at(pause, Happening::Agent { agent: id, ask: Some(direct) });
            }
        }
    }

    /// Sends what the agent waits for, if it has a connection; makes one otherwise.
    fn ask_master(&mut self, id: usize) {
        let Some(running) = self.agents.get(&id) else { return };
        let Some(link) = running.link else { return self.at(1, Happening::AgentDials { agent: id }) };
        let message = match &running.waiting {
            Some(Ask::Namespace(operation)) => Message::Call(NamespaceCall {
                client: running.client,
                call: running.calls,
                user: "somebody".to_owned(),
                worker: match running.host {
                    Host::Machine(machine) => self.machines[machine].id,
                    _ => None,
                },
                operation: (**operation).clone(),
            }),
            Some(Ask::Submit(spec)) => Message::Submit(spec.clone()),
            _ => return,
        };
        self.send(link, Way::ToMaster, message);
    }

    fn agent_dials(&mut self, id: usize) {
        let Some(running) = self.agents.get(&id).filter(|running| running.link.is_none()) else { return };
        let host = running.host;
        let master = self.master.as_ref().filter(|_| self.net.reaches(host, Host::Master));
        let master = master.filter(|master| master.admits(running.job));
        let Some(life) = master.map(|master| master.life) else {
            let pause = self.rng.random_range(20..1_000);
            return self.at(pause, Happening::AgentDials { agent: id });
        };
        let link = self.net.open(Opener::Agent(id), host, life);
        if let Some(running) = self.agents.get_mut(&id) {
            running.link = Some(link);
        }
        self.ask_master(id);
    }

    /// A job's connections end with it.
    pub fn is_admitted(&self, link: LinkId) -> bool {
        let Some(Opener::Agent(agent)) = self.net.get(link).map(|link| link.opener) else { return true };
        let job = self.agents.get(&agent).and_then(|running| running.job);
        self.master.as_ref().is_some_and(|master| master.admits(job))
    }

    fn agent_lost(&mut self, id: usize, link: LinkId) {
        let Some(running) = self.agents.get_mut(&id).filter(|running| running.link == Some(link)) else {
            return;
        };
        running.link = None;
        if running.waiting.is_some() {
            let pause = self.rng.random_range(1..500);
            self.at(pause, Happening::AgentDials { agent: id });
        }
    }

    fn agent_hears(&mut self, id: usize, message: Message) {
        let Some(running) = self.agents.get_mut(&id) else { return };
        let told = match (message, &running.waiting) {
            (Message::Answer { call, answer }, Some(Ask::Namespace(_))) if call == running.calls => {
                Told::Namespace(answer)
            }
            (Message::Submitted(answer), Some(Ask::Submit(_))) => Told::Submitted(answer),
            _ => return,
        };
        running.waiting = None;
        self.run_agent(id, Some(told));
    }
}
