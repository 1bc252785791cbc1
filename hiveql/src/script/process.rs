//! A script that runs: its process, and the threads that feed it, read it, and listen to its complaints.
//!
//! The threads are plain ones: whoever polls the rows may be on a runtime that has no I/O.

use super::{
    ScriptDescription, ScriptError, ScriptPlace,
    directory::{Directory, environment},
    words,
};
use crate::formats::RowFormat;
use bytes::{Bytes, BytesMut};
use datafusion::arrow::record_batch::RecordBatch;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Batches that wait on either side of the script.
const WAITING_MAX: usize = 1;
const READ_BYTES: usize = 64 << 10;
/// Of standard error, for the message.
const TAIL_BYTES: usize = 4 << 10;
/// What a script without line feeds may take of the memory.
const LINE_BYTES_MAX: usize = 256 << 20;

/// What comes out of a script. `None` is its good end; where that does not come, rows were lost.
pub(super) type Output = Result<Option<RecordBatch>, ScriptError>;

/// Dropped, it ends the script and all that it started.
pub(crate) struct RunningScript {
    /// `None`: nothing more goes in.
    pub feed: Option<Sender<RecordBatch>>,
    pub rows: Receiver<Output>,
    group: Arc<Group>,
}

impl RunningScript {
    pub fn start(
        description: &ScriptDescription,
        formats: &Formats,
        place: &ScriptPlace,
    ) -> Result<RunningScript, ScriptError> {
        let command = description.command.as_str();
        let failed = |source| ScriptError::Start { command: command.to_owned(), source };
        let line = words::split(command);
        let Some((program, arguments)) = line.split_first() else {
            return Err(failed(io::Error::other("the command is empty")));
        };
        let directory = Directory::prepare(place, &description.files, program).map_err(failed)?;
        let mut child = Command::new(directory.program(program))
            .args(arguments)
            .current_dir(directory.path())
            .envs(environment(&description.environment))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let group = Arc::new(Group::of(child));
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed(io::Error::other("it has no pipes")));
        };
        let (feed, batches) = channel(WAITING_MAX);
        let (sender, rows) = channel(WAITING_MAX);
        let input = Arc::clone(&formats.input);
        let feeder = named("script-stdin").spawn(move || feed_all(stdin, batches, &input)).map_err(failed)?;
        let listener = named("script-stderr").spawn(move || listen(stderr)).map_err(failed)?;
        let reader = Reader {
            command: command.to_owned(),
            output: Arc::clone(&formats.output),
            partial: description.partial,
            group: Arc::clone(&group),
            rows: sender,
            _directory: directory,
        };
        named("script-stdout").spawn(move || reader.run(stdout, feeder, listener)).map_err(failed)?;
        Ok(RunningScript { feed: Some(feed), rows, group })
    }
}

impl Drop for RunningScript {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// How rows are written and read, made once for all partitions.
#[derive(Debug, Clone)]
pub(crate) struct Formats {
    pub input: Arc<RowFormat>,
    pub output: Arc<RowFormat>,
}

fn named(name: &str) -> Builder {
    Builder::new().name(name.to_owned())
}

/// The script's process group; the lock is held while the script is taken off the system's list of processes, so that
/// nobody else is killed who got its number.
struct Group {
    leader: Option<Pid>,
    child: Mutex<Option<Child>>,
}

impl Group {
    fn of(child: Child) -> Group {
        let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Group { leader, child: Mutex::new(Some(child)) }
    }

    fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Who may not end it (it runs as somebody else now) does not wait for it either.
        if child.is_some()
            && self.signal()
            && let Some(mut child) = child.take()
        {
            // It dies at once: this leaves no zombie, and does not wait.
            let _ = child.wait();
        }
    }

    /// Waits until the script is over; what it left running in its group ends with it.
    fn wait(&self) -> io::Result<Option<ExitStatus>> {
        if let Some(leader) = self.leader {
            // Only looks: the number stays taken until the lock is held. An error means that it was killed meanwhile.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(leader), options));
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut child) = child.take() else { return Ok(None) };
        self.signal();
        child.wait().map(Some)
    }

