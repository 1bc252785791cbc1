//! A small process beside the worker that outlives it by a moment: when the worker ends, however it ends, the warden ends
//! what the worker's task processes have started.
//!
//! ```text
//! worker ─── writing end of a pipe (never written) ───► warden ── end of file: the worker is gone ──► ends all that
//!    └─ PR_SET_PDEATHSIG ─► task process ─► children                   carries the worker's mark and this life's number
//! ```
//! The kernel ends a task process with its worker, and nobody else: its children, their sessions and orphans would live on.
//! A warden that is killed is started again while its worker lives. It touches nothing of the worker's next life.

use super::roster::end_life;
use std::{
    ffi::OsString,
    io::{self, PipeWriter, Read},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// What a worker that starts a warden says about itself.
#[derive(Debug, Clone)]
pub struct WardenCommand {
    /// Is started with `arguments`; it calls [`keep_watch`].
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// As task processes carry it in [`MARK_VARIABLE`](super::roster::MARK_VARIABLE).
    pub mark: String,
    /// As task processes carry it in [`LIFE_VARIABLE`](super::roster::LIFE_VARIABLE).
    pub life: String,
}

/// The worker's handle. Dropped, it ends the warden, which first ends what is left.
pub struct Warden {
    command: WardenCommand,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Closed by the kernel when the worker ends. Task processes do not inherit it.
    _alive: PipeWriter,
}

impl Warden {
    pub fn start(command: WardenCommand) -> io::Result<Warden> {
        let running = Some(spawn(&command)?);
        Ok(Warden { command, running })
    }

    /// Starts it again if it is gone.
    pub fn look(&mut self) {
        if let Some(running) = &mut self.running {
            match running.child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) => tracing::warn!(%status, "the warden is gone; starting another"),
                Err(error) => tracing::warn!(%error, "cannot look at the warden; starting another"),
            }
        }
        self.running = match spawn(&self.command) {
            Ok(running) => Some(running),
            Err(error) => {
                tracing::error!(%error, "without a warden children of tasks outlive this worker if it is killed");
                None
            }
        };
    }

    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        if let Some(Running { mut child, _alive }) = self.running.take() {
            drop(_alive);
            // It looks once and ends.
            let _ = child.wait();
        }
    }
}

fn spawn(command: &WardenCommand) -> io::Result<Running> {
    let (reader, alive) = io::pipe()?;
    let child = Command::new(&command.program)
        .args(&command.arguments)
        .args([&command.mark, &command.life])
        .stdin(reader)
        .stdout(Stdio::null())
        // A signal from the terminal is for the worker.
        .process_group(0)
        .spawn()?;
    Ok(Running { child, _alive: alive })
}

/// What the warden does: waits until standard input ends, then ends what the worker's life with this `mark` left behind.
/// Says how many processes that were.
pub fn keep_watch(mark: &str, life: &str) -> io::Result<usize> {
    let mut stdin = io::stdin().lock();
    let mut nothing = [0; 16];
    loop {
        match stdin.read(&mut nothing) {
            Ok(0) => return end_life(mark, life),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
