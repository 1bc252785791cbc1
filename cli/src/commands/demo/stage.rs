//! The demo's own cluster, in a temporary folder, and the commands that are shown and run on it. Everything is gone again
//! when the demo ends, however it ends: the supervisor dies with this process.

use super::DemoError;
use crate::logging::LOG_VARIABLE;
use crate::{
    commands::up::record::UpRecord,
    find_cluster::{MASTER_VARIABLE, SECRET_VARIABLE},
};
use rustix::process::{Pid, Signal, kill_process};
use skep_jobs::submit::{Session, SubmitEnvironment, environment};
use std::{
    env,
    io::{self, Write, stdout},
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub struct Stage {
    folder: TempDir,
    skep: PathBuf,
    supervisor: Option<Child>,
    pub cluster: PathBuf,
    /// The cluster shall live on, and be the one that this user's commands find.
    keep: bool,
}

/// Words about what happens next.
pub fn tell(text: &str) -> Result<(), DemoError> {
    writeln!(stdout(), "\n# {text}").map_err(DemoError::Output)
}

/// A command as the user would type it.
pub fn show(command: &str) -> Result<(), DemoError> {
    writeln!(stdout(), "$ {command}").map_err(DemoError::Output)
}

pub fn say(text: &str) -> Result<(), DemoError> {
    writeln!(stdout(), "{text}").map_err(DemoError::Output)
}

impl Stage {
    pub fn set(keep: bool) -> Result<Stage, DemoError> {
        let folder = tempfile::Builder::new().prefix("skep-demo-").tempdir().map_err(DemoError::Folder)?;
        let skep = env::current_exe().map_err(DemoError::Folder)?;
        let cluster = folder.path().join("cluster");
        Ok(Stage { folder, skep, supervisor: None, cluster, keep })
    }

    /// A `skep` process that knows this cluster and no other.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.skep);
        command.args(words).kill_on_drop(!self.keep);
        if !self.keep {
            command.env("XDG_STATE_HOME", self.folder.path().join("state"));
        }
        command.env_remove(MASTER_VARIABLE).env_remove(SECRET_VARIABLE);
        command
    }

    /// `skep up`: returns when the cluster takes jobs.
    pub async fn up(&mut self, core: u32, task: u32) -> Result<(), DemoError> {
        show(&format!("skep up --core {core} --task {task} --data {}", self.cluster.display()))?;
        let (core, task) = (core.to_string(), task.to_string());
        let parent = std::process::id().to_string();
        let mut command = self.command(&["up", "--supervise", "--core", &core, "--task", &task]);
        if !self.keep {
            command.args(["--parent", &parent]);
        }
        command.arg("--data").arg(&self.cluster);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // What the supervisor does is told by the demo itself.
        if std::env::var_os(LOG_VARIABLE).is_none() {
            command.env(LOG_VARIABLE, "warn");
        }
        let mut child = command.spawn().map_err(|source| DemoError::Run { command: "skep up", source })?;
        let output = child.stdout.take();
        self.supervisor = Some(child);
        let mut lines = BufReader::new(output.ok_or(DemoError::NotUp)?).lines();
        let first =
            lines.next_line().await.map_err(|source| DemoError::Run { command: "skep up", source })?;
        say(&first.ok_or(DemoError::NotUp)?)?;
        // Nobody reads on: what else it says fits into the pipe.
        Ok(())
    }

    pub fn session(&self) -> Result<Session, DemoError> {
        let record = UpRecord::load(&self.cluster).ok_or(DemoError::NotUp)?;
        let environment = SubmitEnvironment {
            master: record.master,
            secret_file: record.secret_file,
            user: environment::user_name(),
            name: None,
            conf: Vec::new(),
            detach: false,
        };
        Ok(Session::open(environment)?)
    }

    /// Shows and runs a command with its output here.
    pub async fn run(&self, words: &[&str]) -> Result<(), DemoError> {
        show(&shown(words))?;
        let status = self.command(words).stdin(Stdio::null()).status().await;
        let status = status.map_err(|source| DemoError::Run { command: "skep", source })?;
        if status.success() { Ok(()) } else { Err(DemoError::Failed { command: shown(words), status }) }
    }

    /// Shows and runs a command, and takes its standard output.
    pub async fn take(&self, words: &[&str], afterwards: &str) -> Result<String, DemoError> {
        show(&format!("{}{afterwards}", shown(words)))?;
        let output = self.command(words).stdin(Stdio::null()).stderr(Stdio::inherit()).output().await;
        let output = output.map_err(|source| DemoError::Run { command: "skep", source })?;
        if !output.status.success() {
            return Err(DemoError::Failed { command: shown(words), status: output.status });
        }
        String::from_utf8(output.stdout).map_err(|_| DemoError::NotText)
    }

    /// Whether the process is one of this cluster's: its command line names its directory.
    pub fn owns(&self, process: u32) -> bool {
        let words = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let cluster = self.cluster.canonicalize().unwrap_or_else(|_| self.cluster.clone());
        words
            .split(|byte| *byte == 0)
            .any(|word| std::str::from_utf8(word).is_ok_and(|word| Path::new(word).starts_with(&cluster)))
    }

    /// Without notice.
    pub fn kill(&self, process: u32) -> io::Result<()> {
        signal(process, Signal::KILL)
    }

    /// Stops the cluster and waits until it is gone.
    pub async fn strike(mut self) -> Result<(), DemoError> {
        let stop_error = |source| DemoError::Run { command: "skep down", source };
        if let Some(mut supervisor) = self.supervisor.take() {
            if let Some(process) = supervisor.id() {
                signal(process, Signal::TERM).map_err(stop_error)?;
            }
            supervisor.wait().await.map_err(stop_error)?;
        }
        self.folder.close().map_err(DemoError::Folder)
    }

    /// The cluster lives on: the folder stays.
    pub fn leave(self) -> PathBuf {
        let _ = self.folder.keep();
        self.cluster
    }
}

fn signal(process: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(kill_process(pid, signal)?)
}

fn shown(words: &[&str]) -> String {
    let quoted = words
        .iter()
        .map(|word| if word.contains(['*', ' ', '?']) { format!("'{word}'") } else { (*word).to_owned() });
    format!("skep {}", quoted.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_a_shell_takes_them() {
        assert_eq!(shown(&["fs", "cat", "/out/part-*"]), "skep fs cat '/out/part-*'");
    }

    #[test]
    fn processes_of_others_are_not_owned() {
        let stage = Stage::set(false).unwrap();
        assert!(!stage.owns(std::process::id()));
        assert!(!stage.owns(1));
    }
}
