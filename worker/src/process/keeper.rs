//! The one thread that starts, measures and ends all task processes of a worker.
//!
//! It must live as long as they do: the kernel ends a task process when the thread that started it ends, so that none
//! outlives its worker, however the worker dies. What they started is the warden's, which the keeper looks after.

use super::{
    JobLog, exit,
    roster::{Roster, end_strangers},
    table::{ProcessKey, ProcessTable, adopted_children, kernel_memory_kills, key_of},
    tree::Tree,
    unsafe_spawn,
    warden::Warden,
};
use crate::{
    core::{Exit, Life, StartFault},
    limits,
};
use rustix::io::Errno;
use skep_jobs::model::{FaultKind, JobId};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Everything that a task process is started with.
pub struct StartCommand {
    pub life: Life,
    pub job: JobId,
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub work: PathBuf,
    /// For the resident memory of the whole tree; 0: none.
    pub memory_limit_bytes: u64,
    pub log: Arc<JobLog>,
}

/// What the keeper says.
#[derive(Debug)]
pub enum Report {
    Spawned { life: Life, process: u32 },
    StartFailed { life: Life, fault: StartFault },
    OverMemory { life: Life, peak_bytes: u64, limit_bytes: u64 },
    Exited { life: Life, exit: Exit },
}

enum Order {
    Start(Box<StartCommand>),
    Kill(Life),
    /// A child changed its state.
    Look,
    End,
}

