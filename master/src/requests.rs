//! What services ask of the owner of the scheduler.

use crate::{
    core::event::{Event, Joining, Session, StorageFacts, Ticket},
    effects::Effect,
    limits::{LIST_MAX, WATCH_WAIT_MAX},
    links::ProviderLink,
    owner::Owner,
};
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_jobs::{
    model::{AttemptId, Executable, JobId, JobSpec, PartId, StageId},
    protocol::{
        client::{JobAnswer, JobError, JobReply},
        provider::Offer,
        worker::{RegisterError, Registration},
    },
};
use skep_wire::Peer;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::sync::oneshot;

pub enum Request {
    Event(Event),
    /// What follows from the beats or the end of one connection of a worker; of no account once it has a newer one.
    Judged {
        worker: WorkerId,
        session: Session,
        event: Event,
    },
    Register {
        registration: Box<Registration>,
        peer: Peer,
        reply: oneshot::Sender<Result<Welcome, RegisterError>>,
    },
    Offer {
        offer: Offer,
        peer: Peer,
        reply: oneshot::Sender<Session>,
    },
    Submit {
        spec: Box<JobSpec>,
        reply: Reply,
    },
    Kill {
        job: JobId,
        user: String,
        reply: Reply,
    },
    Resize {
        core: Option<u32>,
        task: Option<u32>,
        plan: bool,
        facts: StorageFacts,
        reply: Reply,
    },
    Watch {
        job: JobId,
        after: u64,
        wait: Duration,
        reply: Reply,
    },
    Ask {
        question: Question,
        reply: Reply,
    },
    LogSources {
        job: JobId,
        task: Option<(StageId, PartId)>,
        reply: oneshot::Sender<Result<LogSources, JobError>>,
    },
    /// What must stay in the cluster's storage.
    Needed {
        reply: oneshot::Sender<Needed>,
    },
}

pub type Reply = oneshot::Sender<JobAnswer>;

/// Answered from what the scheduler knows now.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    List { limit: u32 },
    Tasks { job: JobId, limit: u32 },
    Why { job: JobId },
    Status,
    Owned,
}

/// An accepted registration, storage included.
pub struct Welcome {
    pub worker: WorkerId,
    pub session: Session,
    pub jobs: Vec<JobId>,
}

/// What unfinished jobs and the history need under `/.skep`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// Binaries and shipped files of unfinished jobs.
    pub files: BTreeSet<String>,
    /// Jobs that are remembered, finished or not.
    pub jobs: BTreeSet<JobId>,
}

/// Where a job's logs may be.
pub struct LogSources {
    /// Hosts of these workers, and of those that finished tasks of the job.
    pub hosts: BTreeMap<WorkerId, String>,
    /// Attempts of the task that was asked for.
    pub attempts: Option<BTreeSet<AttemptId>>,
    pub is_over: bool,
}

/// Who waits for an answer of the scheduler.
pub enum Pending {
    Job(Reply),
    Registration {
        registration: Box<Registration>,
        peer: Peer,
        reply: oneshot::Sender<Result<Welcome, RegisterError>>,
    },
}

#[derive(Default)]
pub struct Tickets {
    last: u64,
    pending: BTreeMap<Ticket, Pending>,
}

impl Tickets {
    pub fn add(&mut self, pending: Pending) -> Ticket {
        self.last += 1;
        self.pending.insert(Ticket(self.last), pending);
        Ticket(self.last)
    }

    pub fn take(&mut self, ticket: Ticket) -> Option<Pending> {
        self.pending.remove(&ticket)
    }
}

impl Owner {
    pub(crate) fn take(&mut self, request: Request) {
        match request {
            Request::Event(event) => {
                if let Event::ProviderGone { session } = &event {
                    self.effects.provider_gone(*session);
                }
                self.event(event);
            }
            Request::Judged { worker, session, event } => self.judged(worker, session, event),
            Request::Register { registration, peer, reply } => self.register(registration, peer, reply),
            Request::Offer { offer, peer, reply } => self.offer(offer, peer, reply),
            Request::Submit { spec, reply } => {
                let ticket = self.ticket(Pending::Job(reply));
                self.event(Event::Submit { ticket, spec });
            }
            Request::Kill { job, user, reply } => {
                let ticket = self.ticket(Pending::Job(reply));
                self.event(Event::Kill { ticket, job, user });
            }
            Request::Resize { core, task, plan, facts, reply } => {
                self.event(Event::Storage(facts));
                let ticket = self.ticket(Pending::Job(reply));
                self.event(Event::Resize { ticket, core, task, plan });
            }
            Request::Watch { job, after, wait, reply } => {
                if self.core.job_version(job).is_none() {
                    return self.gate.hold(Effect::Reply(reply, Err(JobError::NoSuchJob(job))));
                }
                self.watchers.add(job, after, wait.min(WATCH_WAIT_MAX), reply);
            }
            Request::Ask { question, reply } => {
                let answer = self.answer(question);
                self.gate.hold(Effect::Reply(reply, answer));
            }
            Request::LogSources { job, task, reply } => drop(reply.send(self.log_sources(job, task))),
            Request::Needed { reply } => drop(reply.send(self.needed())),
        }
    }

