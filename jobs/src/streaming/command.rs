//! One running command. Three threads serve its pipes; the task's thread hands buffers over and takes output, and never
//! waits for one of them while the other is full:
//!
//! ```text
//! task thread ──buffers──► feeder ─► stdin ─► command ─► stdout ─► reader ──events──► task thread
//!                             └────────────────events (room again)──────────────────────►
//!                                              stderr ─► listener ─► counters, status, log
//! ```

use super::{descendants::kill_tree, environment::Phase, stderr};
use crate::plan::{fault::TaskFault, scope::TaskScope};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Input is handed over in buffers of about this length ...
pub const BUFFER_BYTES: usize = 64 << 10;
/// ... of which this many may wait for the command.
const BUFFERS_MAX: usize = 4;
const OUTPUT_BYTES: usize = 64 << 10;
const EVENTS_MAX: usize = 4;
const CANCEL_POLL: Duration = Duration::from_millis(50);

enum Event {
    /// The command took a buffer, or does not read any more: either way there is room.
    Room,
    Output(Vec<u8>),
    OutputEnd,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// As the user gave it, for messages.
    pub text: String,
    pub words: Vec<String>,
    pub phase: Phase,
    pub environment: BTreeMap<String, String>,
}

/// Takes the command's output as it comes, cut anywhere.
pub type TakeOutput<'t> = &'t mut dyn FnMut(&[u8]) -> Result<(), TaskFault>;

pub struct RunningCommand<'a> {
    scope: &'a TaskScope<'a>,
    text: String,
    child: Child,
    input: Option<SyncSender<Vec<u8>>>,
    /// Buffers that the feeder has and the command has not taken.
    waiting: usize,
    events: Receiver<Event>,
    listener: Option<JoinHandle<Vec<String>>>,
    output_ended: bool,
}

impl<'a> RunningCommand<'a> {
    pub fn start(line: &CommandLine, scope: &'a TaskScope<'a>) -> Result<RunningCommand<'a>, TaskFault> {
        let failed = |source| TaskFault::Spawn { command: line.text.clone(), source };
        let work = &scope.context.work;
        let Some((first, arguments)) = line.words.split_first() else {
            return Err(failed(std::io::Error::other("the command is empty")));
        };
        // A shipped file is found by its bare name, as if `.` were on the search path.
        let shipped = work.join(first);
        let program =
            if !first.contains('/') && shipped.is_file() { shipped.into_os_string() } else { first.into() };
        // The command is told of it as its place for temporary files.
        std::fs::create_dir_all(&scope.context.scratch).map_err(failed)?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(work)
            .envs(super::environment::variables(scope, line.phase, &line.environment))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        let (input, buffers) = sync_channel(BUFFERS_MAX);
        let (sender, events) = sync_channel(EVENTS_MAX);
        let (progress, log) = (Arc::clone(&scope.context.progress), Arc::clone(&scope.context.log));
        let output_sender = sender.clone();
        std::thread::spawn(move || feed(stdin, &buffers, &sender));
        std::thread::spawn(move || read(stdout, &output_sender));
        let listener = std::thread::spawn(move || stderr::listen(stderr, &progress, &log));
        Ok(RunningCommand {
            scope,
            text: line.text.clone(),
            child,
            input: Some(input),
            waiting: 0,
            events,
            listener: Some(listener),
            output_ended: false,
        })
    }

    /// Gives the command bytes to read. A command that does not read them is left alone: they are dropped.
    pub fn feed(&mut self, buffer: Vec<u8>, take: TakeOutput<'_>) -> Result<(), TaskFault> {
        while self.waiting >= BUFFERS_MAX {
            self.wait(take)?;
        }
        while let Ok(event) = self.events.try_recv() {
            self.handle(event, take)?;
        }
        if let Some(input) = &self.input {
            match input.send(buffer) {
                Ok(()) => self.waiting += 1,
                Err(_) => self.input = None,
            }
        }
        Ok(())
    }

    /// No more input. Takes the rest of the output, and waits for the command to end well.
    pub fn finish(mut self, take: TakeOutput<'_>) -> Result<(), TaskFault> {
        self.input = None;
        while !self.output_ended {
            self.wait(take)?;
        }
        let status = self.wait_for_exit()?;
        let last = self.listener.take().and_then(|listener| listener.join().ok()).unwrap_or_default();
        let strict = crate::conf::text(&self.scope.context.conf.extra, "stream.non.zero.exit.is.failure");
        if status.success() || strict == "false" {
            return Ok(());
        }
        Err(TaskFault::User(failure(&self.text, status, &last)))
    }

    /// The command closed its output; usually it ends right after.
    fn wait_for_exit(&mut self) -> Result<ExitStatus, TaskFault> {
        let mut pause = Duration::from_micros(100);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if self.scope.context.cancel.is_raised() => return Err(TaskFault::Cancelled),
                Ok(None) => std::thread::sleep(pause),
                Err(source) => return Err(TaskFault::Spawn { command: self.text.clone(), source }),
            }
            pause = (pause * 2).min(CANCEL_POLL);
        }
    }

    /// Waits for the next event, or for the word to stop.
    fn wait(&mut self, take: TakeOutput<'_>) -> Result<(), TaskFault> {
        if self.scope.context.cancel.is_raised() {
            return Err(TaskFault::Cancelled);
        }
        match self.events.recv_timeout(CANCEL_POLL) {
            Ok(event) => self.handle(event, take),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                self.waiting = 0;
                self.output_ended = true;
                Ok(())
            }
        }
    }

    fn handle(&mut self, event: Event, take: TakeOutput<'_>) -> Result<(), TaskFault> {
        match event {
            Event::Room => self.waiting = self.waiting.saturating_sub(1),
            Event::OutputEnd => self.output_ended = true,
            Event::Output(bytes) => take(&bytes)?,
        }
        Ok(())
    }
}

