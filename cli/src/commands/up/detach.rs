//! `skep up --detach`: starts the supervisor in a session of its own and returns when it says that the cluster takes jobs.

use super::{
    UpError, already_up,
    layout::{Layout, last_lines},
    record::UpLock,
};
use crate::{
    args::{GlobalArgs, LogFormat, up::UpArgs},
    commands::Outcome,
};
use std::{
    env,
    ffi::OsString,
    io::{self, Read, Write},
    process::{Child, Command, ExitCode, Stdio},
};

const LOG_LINES_SHOWN: usize = 20;
const SUPERVISOR_LOG: &str = "supervisor";

pub fn run(global: &GlobalArgs, args: &UpArgs, layout: &Layout) -> Outcome {
    let data_error = |source| UpError::Data { data: layout.data().to_owned(), source };
    // Given back at once: the supervisor takes it. Whoever is quicker wins, and the other says so.
    if UpLock::take(layout.data()).map_err(data_error)?.is_none() {
        return already_up(layout.data());
    }
    let log = layout.open_log(SUPERVISOR_LOG).map_err(data_error)?;
    let mut command = Command::new(env::current_exe().map_err(UpError::Start)?);
    command.args(words(global, args, layout)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().map_err(UpError::Start)?;
    let told = read_message(&mut child).map_err(UpError::Start)?;
    if told.is_empty() {
        let _ = child.wait();
        let log = layout.log(SUPERVISOR_LOG);
        let lines = last_lines(&log, LOG_LINES_SHOWN);
        return Err(UpError::SupervisorEnded { log, lines }.into());
    }
    io::stdout().write_all(&told)?;
    Ok(ExitCode::SUCCESS)
}

/// The same command, as the supervisor.
fn words(global: &GlobalArgs, args: &UpArgs, layout: &Layout) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["up".into(), "--supervise".into(), "--data".into()];
    words.push(layout.data().into());
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(flag.into());
            words.push(value.into());
        }
    };
    add("--core", args.core.map(|core| core.to_string()));
    add("--task", Some(args.task.to_string()));
    add("--listen", Some(args.listen.to_string()));
    add("--slots", args.slots.map(|slots| slots.to_string()));
    add("--memory", args.memory.map(|memory| memory.to_string()));
    add("--log-format", (global.log_format == LogFormat::Json).then(|| "json".to_owned()));
    words.extend((0..global.verbose).map(|_| "-v".into()));
    words
}

/// Reads until the message is complete (its last line begins the way [`super::ready_text`] ends) or the supervisor is
/// gone. The pipe itself stays open at the other end for as long as the supervisor lives.
fn read_message(child: &mut Child) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let Some(mut stdout) = child.stdout.take() else { return Ok(message) };
    let mut buffer = [0; 4096];
    loop {
        let read = stdout.read(&mut buffer)?;
        message.extend_from_slice(&buffer[..read]);
        if read == 0 || is_complete(&message) {
            return Ok(message);
        }
    }
}

fn is_complete(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    text.ends_with('\n') && text.lines().last().is_some_and(|line| line.contains("skep down"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find_cluster::LastUp;
    use skep_wire::Endpoint;

    #[test]
    fn the_supervisors_message_is_known_to_be_complete() {
        let master = Endpoint::Tcp("127.0.0.1:7".to_owned());
        let up = LastUp { master, secret_file: "/d/master/secret".into(), data: "/d".into() };
        let text = super::super::ready_text(&up, 2, 1, true);
        assert!(is_complete(text.as_bytes()));
        for cut in 1..text.len() {
            assert!(!is_complete(&text.as_bytes()[..cut]), "{cut}");
        }
    }
}
