//! `skep fs`: files of the cluster, of S3 and of this machine, with the commands, output and exit codes of `hdfs dfs`.
//!
//! * [`catalogue`] is the table of commands; [`generic`] and [`words`] read what was typed; [`shell`] is what commands
//!   have at hand.
//! * [`item`] is a path; [`files`] finds its store and expands patterns; [`storage`] has the stores.
//! * [`list`], [`read`], [`copy`] (with [`transfer`]), [`tree`], [`attributes`], [`totals`], [`help`]: the commands.
//!
//! Exit codes: 0, 1 when something failed, 255 for wrong usage, 130 interrupted.

mod attributes;
mod catalogue;
mod copy;
mod error;
mod files;
mod generic;
mod help;
mod item;
mod list;
mod modes;
mod read;
mod shell;
mod sizes;
mod storage;
mod totals;
mod transfer;
mod tree;
mod words;

use super::{Outcome, on_one_thread};
use crate::args::{FsArgs, GlobalArgs};
use catalogue::{Command, NOT_HERE, Run};
use error::FsError;
use files::Files;
use shell::Shell;
use skep_jobs::submit::report::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_SUCCESS};
use std::process::ExitCode;
use words::{UsageError, Words};

const EXIT_WRONG_USAGE: u8 = 255;

pub fn run(global: &GlobalArgs, args: &FsArgs) -> Outcome {
    let mut words = Vec::with_capacity(args.words.len());
    for word in &args.words {
        match word.to_str() {
            Some(word) => words.push(word.to_owned()),
            None => return Ok(wrong_usage(&format!("{} is not UTF-8", word.display()), None)),
        }
    }
    let (new_files, words) = match generic::parse(&words) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(wrong_usage(&error.to_string(), None)),
    };
    let Some((name, rest)) = words.split_first() else {
        eprint!("{}", help::overview());
        return Ok(ExitCode::from(EXIT_WRONG_USAGE));
    };
    if ["--help", "-h"].contains(&name.as_str()) {
        print_overview();
        return Ok(ExitCode::SUCCESS);
    }
    let bare = name.trim_start_matches('-');
    let Some(command) = catalogue::find(name) else {
        let missing = NOT_HERE.iter().find(|(missing, _)| *missing == bare);
        return Ok(match missing {
            Some((_, why)) => wrong_usage(&format!("{bare}: not supported here: {why}"), None),
            None => wrong_usage(&format!("{name}: Unknown command"), None),
        });
    };
    match understand(command, rest) {
        Ok(words) => on_one_thread(async {
            Ok(perform(command, Shell::new(Files::new(global, new_files), command.name, words)).await)
        }),
        Err(error) => Ok(wrong_usage(&format!("-{}: {error}", command.name), Some(command))),
    }
}

fn print_overview() {
    use std::io::Write;
    let _ = std::io::stdout().write_all(help::overview().as_bytes());
}

fn wrong_usage(message: &str, command: Option<&Command>) -> ExitCode {
    eprintln!("{message}");
    match command {
        Some(command) => eprintln!("{}", help::usage_line(command)),
        None => eprintln!("`skep fs help` lists the commands"),
    }
    ExitCode::from(EXIT_WRONG_USAGE)
}

/// What was typed after the command's name, with the rules that one option has about another.
fn understand(command: &Command, rest: &[String]) -> Result<Words, UsageError> {
    let words = Words::parse(rest, &command.takes)?;
    if command.run == Run::Test {
        match words.flags().len() {
            0 => return Err(UsageError::Other("No test flag given".to_owned())),
            1 => {}
            _ => return Err(UsageError::Other("Only one test flag is allowed".to_owned())),
        }
    }
    Ok(words)
}

async fn perform(command: &Command, shell: Shell) -> ExitCode {
    let leaves_unfinished_files = matches!(
        command.run,
        Run::Put | Run::Get | Run::Cp | Run::MoveFromLocal | Run::MoveToLocal | Run::Getmerge
    );
    let work = dispatch(command.run, &shell);
    let done = if leaves_unfinished_files {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => {
                shell.remove_unfinished().await;
                eprintln!("{}: interrupted; files that were complete stay", shell.name);
                return ExitCode::from(EXIT_INTERRUPTED);
            }
        }
    } else {
        work.await
    };
    if let Err(error) = done.and_then(|()| shell.flush()) {
        shell.fail(&error);
    }
    if shell.failures() > 0 { ExitCode::from(EXIT_FAILURE) } else { ExitCode::from(EXIT_SUCCESS) }
}

async fn dispatch(run: Run, shell: &Shell) -> Result<(), FsError> {
    match run {
        Run::AppendToFile => copy::append_to_file(shell).await,
        Run::Cat => read::cat(shell).await,
        Run::Checksum => read::checksum(shell).await,
        Run::Chgrp => attributes::chgrp(shell).await,
        Run::Chmod => attributes::chmod(shell).await,
        Run::Chown => attributes::chown(shell).await,
        Run::Count => totals::count(shell).await,
        Run::Cp => copy::cp(shell).await,
        Run::Df => totals::df(shell).await,
        Run::Du => totals::du(shell).await,
        Run::Find => list::find(shell).await,
        Run::Get => copy::get(shell).await,
        Run::Getmerge => copy::getmerge(shell).await,
        Run::Head => read::head(shell).await,
        Run::Help => help::help(shell),
        Run::Ls => list::ls(shell).await,
        Run::Mkdir => tree::mkdir(shell).await,
        Run::MoveFromLocal => copy::move_from_local(shell).await,
        Run::MoveToLocal => copy::move_to_local(shell).await,
        Run::Mv => tree::mv(shell).await,
        Run::Put => copy::put(shell).await,
        Run::Rm => tree::rm(shell).await,
        Run::Rmdir => tree::rmdir(shell).await,
        Run::Setrep => attributes::setrep(shell).await,
        Run::Stat => attributes::stat(shell).await,
        Run::Tail => read::tail(shell).await,
        Run::Test => attributes::test(shell).await,
        Run::Text => read::text(shell).await,
        Run::Touch => attributes::touch(shell).await,
        Run::Touchz => attributes::touchz(shell).await,
        Run::Usage => help::usage(shell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(name: &str, words: &[&str]) -> Result<Words, UsageError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        understand(catalogue::find(name).unwrap(), &words)
    }

    #[test]
    fn test_takes_exactly_one_flag() {
        assert!(understood("test", &["-e", "/x"]).is_ok());
        assert!(understood("test", &["/x"]).is_err());
        assert!(understood("test", &["-e", "-d", "/x"]).is_err());
        assert!(understood("test", &["-e", "/x", "/y"]).is_err());
    }

    #[test]
    fn find_has_its_options_after_the_paths() {
        let words = understood("find", &["/x", "-name", "a*"]).unwrap();
        assert_eq!(words.paths, ["/x", "-name", "a*"]);
        assert_eq!(understood("find", &["-name", "a*"]).unwrap().paths, ["-name", "a*"]);
    }
}
