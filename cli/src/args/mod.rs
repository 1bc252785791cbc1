//! What was typed: the command line as clap reads it. What it means is decided by the commands; nothing past them sees a
//! flag. Every option that is not known is an error.

pub mod client;
pub mod daemon;
pub mod demo;
pub mod hive;
#[cfg(test)]
mod reference;
pub mod size;
pub mod sql;
pub mod submit;
pub mod up;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use skep_wire::Endpoint;
use std::{ffi::OsString, path::PathBuf};

const AFTER_HELP: &str = "\
A client finds its cluster by --master, the variable SKEP_MASTER, or the last `skep up` of this user.

Examples:
  skep up --detach                       a cluster on this machine
  skep fs put books/*.txt /books         store files
  skep submit ./wordcount /books /out    run a job binary
  skep fs cat '/out/part-*'              read its output
  skep sql -e 'SELECT 1'                 HiveQL; without -e a shell
  skep resize --task 3                   more task workers
  skep down                              stop

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted (`skep fs`: 0, 1, and 255 for wrong usage, as `hdfs dfs`).";

/// One binary that holds a whole analytics cluster: replicated storage, map/reduce jobs, elastic workers.
#[derive(Debug, Parser)]
#[command(name = "skep", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Address of the master, HOST:PORT. Variable: SKEP_MASTER. Default: the last `skep up`
    #[arg(long, global = true, value_name = "HOST:PORT", help_heading = "Global options")]
    pub master: Option<Endpoint>,
    /// File with the cluster secret. Variable: SKEP_SECRET_FILE. Default: that of the last `skep up`, or
    /// ~/.config/skep/secret
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub secret: Option<PathBuf>,
    /// Say more on stderr: -v what happens, -vv every step. The variable SKEP_LOG takes tracing filters
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Form of log lines on stderr
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORM",
        help_heading = "Global options"
    )]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cluster of real processes on this machine
    Up(up::UpArgs),
    /// Stop the cluster that `skep up` started
    Down(up::DownArgs),
    /// Show workers, slots, storage and running jobs
    Status(client::StatusArgs),
    /// Files of the cluster, s3:// and file://, as `hdfs dfs` has them
    #[command(disable_help_flag = true)]
    Fs(FsArgs),
    /// Run a job binary or streaming commands on the cluster
    Submit(submit::SubmitArgs),
    /// HiveQL: an interactive shell, or scripts
    Sql(sql::SqlArgs),
    /// List, show, explain and kill jobs
    Jobs(client::JobsArgs),
    /// Change how many workers the cluster has
    Resize(client::ResizeArgs),
    /// Show the main job end to end on a cluster of its own
    Demo(demo::DemoArgs),
    /// Run the master
    Master(daemon::MasterArgs),
    /// Run a worker
    Worker(daemon::WorkerArgs),
    /// Hold the SQL sessions of a cluster
    Hive(hive::HiveArgs),
    /// Run tasks of plans that `skep` itself builds; started by workers
    #[command(hide = true)]
    Task,
    /// End what a worker's tasks left behind, when it is gone; started by workers
    #[command(hide = true)]
    Warden(daemon::WardenArgs),
}

/// `skep fs` reads its words itself, to the letter of `hdfs dfs`.
#[derive(Debug, Args)]
pub struct FsArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND [OPTIONS] PATHS")]
    pub words: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("skep").chain(words.iter().copied()))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name().to_owned();
            let help = command.clone().render_long_help().to_string();
            assert!(name == "fs" || help.contains("Example"), "{name}: {help}");
        }
    }

    #[test]
    fn words_of_fs_are_left_as_they_are() {
        for words in [&["-ls", "-R", "/x"][..], &["ls", "-v", "--master"], &["-help"], &["-stat", "-h"]] {
            let all: Vec<&str> = std::iter::once("fs").chain(words.iter().copied()).collect();
            let Command::Fs(fs) = parse(&all).unwrap().command else { panic!("not fs") };
            assert_eq!(fs.words, words, "{words:?}");
        }
    }

    #[test]
    fn the_master_may_be_named_before_or_after_the_command() {
        for words in [["--master", "127.0.0.1:1", "status"], ["status", "--master", "127.0.0.1:1"]] {
            assert!(parse(&words).unwrap().global.master.is_some());
        }
        let cli = parse(&["fs", "--master", "127.0.0.1:1", "-ls", "/"]).unwrap();
        assert!(cli.global.master.is_some());
        let Command::Fs(fs) = cli.command else { panic!("not fs") };
        assert_eq!(fs.words, ["-ls", "/"]);
    }

    #[test]
    fn unknown_options_are_errors() {
        for words in
            [&["status", "--jsn"][..], &["frobnicate"], &["jobs", "list", "--al"], &["up", "--cores", "2"]]
        {
            let error = parse(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
