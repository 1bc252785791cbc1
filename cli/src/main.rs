//! The `skep` binary: what was typed, what it means, and wiring the rooms together. It has no logic of its own beyond
//! that; [`commands`] has one file or folder per command.

mod args;
mod commands;
mod find_cluster;
mod logging;
mod report;
mod signals;
mod tables;

use args::{Cli, Command};
use clap::Parser;
use commands::Outcome;
use logging::Voice;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    report::conclude(run(&cli))
}

fn run(cli: &Cli) -> Outcome {
    let Cli { global, command } = cli;
    logging::start(voice(command), global.verbose, global.log_format)?;
    match command {
        Command::Up(args) => commands::up::run(global, args),
        Command::Down(args) => commands::down::run(args),
        Command::Status(args) => commands::status::run(global, args),
        Command::Fs(args) => commands::fs::run(global, args),
        Command::Submit(args) => commands::submit::run(global, args),
        Command::Sql(args) => commands::sql::run(global, args),
        Command::Jobs(args) => commands::jobs::run(global, args),
        Command::Resize(args) => commands::resize::run(global, args),
        Command::Demo(args) => commands::demo::run(args),
        Command::Master(args) => commands::master::run(args),
        Command::Worker(args) => commands::worker::run(global, args),
        Command::Hive(args) => commands::hive::run(global, args),
        Command::Task => Ok(commands::task::run()),
        Command::Warden(args) => commands::worker::watch(args),
    }
}

fn voice(command: &Command) -> Voice {
    match command {
        Command::Master(_) | Command::Worker(_) | Command::Hive(_) | Command::Warden(_) => Voice::Daemon,
        Command::Up(args) if args.supervise => Voice::Daemon,
        Command::Up(_) => Voice::Supervisor,
        _ => Voice::Client,
    }
}