    fn judged(&mut self, worker: WorkerId, session: Session, event: Event) {
        if self.core.session_of(worker) != Some(session) {
            return tracing::debug!(?event, "it has registered again, or is gone already");
        }
        match &event {
            Event::Gone { worker, epoch, why } => tracing::warn!(%worker, %epoch, why, "worker gone"),
            Event::Suspect { worker, .. } => tracing::warn!(%worker, "no beat: it gets nothing new"),
            _ => tracing::info!(%worker, "its beats are back"),
        }
        self.event(event);
    }

    fn register(
        &mut self,
        registration: Box<Registration>,
        peer: Peer,
        reply: oneshot::Sender<Result<Welcome, RegisterError>>,
    ) {
        let joining = Box::new(joining(&registration));
        let ticket = self.ticket(Pending::Registration { registration, peer, reply });
        self.event(Event::Join { ticket, joining });
    }

    fn offer(&mut self, offer: Offer, peer: Peer, reply: oneshot::Sender<Session>) {
        let session = self.core.provider_session();
        self.effects.provider = Some(ProviderLink::start(session, peer));
        self.event(Event::ProviderJoined { session, name: offer.name, core: offer.core, task: offer.task });
        let _ = reply.send(session);
    }

    fn answer(&self, question: Question) -> JobAnswer {
        match question {
            Question::List { limit } => Ok(JobReply::Jobs(self.core.list(limit.min(LIST_MAX) as usize))),
            Question::Tasks { job, limit } => self
                .core
                .tasks(job, limit.min(LIST_MAX) as usize)
                .map(JobReply::Tasks)
                .ok_or(JobError::NoSuchJob(job)),
            Question::Owned => Ok(JobReply::Owned(self.core.owned())),
            Question::Why { job } => self.core.why(job).map(JobReply::Why).ok_or(JobError::NoSuchJob(job)),
            Question::Status => Ok(JobReply::Status(Box::new(self.status()))),
        }
    }

    fn log_sources(&self, job: JobId, task: Option<(StageId, PartId)>) -> Result<LogSources, JobError> {
        self.core.job_version(job).ok_or(JobError::NoSuchJob(job))?;
        let attempts = task.map(|(stage, part)| self.core.attempts_of_task(job, stage, part));
        let is_over = !self.core.living_ids().contains(&job);
        let finished = self.core.tasks(job, LIST_MAX as usize).unwrap_or_default();
        let mut hosts: BTreeMap<WorkerId, String> =
            finished.into_iter().map(|task| (task.worker, task.host)).collect();
        hosts.extend(self.core.worker_views().into_iter().map(|view| (view.worker, view.host)));
        Ok(LogSources { hosts, attempts, is_over })
    }

    fn needed(&self) -> Needed {
        let ledger = self.core.ledger();
        let mut files = BTreeSet::new();
        for job in ledger.jobs.values() {
            let program = &job.spec.program;
            files.extend(program.files.iter().map(|file| file.path.clone()));
            if let Executable::Binary { path, .. } = &program.executable {
                files.insert(path.clone());
            }
        }
        Needed { files, jobs: ledger.jobs.keys().chain(ledger.history.jobs.keys()).copied().collect() }
    }

    /// Answers everyone who watches a job that changed, or has waited long enough.
    pub(crate) fn answer_watchers(&mut self, urgent: &BTreeSet<JobId>) {
        let core = &self.core;
        for (job, reply) in self.watchers.due(urgent, |job| core.job_version(job)) {
            let view = core.job_view(job).map(|view| JobReply::Job(Box::new((*view).clone())));
            self.gate.hold(Effect::Reply(reply, view.ok_or(JobError::NoSuchJob(job))));
        }
    }
}

/// The scheduler's part of a registration.
fn joining(registration: &Registration) -> Joining {
    Joining {
        worker: registration.worker,
        epoch: registration.epoch,
        role: registration.role,
        location: location(registration.worker.unwrap_or(WorkerId(0)), registration),
        process: registration.process,
        slots: registration.slots,
        memory_bytes: registration.memory_bytes,
        draining: registration.draining,
        running: registration.running.clone(),
        outcomes: registration.outcomes.clone(),
        outputs: registration.outputs.clone(),
    }
}

pub fn location(worker: WorkerId, registration: &Registration) -> Location {
    Location {
        worker,
        endpoint: registration.endpoint.clone(),
        host: registration.host.clone(),
        socket: Some(registration.socket.clone()),
    }
}
