//! Doing what the scheduler decided, once it is durable: messages to workers and the provider, answers, words to the
//! namespace.

use crate::{
    core::event::{Header, Joined, Output, Session, Tell},
    limits::LAUNCH_MESSAGE_BYTES,
    links::{Links, ProviderLink},
    liveness::Liveness,
    requests::{Pending, Reply, Welcome},
    storage::StorageOrder,
};
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::JobId,
    protocol::{
        client::{JobAnswer, JobReply},
        worker::{JobHeader, Launch, LaunchInput, MasterTell, RegisterError, Registration},
    },
};
use skep_wire::{Endpoint, Peer, Secret};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{mpsc, oneshot, watch};

/// What waits for the journal.
pub enum Effect {
    Output(Output),
    /// An answer of the scheduler, and who waits for it.
    Answer(Pending, Output),
    /// An answer made from a view.
    Reply(Reply, JobAnswer),
}

pub struct Effects {
    pub links: Links,
    pub liveness: Liveness,
    pub secret: Secret,
    pub endpoint: Endpoint,
    pub storage: mpsc::Sender<StorageOrder>,
    /// Jobs whose tokens are good.
    pub living: watch::Sender<BTreeSet<JobId>>,
    pub provider: Option<ProviderLink>,
    /// Gathered per worker, so that one message holds many launches.
    pub outbox: BTreeMap<(WorkerId, Session), Batch>,
}

/// Messages for one worker.
#[derive(Default)]
pub struct Batch {
    noted: Vec<skep_jobs::AttemptId>,
    tells: Vec<MasterTell>,
    launch_bytes: usize,
}

impl Effects {
    pub async fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(reply, answer) => drop(reply.send(answer)),
            Effect::Answer(Pending::Job(reply), output) => {
                if let Some(answer) = job_answer(output) {
                    let _ = reply.send(answer);
                }
            }
            Effect::Answer(Pending::Registration { registration, peer, reply }, output) => {
                if let Output::Joined { answer, .. } = output {
                    self.joined(answer, registration, peer, reply).await;
                }
            }
            Effect::Output(output) => self.output(output).await,
        }
    }

    async fn output(&mut self, output: Output) {
        match output {
            Output::Tell { worker, session, tell } => {
                self.outbox.entry((worker, session)).or_default().add(tell, &self.secret);
            }
            Output::Gone { worker, epoch } => {
                self.flush();
                self.links.close(worker);
                self.liveness.forget(worker, epoch);
                let _ = self.storage.send(StorageOrder::Gone { worker, epoch }).await;
            }
            Output::StorageDrain { worker, draining } => {
                let _ = self.storage.send(StorageOrder::Drain { worker, draining }).await;
            }
            Output::Provider { session, order } => {
                match self.provider.as_ref().filter(|provider| provider.session == session) {
                    Some(provider) => provider.order(order),
                    None => tracing::debug!(?order, "the provider for which this was is gone"),
                }
            }
            // Records were appended, changes looked at, and answers paired before.
            Output::Persist(_)
            | Output::Changed { .. }
            | Output::Submitted { .. }
            | Output::Answered { .. }
            | Output::Joined { .. }
            | Output::Resized { .. } => {}
        }
    }

    /// The connection is the worker's from now on; the namespace hears of it before the worker does.
    async fn joined(
        &mut self,
        answer: Result<Joined, RegisterError>,
        registration: Box<Registration>,
        peer: Peer,
        reply: oneshot::Sender<Result<Welcome, RegisterError>>,
    ) {
        let Joined { worker, session, jobs } = match answer {
            Ok(joined) => joined,
            Err(error) => return drop(reply.send(Err(error))),
        };
        self.flush();
        self.links.open(worker, session, peer);
        self.liveness.registered(worker, registration.epoch, session, registration.capacity);
        let welcome = Welcome { worker, session, jobs };
        let order = StorageOrder::Joined { worker, registration, welcome, reply };
        let _ = self.storage.send(order).await;
    }

    /// The connection of a provider ended.
    pub fn provider_gone(&mut self, session: Session) {
        self.provider.take_if(|provider| provider.session == session);
    }

    /// Hands the gathered messages over.
    pub fn flush(&mut self) {
        for ((worker, session), batch) in std::mem::take(&mut self.outbox) {
            self.links.tell(worker, session, batch.into_tells());
        }
    }

    pub fn publish_living(&self, jobs: BTreeSet<JobId>) {
        self.living.send_replace(jobs);
    }
}

fn job_answer(output: Output) -> Option<JobAnswer> {
    match output {
        Output::Submitted { answer, .. } => Some(answer.map(JobReply::Submitted)),
        Output::Answered { answer, .. } => Some(answer.map(|()| JobReply::Done)),
        Output::Resized { answer, .. } => Some(answer.map(JobReply::Plan)),
        _ => None,
    }
}

impl Batch {
    fn add(&mut self, tell: Tell, secret: &Secret) {
        match tell {
            Tell::Noted(attempts) => self.noted.extend(attempts),
            Tell::Launch(launch) => self.add_launch(*launch),
            Tell::Job(header) => self.tells.push(MasterTell::Job(Box::new(job_header(header, secret)))),
            Tell::Kill { attempts, reason } => self.tells.push(MasterTell::Kill { attempts, reason }),
            Tell::DropOutputs(attempts) => self.tells.push(MasterTell::DropOutputs(attempts)),
            Tell::JobOver(job) => self.tells.push(MasterTell::JobOver(job)),
            Tell::Drain(on) => self.tells.push(MasterTell::Drain(on)),
            Tell::Leave { forget } => self.tells.push(MasterTell::Leave { forget }),
        }
    }

    fn add_launch(&mut self, launch: Launch) {
        let bytes = estimate(&launch);
        match self.tells.last_mut() {
            Some(MasterTell::Launch(launches)) if self.launch_bytes + bytes <= LAUNCH_MESSAGE_BYTES => {
                self.launch_bytes += bytes;
                launches.push(launch);
            }
            _ => {
                self.launch_bytes = bytes;
                self.tells.push(MasterTell::Launch(vec![launch]));
            }
        }
    }

    /// What was noted goes first: it concerns only attempts that ended.
    fn into_tells(self) -> impl Iterator<Item = MasterTell> {
        let noted = (!self.noted.is_empty()).then_some(MasterTell::Noted(self.noted));
        noted.into_iter().chain(self.tells)
    }
}

fn job_header(header: Header, secret: &Secret) -> JobHeader {
    let Header { job, spec, memory_bytes } = header;
    JobHeader {
        job,
        name: spec.name.clone(),
        user: spec.user.clone(),
        program: spec.program.clone(),
        conf: spec.conf.clone(),
        token: secret.token_for(&job.to_string()),
        memory_bytes,
    }
}

/// About how many bytes a launch takes on the wire.
fn estimate(launch: &Launch) -> usize {
    let input = |input: &LaunchInput| match input {
        LaunchInput::Shuffle { pieces, holders } => pieces.len() * 48 + holders.len() * 128,
        LaunchInput::Broadcast(results) => results.iter().map(|result| result.len() + 8).sum(),
        LaunchInput::Commits(tokens) => tokens.iter().map(|(_, token)| token.len() + 32).sum(),
    };
    256 + launch.payload.len() + launch.inputs.iter().map(input).sum::<usize>()
}
