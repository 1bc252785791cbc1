//! `skep up`: a cluster of real processes on this machine, and the supervisor that keeps it up.
//!
//! ```text
//! skep up            ─► supervisor ─┬─► skep master
//! skep up --detach   ─► supervisor  ├─► skep worker --role core  (each)
//!   (returns when ready)            └─► skep worker --role task  (each)
//! ```
//! The supervisor is the cluster's provider: the master orders workers from it (`skep resize`).
//!
//! * [`fleet`] is the book of who should run; [`children`] starts and ends processes; [`supervisor`] is the loop.
//! * [`provider`] hears the master. [`layout`] and [`record`] are what lies on the disk.

mod children;
mod detach;
mod fleet;
mod layout;
mod provider;
pub mod record;
mod supervisor;

use super::{Outcome, on_one_thread};
use crate::{
    args::{GlobalArgs, LogFormat, up::UpArgs},
    find_cluster::LastUp,
    signals::{Stop, die_with},
};
use children::Recipe;
use fleet::Name;
use layout::Layout;
use record::{UpLock, UpRecord};
use skep_wire::{Endpoint, Secret};
use std::{
    ffi::OsString,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use supervisor::Supervisor;

const CORE_WORKERS_DEFAULT: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub enum UpError {
    #[error("there is no place for the cluster's data: set HOME, or name a directory with --data DIR")]
    NoData,
    #[error("cannot use the data directory {}", data.display())]
    Data { data: PathBuf, source: io::Error },
    #[error(
        "{} holds the data of {found} core workers; start all of them (--core {found}) and then `skep resize --core {asked}`", data.display()
    )]
    TooFewCore { data: PathBuf, found: u32, asked: u32 },
    #[error("cannot listen on {listen}; name another address with --listen HOST:PORT")]
    Listen { listen: Endpoint, source: io::Error },
    #[error("{name} cannot live; the end of {}:\n{lines}", log.display())]
    CannotLive { name: Name, log: PathBuf, lines: String },
    #[error("the cluster did not come up within {waited:?}; see the logs in {}/logs", data.display())]
    Slow { waited: Duration, data: PathBuf },
    #[error("interrupted: everything was stopped again")]
    Interrupted,
    #[error("the supervisor ended before the cluster was up; the end of {}:\n{lines}", log.display())]
    SupervisorEnded { log: PathBuf, lines: String },
    #[error("cannot start the supervisor")]
    Start(#[source] io::Error),
    #[error("another `skep up` is starting in {}; wait for it, or stop it", data.display())]
    Starting { data: PathBuf },
}

pub fn run(global: &GlobalArgs, args: &UpArgs) -> Outcome {
    if args.supervise {
        // A session of its own: it is not ended with the terminal that it was started from.
        rustix::process::setsid().map_err(|error| UpError::Start(error.into()))?;
    }
    if let Some(parent) = args.supervised.parent {
        die_with(parent)?;
    }
    let data = args.data.clone().or_else(record::default_data).ok_or(UpError::NoData)?;
    let layout = Layout::create(&data).map_err(|source| UpError::Data { data: data.clone(), source })?;
    if args.detach {
        return detach::run(global, args, &layout);
    }
    let lock = UpLock::take(layout.data()).map_err(|source| UpError::Data { data, source })?;
    let Some(_lock) = lock else { return already_up(layout.data()) };
    on_one_thread(async { Ok(supervise(global, args, layout).await?) })
}

