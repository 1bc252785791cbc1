//! The shell around [`Fleet`]: starts what is due, hears who is gone and what the master orders, writes down who runs, and
//! stops everything when told to.

use super::{
    UpError,
    children::{Children, Ended, Recipe},
    fleet::{Action, Fleet, Moment, Name},
    layout::{Layout, last_lines},
    provider::Provider,
    record::{ProcessIdentity, UpRecord},
};
use crate::signals::Stop;
use skep_jobs::{
    protocol::{
        client::{ClusterView, JobCall, JobReply, Role, WorkerState},
        provider::{Offer, ProviderOrder},
    },
    submit::JobsClient,
};
use skep_wire::{Credential, Endpoint, Secret};
use std::{
    fs,
    time::{Duration, Instant},
};

const LOG_LINES_SHOWN: usize = 12;
const STATUS_DEADLINE: Duration = Duration::from_secs(5);
/// Between two looks at a cluster that is coming up. Short: it is part of every start.
const READY_LOOK_EVERY: Duration = Duration::from_millis(4);
/// A cluster that does not come up in this time is stopped again.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// A cluster of child processes.
pub struct Supervisor {
    begun: Instant,
    layout: Layout,
    master: Endpoint,
    core: u32,
    task: u32,
    secret: Secret,
    fleet: Fleet,
    children: Children,
    provider: Provider,
    /// Not all that it was started with has been seen live.
    coming_up: bool,
}

impl Supervisor {
    pub fn new(layout: Layout, recipe: Recipe, secret: Secret, core: u32, task: u32) -> Supervisor {
        let master = recipe.master.clone();
        let offer = Offer { name: "local (skep up)".to_owned(), core, task };
        let provider = Provider::start(master.clone(), Credential::Cluster(secret.clone()), offer);
        Supervisor {
            begun: Instant::now(),
            fleet: Fleet::new(core, task),
            children: Children::new(layout.clone(), recipe),
            layout,
            master,
            core,
            task,
            secret,
            provider,
            coming_up: true,
        }
    }

    fn now(&self) -> Moment {
        self.begun.elapsed()
    }

    /// Starts everything and returns when every worker is registered. A process that cannot live is an error.
    pub async fn bring_up(&mut self, stop: &Stop) -> Result<(), UpError> {
        let client = JobsClient::new(self.master.clone(), Credential::Cluster(self.secret.clone()));
        let ready = until_workers_are_live(client, self.core + self.task);
        tokio::pin!(ready);
        let deadline = tokio::time::sleep(READY_PATIENCE);
        tokio::pin!(deadline);
        loop {
            self.spawn_due().await?;
            tokio::select! {
                () = &mut ready => {
                    self.coming_up = false;
                    return self.write_record();
                }
                () = &mut deadline => return Err(UpError::Slow { waited: READY_PATIENCE, data: self.layout.data().to_owned() }),
                () = stop.asked() => return Err(UpError::Interrupted),
                event = self.next_event() => self.handle(event).await?,
            }
        }
    }

    /// Keeps the cluster as it should be until told to stop, or until the master cannot live.
    pub async fn keep_up(&mut self, stop: &Stop) -> Result<(), UpError> {
        loop {
            if self.spawn_due().await? {
                self.write_record()?;
            }
            tokio::select! {
                () = stop.asked() => return Ok(()),
                event = self.next_event() => self.handle(event).await?,
            }
        }
    }

    /// Ends all children, waits for them, and leaves no record.
    pub async fn stop(mut self) {
        self.children.stop().await;
        UpRecord::remove(self.layout.data());
    }

    async fn next_event(&mut self) -> SupervisorEvent {
        let until = self.fleet.deadline().map(|due| due.saturating_sub(self.begun.elapsed()));
        tokio::select! {
            ended = self.children.ended() => SupervisorEvent::Ended(ended),
            Some(order) = self.provider.orders.recv() => SupervisorEvent::Order(order),
            () = tokio::time::sleep(until.unwrap_or_default()), if until.is_some() => SupervisorEvent::Due,
        }
    }

    async fn handle(&mut self, event: SupervisorEvent) -> Result<(), UpError> {
        let now = self.now();
        let action = match event {
            SupervisorEvent::Due => None,
            SupervisorEvent::Ended(ended) => {
                tracing::info!(name = %ended.name, process = ended.process, how = ended.how(), "a process is gone");
                self.fleet.ended(now, ended.name, ended.success())
            }
            SupervisorEvent::Order(order) => {
                tracing::info!(?order, "the master orders");
                self.obey(order)
            }
        };
        match action {
            Some(action) => self.perform(action).await,
            None => Ok(()),
        }
    }