impl Drop for RunningCommand<'_> {
    /// A command that was not waited for goes with all that it started; its threads end with its pipes.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            kill_tree(self.child.id());
            let _ = self.child.wait();
        }
    }
}

fn feed(mut stdin: ChildStdin, buffers: &Receiver<Vec<u8>>, events: &SyncSender<Event>) {
    let mut open = true;
    while let Ok(buffer) = buffers.recv() {
        // A command may end, or close its input, before it has read everything.
        open = open && stdin.write_all(&buffer).is_ok();
        if events.send(Event::Room).is_err() {
            return;
        }
    }
}

fn read(mut stdout: ChildStdout, events: &SyncSender<Event>) {
    loop {
        let mut bytes = vec![0; OUTPUT_BYTES];
        match stdout.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(len) => bytes.truncate(len),
        }
        if events.send(Event::Output(bytes)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::OutputEnd);
}

fn failure(command: &str, status: ExitStatus, last: &[String]) -> String {
    let how = match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    };
    if last.is_empty() {
        return format!("`{command}` ended with {how} and wrote nothing on stderr");
    }
    format!("`{command}` ended with {how}; its last lines on stderr:\n{}", last.join("\n"))
}

/// Puts lines together that output cuts anywhere.
#[derive(Default)]
pub struct Lines {
    carry: Vec<u8>,
}

impl Lines {
    /// Calls `each` with every line that `bytes` ends, without its end.
    pub fn cut(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), TaskFault>,
    ) -> Result<(), TaskFault> {
        let mut rest = bytes;
        while let Some(newline) = memchr::memchr(b'\n', rest) {
            if self.carry.is_empty() {
                each(&rest[..newline])?;
            } else {
                self.carry.extend_from_slice(&rest[..newline]);
                each(&self.carry)?;
                self.carry.clear();
            }
            rest = &rest[newline + 1..];
        }
        let len_bytes = self.carry.len() + rest.len();
        if len_bytes > crate::limits::RECORD_BYTES_MAX {
            return Err(TaskFault::RecordTooLarge { len_bytes: len_bytes as u64 });
        }
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    /// The last line, if it has no end.
    pub fn end(&mut self, each: impl FnOnce(&[u8]) -> Result<(), TaskFault>) -> Result<(), TaskFault> {
        let line = std::mem::take(&mut self.carry);
        if line.is_empty() { Ok(()) } else { each(&line) }
    }
}