/// Says that the cluster runs: that is what the user wanted.
fn already_up(data: &Path) -> Outcome {
    let Some(record) = UpRecord::load(data) else {
        return Err(UpError::Starting { data: data.to_owned() }.into());
    };
    writeln!(
        io::stdout(),
        "already up: master at {} (supervisor is process {}); stop it with `skep down`",
        record.master,
        record.supervisor.process
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn supervise(global: &GlobalArgs, args: &UpArgs, layout: Layout) -> Result<ExitCode, UpError> {
    let data_error = |source| UpError::Data { data: layout.data().to_owned(), source };
    let stop = Stop::on_signals().map_err(UpError::Start)?;
    let core = core_workers(&layout, args.core)?;
    let master = free_address(&args.listen)?;
    std::fs::create_dir_all(layout.directory(Name::Master)).map_err(data_error)?;
    let secret = Secret::load_or_create(&layout.secret()).map_err(data_error)?;
    let recipe = recipe(global, args, master.clone())?;
    UpRecord::remove(layout.data());
    let mut supervisor = Supervisor::new(layout.clone(), recipe, secret, core, args.task);
    let result = match supervisor.bring_up(&stop).await {
        Ok(()) => {
            let last = LastUp { master, secret_file: layout.secret(), data: layout.data().to_owned() };
            if let Err(error) = last.remember() {
                eprintln!(
                    "warning: clients will not find this cluster by themselves (use --master): {error}"
                );
            }
            tell_ready(args, &last, core);
            supervisor.keep_up(&stop).await
        }
        Err(error) => Err(error),
    };
    if result.is_ok() && !args.supervise {
        eprintln!("stopping");
    }
    supervisor.stop().await;
    LastUp::forget(layout.data());
    result.map(|()| ExitCode::SUCCESS)
}

fn core_workers(layout: &Layout, asked: Option<u32>) -> Result<u32, UpError> {
    let found =
        layout.core_workers().map_err(|source| UpError::Data { data: layout.data().to_owned(), source })?;
    match asked {
        Some(asked) if asked < found => {
            Err(UpError::TooFewCore { data: layout.data().to_owned(), found, asked })
        }
        Some(asked) => Ok(asked),
        None if found > 0 => Ok(found),
        None => Ok(CORE_WORKERS_DEFAULT),
    }
}

/// The address is settled before the master starts, so that it is the same when the master must be started again.
fn free_address(listen: &Endpoint) -> Result<Endpoint, UpError> {
    let Endpoint::Tcp(text) = listen else { return Ok(listen.clone()) };
    let bound = TcpListener::bind(text.as_str()).and_then(|socket| socket.local_addr());
    match bound {
        Ok(address) => Ok(Endpoint::Tcp(address.to_string())),
        Err(source) => Err(UpError::Listen { listen: listen.clone(), source }),
    }
}

fn recipe(global: &GlobalArgs, args: &UpArgs, master: Endpoint) -> Result<Recipe, UpError> {
    let mut worker_flags: Vec<OsString> = Vec::new();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            worker_flags.push(flag.into());
            worker_flags.push(value.into());
        }
    };
    add("--slots", args.slots.map(|slots| slots.to_string()));
    add("--memory", args.memory.map(|memory| memory.to_string()));
    add("--shuffle-memory", args.storage.shuffle_memory.map(|bytes| bytes.to_string()));
    add("--scrub-rate", args.storage.scrub_rate.map(|bytes| bytes.to_string()));
    let mut common_flags: Vec<OsString> = (0..global.verbose).map(|_| "-v".into()).collect();
    if global.log_format == LogFormat::Json {
        common_flags.extend(["--log-format".into(), "json".into()]);
    }
    let skep = std::env::current_exe().map_err(UpError::Start)?;
    Ok(Recipe { skep, master, worker_flags, common_flags })
}

fn tell_ready(args: &UpArgs, up: &LastUp, core: u32) {
    let text = ready_text(up, core, args.task, args.supervise || args.detach);
    // A detached supervisor's parent reads until the line that ends its message; nobody else is waited for.
    let _ = io::stdout().write_all(text.as_bytes());
    let _ = io::stdout().flush();
}

fn ready_text(up: &LastUp, core: u32, task: u32, detached: bool) -> String {
    let stop = if detached { "skep down" } else { "Ctrl-C, or skep down" };
    format!(
        "The cluster is up: {core} core and {task} task workers, master at {}\n\
         \x20 use it:   skep status, skep fs ls /, skep submit BINARY ARGS (this user's commands find it by themselves)\n\
         \x20 others:   --master {} --secret {}\n\
         \x20 data:     {}\n\
         \x20 stop it:  {stop}\n",
        up.master,
        up.master,
        up.secret_file.display(),
        up.data.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_core_workers_is_started_with_all_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        assert_eq!(core_workers(&layout, None).unwrap(), CORE_WORKERS_DEFAULT);
        assert_eq!(core_workers(&layout, Some(5)).unwrap(), 5);
        std::fs::create_dir(layout.directory(Name::Core(3))).unwrap();
        assert_eq!(core_workers(&layout, None).unwrap(), 3);
        assert_eq!(core_workers(&layout, Some(4)).unwrap(), 4);
        let error = core_workers(&layout, Some(2)).unwrap_err();
        assert!(error.to_string().contains("--core 3"), "{error}");
    }

    #[test]
    fn port_zero_becomes_a_port_that_can_be_kept() {
        let Endpoint::Tcp(address) = free_address(&Endpoint::Tcp("127.0.0.1:0".to_owned())).unwrap() else {
            panic!("not TCP")
        };
        assert!(!address.ends_with(":0"), "{address}");
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = Endpoint::Tcp(taken.local_addr().unwrap().to_string());
        let _ = free_address(&taken);
    }
}
