//! `skep sql`: scripts of HiveQL, or a shell. What a statement means and does is the engine's; here it is read, cut, sent, and
//! its answer printed.

mod connection;
mod console;
mod failure;
mod interrupt;
mod print;
mod progress;
mod query;
mod runner;
mod script;
mod shell;

use super::{Failure, Outcome, on_some_deep_threads};
use crate::args::{
    GlobalArgs,
    sql::{ScriptSource, SqlArgs},
};
use connection::{ConnectError, Connection};
use console::Console;
use interrupt::Interrupts;
use runner::{Ended, Runner};
use script::Script;
use skep_jobs::submit::report::{EXIT_FAILURE, EXIT_INTERRUPTED};
use std::{
    io::{self, IsTerminal},
    num::NonZero,
    process::ExitCode,
    thread::available_parallelism,
    time::Duration,
};

/// Statements may be as deep as a program makes them. Only what is used of a stack takes memory.
const STACK_BYTES: usize = 512 << 20;
/// What a shell sees of a program that SIGPIPE ended.
const EXIT_PIPE_CLOSED: u8 = 128 + 13;
/// After Ctrl-C a script's statement has so long to end.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn run(global: &GlobalArgs, args: &SqlArgs) -> Outcome {
    let threads = available_parallelism().map_or(1, NonZero::get);
    // What goes wrong must leave its thread, and is only shown.
    let shown = |failure: Failure| failure.to_string();
    let ended = on_some_deep_threads(threads, STACK_BYTES, || async {
        match session(global, args).await {
            Err(failure) if is_broken_pipe(&failure) => Ok(ExitCode::from(EXIT_PIPE_CLOSED)),
            ended => ended.map_err(shown),
        }
    });
    Ok(ended??)
}

/// Whoever read the rows has seen enough, as in `| head`.
fn is_broken_pipe(failure: &Failure) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn session(global: &GlobalArgs, args: &SqlArgs) -> Outcome {
    let interactive = args.scripts.0.is_empty() && io::stdin().is_terminal();
    let console = Console::of_process(args, global.verbose, interactive);
    let mut runner =
        Runner::new(console, Interrupts::listen((!interactive).then_some(PATIENCE))?, args.continue_on_error);
    let mut connection = tokio::select! {
        connection = Connection::open(global, args) => match connection {
            Err(ConnectError::Session(error)) => {
                runner.fail(&error.message)?;
                return Ok(ExitCode::from(EXIT_FAILURE));
            }
            connection => connection?,
        },
        () = runner.interrupts.pressed() => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
    };
    let first = args.init.iter().map(|file| ScriptSource::File(file.clone()));
    let given = args.scripts.0.iter().cloned();
    let input = (args.scripts.0.is_empty() && !interactive).then_some(ScriptSource::Input);
    for source in first.chain(given).chain(input) {
        match script(&mut runner, &mut connection, &source).await? {
            Ended::AtItsEnd => {}
            Ended::Quit | Ended::Failed => return Ok(exit_code(&runner)),
            Ended::Interrupted => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
        }
    }
    if interactive {
        return shell::run(connection, runner, args.silent).await;
    }
    Ok(exit_code(&runner))
}

async fn script(
    runner: &mut Runner,
    connection: &mut Connection,
    source: &ScriptSource,
) -> Result<Ended, Failure> {
    // Standard input may take its time; Ctrl-C must end that too.
    runner.interrupts.forget();
    let given = source.clone();
    let read = tokio::task::spawn_blocking(move || Script::read(&given));
    let script = tokio::select! {
        script = read => script?,
        () = runner.interrupts.pressed() => return Ok(Ended::Interrupted),
    };
    match script {
        Ok(script) => Ok(runner.run(connection, script).await?),
        Err(error) => {
            runner.fail(&error.to_string())?;
            Ok(Ended::Failed)
        }
    }
}

fn exit_code(runner: &Runner) -> ExitCode {
    if runner.failed { ExitCode::from(EXIT_FAILURE) } else { ExitCode::SUCCESS }
}
