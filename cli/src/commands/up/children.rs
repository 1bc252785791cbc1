//! Starting, hearing and ending the processes of a local cluster.

use super::{fleet::Name, layout::Layout, record::ProcessIdentity};
use rustix::process::{Pid, Signal, kill_process};
use skep_wire::Endpoint;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{process::Command, sync::mpsc, time::timeout};

/// After this long a second SIGTERM tells workers not to wait for their tasks ...
const STOP_GENTLY: Duration = Duration::from_secs(2);
/// ... and after this long more what is left is killed.
const STOP_FIRMLY: Duration = Duration::from_secs(5);

/// What every worker of the cluster is started with.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub skep: PathBuf,
    pub master: Endpoint,
    pub worker_flags: Vec<OsString>,
    pub common_flags: Vec<OsString>,
}

/// A child is gone.
#[derive(Debug)]
pub struct Ended {
    pub name: Name,
    pub process: u32,
    pub status: io::Result<ExitStatus>,
}

impl Ended {
    pub fn success(&self) -> bool {
        self.status.as_ref().is_ok_and(ExitStatus::success)
    }

    /// `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub fn how(&self) -> String {
        match &self.status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

/// The live children. Each is waited for by a task of its own.
pub struct Children {
    layout: Layout,
    recipe: Recipe,
    live: BTreeMap<u32, (Name, Option<ProcessIdentity>)>,
    sender: mpsc::UnboundedSender<Ended>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Children {
    pub fn new(layout: Layout, recipe: Recipe) -> Children {
        // At most one message per live child: the number of children bounds it.
        let (sender, ended) = mpsc::unbounded_channel();
        Children { layout, recipe, live: BTreeMap::new(), sender, ended }
    }

    /// Starts one. It dies with this process: its parent's death is a SIGTERM to it.
    pub fn spawn(&mut self, name: Name) -> io::Result<u32> {
        let log = self.layout.open_log(&name.to_string())?;
        let mut command = Command::new(&self.recipe.skep);
        command.args(self.arguments(name));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A Ctrl-C at the terminal is for the supervisor, which then stops its children in order.
        command.process_group(0);
        let mut child = command.spawn()?;
        let process = child.id().unwrap_or_default();
        self.live.insert(process, (name, ProcessIdentity::of(process)));
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let status = child.wait().await;
            // Nobody listens any more when the supervisor is ending.
            let _ = sender.send(Ended { name, process, status });
        });
        Ok(process)
    }

    fn arguments(&self, name: Name) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |word: &str| words.push(word.into());
        match name {
            Name::Master => ["master", "--listen"].into_iter().for_each(&mut add),
            Name::Hive => ["hive", "--master"].into_iter().for_each(&mut add),
            Name::Core(_) => ["worker", "--role", "core", "--master"].into_iter().for_each(&mut add),
            Name::Task(_) => ["worker", "--role", "task", "--master"].into_iter().for_each(&mut add),
        }
        add(&self.recipe.master.to_string());
        add("--parent");
        add(&std::process::id().to_string());
        if name != Name::Hive {
            words.push("--data".into());
            words.push(self.layout.directory(name).into());
        }
        if name != Name::Master {
            words.push("--secret".into());
            words.push(self.layout.secret().into());
        }
        if name.role().is_some() {
            words.extend(self.recipe.worker_flags.iter().cloned());
        }
        words.extend(self.recipe.common_flags.iter().cloned());
        words
    }

    /// The next child that is gone.
    pub async fn ended(&mut self) -> Ended {
        loop {
            // The channel stays open: `self.sender` lives as long as `self`.
            if let Some(ended) = self.ended.recv().await {
                self.live.remove(&ended.process);
                return ended;
            }
        }
    }

    pub fn identities(&self) -> Vec<ProcessIdentity> {
        self.live.values().filter_map(|(_, identity)| *identity).collect()
    }

    /// Ends all children and returns when all are gone: SIGTERM, again, and then SIGKILL.
    pub async fn stop(&mut self) {
        for (signal, patience) in
            [(Signal::TERM, STOP_GENTLY), (Signal::TERM, STOP_FIRMLY), (Signal::KILL, Duration::MAX)]
        {
            if signal == Signal::KILL && !self.live.is_empty() {
                tracing::warn!(processes = ?self.live.keys(), "killing what does not stop");
            }
            self.signal(signal);
            let all_gone = async {
                while !self.live.is_empty() {
                    self.ended().await;
                }
            };
            if timeout(patience, all_gone).await.is_ok() {
                return;
            }
        }
    }

    /// Only children that were not waited for yet: their numbers cannot be anybody else's.
    fn signal(&self, signal: Signal) {
        for process in self.live.keys() {
            if let Some(pid) = i32::try_from(*process).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, signal);
            }
        }
    }
}
