//! One attempt with everything that it may use, from its launch to its outcome.

use super::{cluster_shuffle::ClusterShuffle, limits, panics, pool::Tells};
use crate::{
    model::{AttemptId, FaultKind, Outcome},
    protocol::{
        task::{TaskTell, Welcome},
        worker::Launch,
    },
    task_program::{AttemptLog, BuildError, Cancel, TaskContext, TaskProgram, TaskProgress},
};
use skep_hdfs::{
    client::{Client, ClientOptions},
    stores::Stores,
};
use skep_wire::Credential;
use std::{
    fs, io,
    sync::{Arc, OnceLock},
};
use tokio::runtime::Handle;

/// What all attempts of this process share.
pub(super) struct Host {
    pub welcome: Welcome,
    pub credential: Credential,
    pub runtime: Handle,
    pub program: OnceLock<Result<Arc<dyn TaskProgram>, BuildError>>,
    pub shuffle: Arc<ClusterShuffle>,
    /// Made by the first attempt, so that the process is ready before.
    pub stores: OnceLock<Stores>,
}

impl Host {
    fn stores(&self) -> Stores {
        let make = || {
            let _inside = self.runtime.enter();
            Stores::cluster(Client::new(ClientOptions {
                master: self.welcome.master.clone(),
                credential: self.credential.clone(),
                user: self.welcome.user.clone(),
                host: self.welcome.host.clone(),
                worker: Some(self.welcome.worker),
                patience: limits::MASTER_PATIENCE,
            }))
        };
        self.stores.get_or_init(make).clone()
    }
}

/// What others may do with a running attempt.
#[derive(Clone)]
pub(super) struct Running {
    pub progress: Arc<TaskProgress>,
    pub cancel: Cancel,
}

/// Runs an attempt on the calling thread. Its scratch directory is gone afterwards.
pub(super) fn run(host: &Host, launch: &Launch, running: &Running, tells: &Tells) -> Outcome {
    let program = match host.program.wait() {
        Ok(program) => program,
        Err(error) => {
            return failed(
                FaultKind::Undecodable,
                format!("this process cannot build the job's plan: {error}"),
            );
        }
    };
    let scratch = host.welcome.scratch.join(launch.attempt.file_stem());
    let context = TaskContext {
        attempt: launch.attempt,
        memory_bytes: usize::try_from(launch.memory_bytes).unwrap_or(usize::MAX),
        scratch: scratch.clone(),
        work: host.welcome.work.clone(),
        conf: Arc::new(host.welcome.conf.clone()),
        user: host.welcome.user.clone(),
        host: host.welcome.host.clone(),
        stores: host.stores(),
        runtime: host.runtime.clone(),
        progress: Arc::clone(&running.progress),
        cancel: running.cancel.clone(),
        shuffle: Arc::clone(&host.shuffle) as Arc<_>,
        log: Arc::new(TaggedLog { attempt: launch.attempt, tells: tells.clone() }),
    };
    let name = launch.attempt.to_string();
    let outcome = panics::catch(&name, || program.run(launch, &context))
        .unwrap_or_else(|message| failed(FaultKind::User, message));
    drop(context);
    if let Err(error) = fs::remove_dir_all(&scratch)
        && error.kind() != io::ErrorKind::NotFound
    {
        eprintln!("{name}: cannot remove {}: {error}", scratch.display());
    }
    outcome
}

fn failed(kind: FaultKind, message: String) -> Outcome {
    Outcome::Failed { kind, message }
}

/// Lines that belong to one attempt go to the worker with its name.
struct TaggedLog {
    attempt: AttemptId,
    tells: Tells,
}

impl AttemptLog for TaggedLog {
    fn lines(&self, bytes: &[u8]) {
        self.tells.send(TaskTell::Log(self.attempt, bytes.to_vec()));
    }
}
