//! The thread that waits for what a process prints. It reads under the log's lock, so that nothing is ever in its hands only.

use super::JobLog;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio},
};
use std::{
    io::{self, PipeReader, Read},
    os::fd::OwnedFd,
    sync::Arc,
    thread,
};

pub(super) struct NonBlocking(PipeReader);

impl NonBlocking {
    pub fn new(pipe: PipeReader) -> io::Result<NonBlocking> {
        ioctl_fionbio(&pipe, true)?;
        Ok(NonBlocking(pipe))
    }

    /// `None`: nothing there now. `Some(0)`: nothing will come any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.0.read(buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn duplicate(&self) -> io::Result<OwnedFd> {
        Ok(fcntl_dupfd_cloexec(&self.0, 0)?)
    }
}

pub(super) fn start(log: Arc<JobLog>) -> io::Result<()> {
    let Some(pipe) = log.writer().pipe.as_ref().map(NonBlocking::duplicate).transpose()? else {
        return Ok(());
    };
    thread::Builder::new().name("skep-log".to_owned()).spawn(move || run(&log, &pipe))?;
    Ok(())
}

fn run(log: &JobLog, pipe: &OwnedFd) {
    loop {
        let mut wanted = [PollFd::new(pipe, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return tracing::error!(%error, "a job's output is not read any more"),
        }
        let events = wanted[0].revents();
        let mut writer = log.writer();
        writer.drain();
        let over = writer.pipe.is_none();
        drop(writer);
        if over || (events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN)) {
            return;
        }
    }
}