    fn obey(&mut self, order: ProviderOrder) -> Option<Action> {
        match order {
            ProviderOrder::Start { role, count } => {
                // What it was started with comes up by itself; only what left again meanwhile is missing.
                let first = match role {
                    Role::Core => self.core,
                    Role::Task => self.task,
                };
                let missing = first.saturating_sub(self.fleet.kept(role));
                self.fleet.start(role, if self.coming_up { count.min(missing) } else { count });
                None
            }
            ProviderOrder::Target { core, task } => {
                self.fleet.target(core, task);
                if self.coming_up && (core, task) != (self.core, self.task) {
                    self.set_targets();
                }
                None
            }
            ProviderOrder::Release { process, .. } => self.fleet.release(process),
        }
    }

    /// The journal remembers the sizes of an earlier `skep up`; this one was asked for others.
    fn set_targets(&self) {
        let client = JobsClient::new(self.master.clone(), Credential::Cluster(self.secret.clone()));
        let (core, task) = (self.core, self.task);
        tokio::spawn(async move {
            if let Err(error) = client.resize(Some(core), Some(task), false).await {
                tracing::warn!(%error, core, task, "the master keeps the sizes of an earlier time");
            }
        });
    }

    async fn spawn_due(&mut self) -> Result<bool, UpError> {
        let mut any = false;
        while let Some(action) = self.fleet.poll(self.now()) {
            any = true;
            self.perform(action).await?;
        }
        Ok(any)
    }

    async fn perform(&mut self, action: Action) -> Result<(), UpError> {
        match action {
            Action::Spawn(name) => match self.children.spawn(name) {
                Ok(process) => {
                    tracing::info!(%name, process, "started");
                    self.fleet.spawned(self.now(), name, process);
                    Ok(())
                }
                Err(error) => {
                    tracing::error!(%name, %error, "cannot start a process");
                    let given_up = self.fleet.ended(self.now(), name, false);
                    match given_up {
                        Some(Action::GiveUp(name)) => self.give_up(name).await,
                        _ => Ok(()),
                    }
                }
            },
            Action::RemoveData(name) => {
                let directory = self.layout.directory(name);
                if let Err(error) = fs::remove_dir_all(&directory) {
                    tracing::warn!(directory = %directory.display(), %error, "cannot remove a worker's data");
                }
                Ok(())
            }
            Action::GiveUp(name) => self.give_up(name).await,
        }
    }

    /// The master is needed by everyone; a cluster without one of its workers or without SQL still serves.
    async fn give_up(&mut self, name: Name) -> Result<(), UpError> {
        let log = self.layout.log(&name.to_string());
        let lines = last_lines(&log, LOG_LINES_SHOWN);
        let coming_up = self.coming_up;
        match name.role() {
            Some(role) if !coming_up => {
                tracing::error!(%name, log = %log.display(), "dies again and again; it is not started any more");
                self.provider
                    .start_failed(role, format!("{name} dies again and again; see {}", log.display()))
                    .await;
                Ok(())
            }
            None if name == Name::Hive && !coming_up => {
                tracing::error!(log = %log.display(), "the SQL service dies again and again; it is not started any more");
                Ok(())
            }
            _ => Err(UpError::CannotLive { name, log, lines }),
        }
    }

    fn write_record(&self) -> Result<(), UpError> {
        let own = ProcessIdentity::of(std::process::id());
        let record = UpRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            supervisor: own.unwrap_or(ProcessIdentity { process: std::process::id(), started_ticks: 0 }),
            children: self.children.identities(),
            master: self.master.clone(),
            secret_file: self.layout.secret(),
            core: self.core,
            task: self.task,
        };
        let data = self.layout.data();
        record.save(data).map_err(|source| UpError::Data { data: data.to_owned(), source })
    }
}

enum SupervisorEvent {
    Ended(Ended),
    Order(ProviderOrder),
    Due,
}

async fn until_workers_are_live(client: JobsClient, count: u32) {
    let call = JobCall::Status;
    loop {
        match client.call_once(&call, STATUS_DEADLINE).await {
            Ok(JobReply::Status(view)) if live_workers(&view) >= count as usize => {
                return;
            }
            Ok(_) => {}
            Err(error) => tracing::trace!(%error, "not up yet"),
        }
        tokio::time::sleep(READY_LOOK_EVERY).await;
    }
}

fn live_workers(view: &ClusterView) -> usize {
    view.workers.iter().filter(|worker| worker.state == WorkerState::Live).count()
}