/// A handle; the thread ends every process and then itself when the last one is dropped or `end` is called.
pub struct Keeper {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// `resident_bytes` is kept up to date. `report` is called on the keeper's thread and may block for a while.
    /// `owns_process`: children of this process that the keeper did not start are orphans of tasks.
    pub fn start(
        roster: Roster,
        warden: Option<Warden>,
        owns_process: bool,
        resident_bytes: Arc<AtomicU64>,
        report: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Keeper> {
        if owns_process {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        }
        let (orders, inbox) = mpsc::channel();
        let watch = Watch {
            inbox,
            report: Box::new(report),
            kept: BTreeMap::new(),
            roster,
            warden,
            owns_process,
            own: std::process::id(),
            resident_bytes,
            ending: false,
            pause: limits::MEMORY_SAMPLE_EVERY,
            look_at: Instant::now(),
            settled: true,
        };
        let thread = thread::Builder::new().name("skep-processes".to_owned()).spawn(move || watch.run())?;
        Ok(Keeper { orders, thread: Some(thread) })
    }

    pub fn start_process(&self, command: StartCommand) {
        self.send(Order::Start(Box::new(command)));
    }

    pub fn kill(&self, life: Life) {
        self.send(Order::Kill(life));
    }

    /// Tell it when a child of this process changed its state: an exit is then seen at once.
    pub fn look(&self) {
        self.send(Order::Look);
    }

    /// Ends every process and waits until they are gone.
    pub fn end(mut self) {
        self.send(Order::End);
        if let Some(thread) = self.thread.take() {
            // A panic there was printed; there is nothing more to end.
            let _ = thread.join();
        }
    }

    fn send(&self, order: Order) {
        // The thread is gone only after `end`.
        let _ = self.orders.send(order);
    }
}

struct Watch {
    inbox: Receiver<Order>,
    report: Box<dyn Fn(Report) + Send>,
    kept: BTreeMap<Life, Kept>,
    roster: Roster,
    warden: Option<Warden>,
    owns_process: bool,
    own: u32,
    /// Of all task processes at the last look, for others to read.
    resident_bytes: Arc<AtomicU64>,
    ending: bool,
    /// Between two looks while nothing is being ended.
    pause: Duration,
    look_at: Instant,
    /// Nothing runs, and a look has shown that nothing was left behind.
    settled: bool,
}

struct Kept {
    tree: Tree,
    log: Arc<JobLog>,
    limit_bytes: u64,
    over_reported: bool,
    /// Told to end, or its root is dead: whatever is left of it is killed.
    doomed: bool,
    /// The keeper killed it.
    struck: bool,
    kernel_kills_before: u64,
}

impl Watch {
    fn run(mut self) {
        while !(self.ending && self.kept.is_empty()) {
            let order = if self.settled {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(self.look_at.saturating_duration_since(Instant::now()))
            };
            match order {
                Ok(order) => self.carry_out(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.carry_out(Order::End),
            }
            while let Ok(order) = self.inbox.try_recv() {
                self.carry_out(order);
            }
            if Instant::now() >= self.look_at {
                self.look();
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Start(command) => self.start(*command),
            Order::Kill(life) => {
                if let Some(kept) = self.kept.get_mut(&life) {
                    kept.condemn();
                    self.look_at = Instant::now();
                }
            }
            Order::Look => self.collect(),
            Order::End => {
                self.ending = true;
                self.kept.values_mut().for_each(Kept::condemn);
                self.look_at = Instant::now();
            }
        }
    }

    /// Collects what died. A look reads all of `/proc`: only a task process that left others behind calls for it at once.
    fn collect(&mut self) {
        let mut ended = Vec::new();
        for (life, kept) in &mut self.kept {
            if kept.tree.collect_root() {
                kept.doomed = true;
                ended.push(*life);
            }
        }
        if !ended.is_empty() {
            if self.owns_process && self.has_no_strangers() {
                // What was overlooked is ended by the next look.
                ended.into_iter().for_each(|life| self.bury(life));
            } else {
                self.look_at = Instant::now();
            }
        }
        if let Some(warden) = &mut self.warden {
            warden.look();
        }
    }

    /// Whether this process has no children but its task processes and the warden. Whatever outlives a task process becomes
    /// a child of this one, or descends from such a child. The kernel's list may miss some while others end.
    fn has_no_strangers(&self) -> bool {
        let Some(children) = adopted_children() else { return false };
        let is_known = |child: &u32| {
            self.warden.as_ref().and_then(Warden::process) == Some(*child)
                || self.kept.values().any(|kept| kept.tree.root.process == *child)
        };
        self.kept.values().all(|kept| kept.tree.is_alone()) && children.iter().all(is_known)
    }

    fn start(&mut self, command: StartCommand) {
        let life = command.life;
        let kernel_kills_before = kernel_memory_kills();
        let started = if self.ending {
            Err(StartFault { kind: FaultKind::Preempted, message: "the worker is being stopped".to_owned() })
        } else {
            spawn(&command).map_err(|error| start_fault(&command, &error))
        };
        let process = match started {
            Ok(child) => child.id(),
            Err(fault) => return (self.report)(Report::StartFailed { life, fault }),
        };
        // Not collected yet, so it is still in the table, dead or alive.
        let root = key_of(process).unwrap_or(ProcessKey { process, started: 0 });
        if let Err(error) = self.roster.add(root) {
            tracing::warn!(%error, "cannot note a task process; it is not ended if this worker dies with it");
        }
        let kept = Kept {
            tree: Tree::new(root),
            log: command.log,
            limit_bytes: command.memory_limit_bytes,
            over_reported: false,
            doomed: false,
            struck: false,
            kernel_kills_before,
        };
        if self.settled {
            self.settled = false;
            self.look_at = Instant::now() + self.pause;
        }
        self.kept.insert(life, kept);
        tracing::debug!(%life, job = %command.job, process, "task process started");
        (self.report)(Report::Spawned { life, process });
    }

    /// Looks at all processes once and does what is due.
    fn look(&mut self) {
        let begin = Instant::now();
        let table = match ProcessTable::read() {
            Ok(table) => table,
            Err(error) => {
                tracing::error!(%error, "cannot read /proc: task processes are not watched now");
                return thread::sleep(limits::MEMORY_SAMPLE_EVERY);
            }
        };
        let mut gone = Vec::new();
        let resident_bytes = self.kept.values().map(|kept| kept.tree.resident_bytes(&table)).sum();
        self.resident_bytes.store(resident_bytes, Relaxed);
        for (life, kept) in &mut self.kept {
            kept.look(&table, self.own);
            if let Some(report) = kept.over_memory(*life, &table) {
                (self.report)(report);
            }
            if kept.is_gone(&table) {
                gone.push(*life);
            }
        }
        let warden = self.warden.as_ref().and_then(Warden::process);
        if self.owns_process {
            end_strangers(&table, self.own, |key| {
                Some(key.process) == warden || self.kept.values().any(|kept| kept.tree.members.contains(&key))
            });
        }
        gone.into_iter().for_each(|life| self.bury(life));
        // A look may cost one fiftieth of the time at most, however many processes the machine runs.
        self.pause = limits::MEMORY_SAMPLE_EVERY.max(begin.elapsed() * 50);
        self.settled = self.kept.is_empty();
        let is_ending = self.kept.values().any(|kept| kept.doomed);
        self.look_at = Instant::now() + if is_ending { limits::ENDING_LOOK_EVERY } else { self.pause };
    }

    fn bury(&mut self, life: Life) {
        let Some(kept) = self.kept.remove(&life) else { return };
        if let Err(error) = self.roster.remove(kept.tree.root) {
            tracing::debug!(%error, "cannot strike a process off the list");
        }
        let last_lines = kept.log.finish();
        let status = kept.tree.status;
        let killed = status.is_some_and(exit::was_killed);
        let exit = Exit {
            how: status.map_or_else(|| "an unknown status".to_owned(), exit::describe),
            out_of_memory: killed && !kept.struck && kernel_memory_kills() > kept.kernel_kills_before,
            last_lines,
        };
        tracing::debug!(%life, how = %exit.how, "task process is gone");
        (self.report)(Report::Exited { life, exit });
    }
}

impl Kept {
    fn condemn(&mut self) {
        self.doomed = true;
        self.struck = true;
    }

    fn look(&mut self, table: &ProcessTable, own: u32) {
        self.tree.refresh(table);
        self.tree.reap(table, own);
        if self.tree.status.is_some() {
            self.doomed = true;
        }
        if self.doomed {
            self.tree.strike(table);
        }
    }

    fn over_memory(&mut self, life: Life, table: &ProcessTable) -> Option<Report> {
        if self.limit_bytes == 0 || self.doomed || self.over_reported {
            return None;
        }
        let peak_bytes = self.tree.resident_bytes(table);
        if peak_bytes <= self.limit_bytes {
            return None;
        }
        // It grows while the report is on its way: stop it from taking the machine down.
        self.over_reported = true;
        self.condemn();
        self.tree.strike(table);
        Some(Report::OverMemory { life, peak_bytes, limit_bytes: self.limit_bytes })
    }

    fn is_gone(&self, table: &ProcessTable) -> bool {
        self.tree.status.is_some() && self.tree.living(table).next().is_none()
    }
}

/// The C library hands a file that the kernel cannot execute to the shell, which would read a damaged program, or one for
/// another processor, as a script: scripts must say that they are one.
fn check_format(executable: &Path) -> io::Result<()> {
    const ELF_HEADER_BYTES: u64 = 20;
    let header = |path: &Path| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(ELF_HEADER_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let own = header(Path::new("/proc/self/exe"))?;
    let found = header(executable)?;
    // Magic and word size; the processor is in the last two bytes.
    let same = |range: std::ops::Range<usize>| found.get(range.clone()) == own.get(range);
    if found.starts_with(b"#!") || (same(0..6) && same(18..20)) {
        return Ok(());
    }
    Err(Errno::NOEXEC.into())
}

fn spawn(command: &StartCommand) -> io::Result<Child> {
    check_format(&command.executable)?;
    let (reader, writer) = io::pipe()?;
    let mut process = Command::new(&command.executable);
    process
        .args(&command.arguments)
        .env_clear()
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&command.work)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    unsafe_spawn::contain(&mut process);
    let mut tries = 0;
    let child = loop {
        match process.spawn() {
            // Somebody who was forked while the binary was written still has it open, until it executes its program.
            Err(error) if error.raw_os_error() == Some(Errno::TXTBSY.raw_os_error()) && tries < 100 => {
                tries += 1;
                thread::sleep(Duration::from_millis(5));
            }
            result => break result,
        }
    }?;
    command.log.capture(reader)?;
    Ok(child)
}

fn start_fault(command: &StartCommand, error: &io::Error) -> StartFault {
    let program = command.executable.display();
    let (kind, message) = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOEXEC) => (
            FaultKind::Undecodable,
            format!(
                "{program} is not a program for this machine (wrong format or processor); build it for Linux on this processor"
            ),
        ),
        Some(Errno::NOENT) if command.executable.exists() && command.work.exists() => (
            FaultKind::Undecodable,
            format!(
                "{program} needs an interpreter or loader that this machine does not have; link it statically or install it"
            ),
        ),
        Some(Errno::ACCESS) => (
            FaultKind::Worker,
            format!("{program} may not be executed ({error}); is the data directory mounted with `noexec`?"),
        ),
        Some(Errno::NOSPC) => (FaultKind::WorkerDisk, format!("cannot start {program}: {error}")),
        _ => (FaultKind::Worker, format!("cannot start {program}: {error}")),
    };
    StartFault { kind, message }
}

#[cfg(test)]
mod tests;