    fn signal(&self) -> bool {
        self.leader.is_some_and(|leader| kill_process_group(leader, Signal::KILL).is_ok())
    }
}

/// Writes the rows to the script. Says whether it took them all.
fn feed_all(mut stdin: ChildStdin, mut batches: Receiver<RecordBatch>, format: &RowFormat) -> bool {
    let mut lines = Vec::new();
    while let Some(batch) = batches.blocking_recv() {
        lines.clear();
        format.encode(&batch, &mut lines);
        if stdin.write_all(&lines).is_err() {
            return false;
        }
    }
    true
}

/// Passes on what the script complains of, and keeps the end of it.
fn listen(mut stderr: ChildStderr) -> String {
    let mut buffer = vec![0; READ_BYTES];
    let mut tail: Vec<u8> = Vec::new();
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        let _ = io::stderr().write_all(&buffer[..count]);
        tail.extend_from_slice(&buffer[..count]);
        let over = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..over);
    }
    String::from_utf8_lossy(&tail).into_owned()
}

struct Reader {
    command: String,
    output: Arc<RowFormat>,
    partial: bool,
    group: Arc<Group>,
    rows: Sender<Output>,
    /// The script works in it.
    _directory: Directory,
}

impl Reader {
    fn run(self, stdout: ChildStdout, feeder: JoinHandle<bool>, listener: JoinHandle<String>) {
        let ended = self.read(stdout).and_then(|wanted| match wanted {
            true => self.conclude(feeder, listener),
            false => Ok(()),
        });
        if ended.is_err() {
            self.group.kill();
        }
        // Nobody listens any more to a script that was given up.
        let _ = self.rows.blocking_send(ended.map(|()| None));
    }

    /// `false`: nobody wants the rows any more.
    fn read(&self, mut stdout: ChildStdout) -> Result<bool, ScriptError> {
        let unreadable = |source| ScriptError::Output { command: self.command.clone(), source };
        let mut pending = BytesMut::new();
        loop {
            let had = pending.len();
            pending.resize(had + READ_BYTES, 0);
            let count = match stdout.read(&mut pending[had..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    pending.truncate(had);
                    continue;
                }
                other => other.map_err(unreadable)?,
            };
            pending.truncate(had + count);
            // Without another byte, what is left is the last line.
            let whole = match count {
                0 => pending.len(),
                _ => memchr::memrchr(b'\n', &pending[had..]).map_or(0, |end| had + end + 1),
            };
            if whole > 0 && !self.hand_on(pending.split_to(whole).freeze())? {
                return Ok(false);
            }
            if count == 0 {
                return Ok(true);
            }
            if pending.len() > LINE_BYTES_MAX {
                return Err(ScriptError::Line { command: self.command.clone(), limit: LINE_BYTES_MAX });
            }
        }
    }

    fn hand_on(&self, lines: Bytes) -> Result<bool, ScriptError> {
        let rows = self.output.decode(lines);
        let rows = rows.map_err(|source| ScriptError::Row { command: self.command.clone(), source })?;
        Ok(self.rows.blocking_send(Ok(Some(rows))).is_ok())
    }

    fn conclude(&self, feeder: JoinHandle<bool>, listener: JoinHandle<String>) -> Result<(), ScriptError> {
        let command = || self.command.clone();
        let ended = self.group.wait().map_err(|source| ScriptError::Output { command: command(), source })?;
        // Killed by whoever wanted the rows.
        let Some(status) = ended else { return Ok(()) };
        if !status.success() {
            let stderr = listener.join().unwrap_or_default();
            return Err(ScriptError::Exit { command: command(), status, stderr });
        }
        // What is still to come tells whether the script left something unread.
        if self.partial || feeder.join().unwrap_or(false) {
            return Ok(());
        }
        let stderr = listener.join().unwrap_or_default();
        Err(ScriptError::Input { command: command(), stderr })
    }
}
